//! One connection of HTTP/1.1 for load: it reads of an answer what tells it from
//! others and where it ends, and costs little more than its system calls.
//!
//! The generator runs on the servers' own cores, and what it uses they do not have.

use std::{io, net::SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

pub use self::tls::Tls;

mod tls;

/// More headers than any server here sends.
const HEADERS: usize = 32;

/// Enough for a head, and for most bodies with it.
const ROOM: usize = 64 * 1024;

/// A connection, kept alive where the server does.
pub struct Wire {
    stream: Stream,
    /// What was read and is not used up, in `..filled`.
    buffer: Vec<u8>,
    filled: usize,
}

/// What bytes go over.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What is kept of an answer.
pub struct Answer {
    pub status: u16,
    /// Whether the connection ends with it.
    pub is_last: bool,
    /// The beginning of the body.
    pub beginning: String,
}

/// How long a body is.
enum Length {
    Known(usize),
    Chunked,
    UntilTheEnd,
}

impl Wire {
    /// Connect, over TLS if that is given.
    pub async fn connect(address: SocketAddr, tls: Option<&Tls>) -> Result<Wire> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("there is no connection to {address}"))?;
        stream.set_nodelay(true)?;
        let stream = match tls {
            Some(tls) => Stream::Tls(Box::new(tls.connect(stream).await?)),
            None => Stream::Plain(stream),
        };
        Ok(Wire { stream, buffer: vec![0; ROOM], filled: 0 })
    }

    /// Send a request, head and body, and read its answer meanwhile: a server may
    /// answer a body before it has all of it.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        let Wire { stream, buffer, filled } = self;
        match stream {
            Stream::Plain(stream) => {
                let (read, write) = stream.split();
                exchange(request, write, Reader { read, buffer, filled }).await
            }
            Stream::Tls(stream) => {
                let (read, write) = split(stream);
                exchange(request, write, Reader { read, buffer, filled }).await
            }
        }
    }
}

async fn exchange(
    request: &[u8],
    mut write: impl AsyncWrite + Unpin,
    reader: Reader<'_, impl AsyncRead + Unpin>,
) -> Result<Answer> {
    let send = async {
        write.write_all(request).await?;
        // TLS may keep the last of it.
        Ok(write.flush().await?)
    };
    let (_, answer) = tokio::try_join!(send, reader.answer())?;
    Ok(answer)
}

struct Reader<'a, R> {
    read: R,
    buffer: &'a mut Vec<u8>,
    filled: &'a mut usize,
}

impl<R: AsyncRead + Unpin> Reader<'_, R> {
    async fn answer(mut self) -> Result<Answer> {
        let (status, length, mut is_last) = loop {
            match head(&self.buffer[..*self.filled])? {
                Some((size, status, length, is_last)) => {
                    self.use_up(size);
                    break (status, length, is_last);
                }
                None => ensure!(self.more().await? > 0, "the connection ended before an answer"),
            }
        };
        // What is there of the body, which is most often all: only failures are read.
        let beginning = if status < 300 { String::new() } else { self.beginning() };
        match length {
            Length::Known(length) => self.skip(length).await?,
            Length::Chunked => while self.skip_chunk().await? {},
            Length::UntilTheEnd => {
                is_last = true;
                while self.more().await? > 0 {
                    *self.filled = 0;
                }
            }
        }
        Ok(Answer { status, is_last, beginning })
    }

    /// Pass over so many bytes.
    async fn skip(&mut self, length: usize) -> Result<()> {
        let mut left = length;
        loop {
            let here = left.min(*self.filled);
            self.use_up(here);
            left -= here;
            if left == 0 {
                return Ok(());
            }
            ensure!(self.more().await? > 0, "the connection ended {left} bytes before the body did");
        }
    }

    /// Pass over a chunk; false if it was the last.
    async fn skip_chunk(&mut self) -> Result<bool> {
        loop {
            match httparse::parse_chunk_size(&self.buffer[..*self.filled]) {
                Ok(httparse::Status::Complete((size, length))) => {
                    self.use_up(size);
                    // Its line's end behind it; no server here sends trailers.
                    self.skip(usize::try_from(length)? + 2).await?;
                    return Ok(length > 0);
                }
                Ok(httparse::Status::Partial) => {
                    ensure!(self.more().await? > 0, "the connection ended before the body did");
                }
                Err(_) => bail!("a chunk has no size"),
            }
        }
    }

    /// Read what has come; none at the end.
    async fn more(&mut self) -> io::Result<usize> {
        if *self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let read = self.read.read(&mut self.buffer[*self.filled..]).await?;
        *self.filled += read;
        Ok(read)
    }

    fn use_up(&mut self, size: usize) {
        self.buffer.copy_within(size..*self.filled, 0);
        *self.filled -= size;
    }

    fn beginning(&self) -> String {
        String::from_utf8_lossy(&self.buffer[..*self.filled]).into_owned()
    }
}

/// An answer's head, if it is there: its size, its status, its body's length, and
/// whether the connection ends with it.
fn head(bytes: &[u8]) -> Result<Option<(usize, u16, Length, bool)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = answer.parse(bytes)? else { return Ok(None) };
    let status = answer.code.context("an answer without a status")?;
    let value = |name: &str| answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let says = |name, what: &[u8]| value(name).is_some_and(|header| header.value.eq_ignore_ascii_case(what));
    let is_last = says("connection", b"close") || (answer.version == Some(0) && !says("connection", b"keep-alive"));
    let length = match value("content-length") {
        Some(length) => Length::Known(std::str::from_utf8(length.value)?.trim().parse()?),
        None if says("transfer-encoding", b"chunked") => Length::Chunked,
        None if matches!(status, 204 | 304) => Length::Known(0),
        None => Length::UntilTheEnd,
    };
    Ok(Some((size, status, length, is_last)))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::Wire;

    /// What a wire makes of answers, which come in pieces of this size.
    async fn ask(answers: &'static [u8], piece: usize, times: usize) -> Vec<(u16, bool, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("a setting");
            for piece in answers.chunks(piece) {
                stream.write_all(piece).await.expect("a reader");
                tokio::task::yield_now().await;
            }
            stream.shutdown().await.expect("an end");
            // Or what was asked and not read would reset the connection.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.expect("questions");
        });
        let mut wire = Wire::connect(address, None).await.expect("a server");
        let mut all = Vec::new();
        for _ in 0..times {
            let answer = wire.ask(b"GET / HTTP/1.1\r\n\r\n").await.expect("an answer");
            all.push((answer.status, answer.is_last, answer.beginning));
        }
        all
    }

    #[tokio::test]
    async fn an_answer_ends_where_its_head_says() {
        let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
            HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nConnection: close\r\n\r\ngone";
        let right = [(200, false, ""), (200, false, ""), (204, false, ""), (404, true, "gone")];
        let right = right.map(|(status, is_last, beginning)| (status, is_last, beginning.to_owned()));
        assert_eq!(ask(answers, answers.len(), 4).await, right);
        // Of one that comes a byte at a time nothing of the body may be there yet.
        let found = ask(answers, 1, 4).await;
        assert_eq!(found.iter().map(|answer| answer.0).collect::<Vec<_>>(), [200, 200, 204, 404]);
    }

    #[tokio::test]
    async fn a_connection_that_ends_with_its_answer_is_told() {
        for answer in [
            b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi".as_slice(),
            b"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 2\r\n\r\nhi",
            b"HTTP/1.1 200 OK\r\n\r\nto the end",
        ] {
            assert_eq!(ask(answer, answer.len(), 1).await, [(200, true, String::new())]);
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_none() {
        for answer in [
            b"".as_slice(),
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhell",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let mut wire = Wire::connect(address, None).await.expect("a server");
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.write_all(answer).await.expect("a reader");
            stream.shutdown().await.expect("an end");
            assert!(wire.ask(b"GET / HTTP/1.1\r\n\r\n").await.is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }
}
