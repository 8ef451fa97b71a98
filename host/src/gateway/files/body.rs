//! A file's bytes on their way out.

use std::{
    collections::VecDeque,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};
use wasmtime_wasi_http::Error;

use super::found::Content;

/// How much is read at a time, in bytes.
const PIECE: u64 = 128 << 10;

/// Parts of a file, and what stands between them. What is read is a piece ahead of nobody: a
/// client that takes its time costs no memory.
pub struct FileBody {
    content: Content,
    parts: VecDeque<Part>,
    /// All that is still to come.
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

/// A part of a body.
pub enum Part {
    /// Of the file.
    Content(Range<u64>),
    /// As it stands.
    Text(Bytes),
}

impl FileBody {
    /// These parts of a content.
    pub fn new(content: Content, parts: Vec<Part>) -> FileBody {
        let left = parts.iter().map(Part::length).sum();
        FileBody { content, parts: parts.into(), left, reading: None }
    }

    /// The next piece, or none if it has to be read first.
    fn next(&mut self) -> Option<Bytes> {
        match (self.parts.pop_front()?, &self.content) {
            (Part::Text(text), _) => Some(text),
            (Part::Content(range), Content::Read(bytes)) => {
                let at = |place| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                Some(bytes.slice(at(range.start)..at(range.end)))
            }
            (Part::Content(range), Content::Open(file)) => {
                let end = range.end.min(range.start + PIECE);
                if end < range.end {
                    self.parts.push_front(Part::Content(end..range.end));
                }
                let file = file.clone();
                self.reading = Some(spawn_blocking(move || read(&file, range.start..end)));
                None
            }
        }
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Part::Content(range) => range.end - range.start,
            Part::Text(text) => text.len() as u64,
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while self.left > 0 {
            let piece = match &mut self.reading {
                Some(reading) => {
                    let read = ready!(Pin::new(reading).poll(cx));
                    self.reading = None;
                    read.map_err(io::Error::other).flatten()
                }
                None => match self.next() {
                    Some(piece) => Ok(piece),
                    None if self.reading.is_some() => continue,
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                },
            };
            return Poll::Ready(Some(match piece {
                Ok(piece) => {
                    self.left = self.left.saturating_sub(piece.len() as u64);
                    Ok(Frame::data(piece))
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "a file cannot be read to its end");
                    self.left = 0;
                    Err(Error::HttpResponseIncomplete)
                }
            }));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn read(file: &std::fs::File, range: Range<u64>) -> io::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}
