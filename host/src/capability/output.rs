//! A component's standard output and error, as lines of the host's log.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tracing::Level;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use crate::telemetry::ServiceLog;

/// A line is logged in parts of at most this many bytes, so that a component
/// which never ends its line takes no memory of the host.
const LONGEST_LINE: usize = 8 * 1024;

/// How many bytes one write may have. It is work of the host that no deadline
/// interrupts, so it is bounded.
const PERMIT: usize = 4096;

/// One of a service's two standard streams.
#[derive(Clone)]
pub struct Output {
    /// The log of the service that writes.
    pub log: Arc<ServiceLog>,
    /// `stdout` or `stderr`.
    pub stream: &'static str,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { output: self.clone(), line: Vec::new() })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { output: self.clone(), line: Vec::new() })
    }
}

/// Gathers bytes until a line is whole.
struct Lines {
    output: Output,
    line: Vec<u8>,
}

impl Lines {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = bytes.len().min(LONGEST_LINE - self.line.len());
            let end = bytes[..room].iter().position(|byte| *byte == b'\n');
            self.line.extend_from_slice(&bytes[..end.unwrap_or(room)]);
            bytes = &bytes[end.map_or(room, |end| end + 1)..];
            if end.is_some() || self.line.len() == LONGEST_LINE {
                self.log();
            }
        }
    }

    fn log(&mut self) {
        let Output { log, stream } = &self.output;
        let line = self.line.trim_ascii_end();
        if !line.is_empty() && tracing::enabled!(target: "dovetail::guest", Level::INFO) {
            log.line(|service| {
                let line = String::from_utf8_lossy(line);
                tracing::info!(target: "dovetail::guest", service, stream, "{line}");
            });
        }
        self.line.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.log();
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > PERMIT {
            return Err(StreamError::trap("wrote more than `check-write` permitted"));
        }
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(PERMIT)];
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// The lines that are logged while a component writes, without their heads.
    fn logged(write: impl FnOnce(&mut dyn OutputStream)) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            let log = Arc::new(ServiceLog::new("guest".into()));
            write(&mut *Output { log, stream: "stdout" }.p2_stream());
        });
        let text = String::from_utf8(kept.0.lock().expect("nobody panics").clone()).expect("UTF-8");
        let line = |line: &str| line.split("dovetail::guest: ").nth(1).unwrap_or(line).to_owned();
        text.lines().map(line).collect()
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panics").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_is_logged_once_it_is_whole() {
        let lines = logged(|stream| {
            for piece in ["a li", "ne\nanother\r\n", "the last"] {
                stream.write(piece.into()).expect("it is permitted");
            }
        });
        let lines: Vec<_> = lines.iter().map(|line| line.split(" service=").next().unwrap_or_default()).collect();
        assert_eq!(lines, ["a line", "another", "the last"]);
    }

    #[test]
    fn a_line_that_does_not_end_is_logged_in_parts() {
        let piece = "x".repeat(PERMIT);
        let lines = logged(|stream| {
            for _ in 0..5 {
                stream.write(piece.clone().into()).expect("it is permitted");
            }
        });
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn empty_lines_are_not_logged() {
        let lines = logged(|stream| stream.write("\n \r\n".repeat(PERMIT / 4).into()).expect("it is permitted"));
        assert_eq!(lines, [""; 0]);
    }

    #[test]
    fn a_write_over_its_permit_traps() {
        let lines = logged(|stream| {
            assert_eq!(stream.check_write().expect("it is open"), PERMIT);
            let error = stream.write("x\n".repeat(PERMIT / 2 + 1).into()).expect_err("it is too long");
            assert!(matches!(error, StreamError::Trap(_)), "{error}");
        });
        assert_eq!(lines, [""; 0]);
    }

    #[test]
    fn a_component_that_prints_without_end_does_not_fill_the_log() {
        let lines = logged(|stream| {
            for _ in 0..100 {
                stream.write("x\n".repeat(PERMIT / 2).into()).expect("it is permitted");
            }
        });
        // It printed 204,800. Some are left of each second that this took.
        assert!(lines.iter().any(|line| line.contains("more than 1000 lines in a second")));
        assert!(lines.len() < 100_000, "{}", lines.len());
    }
}
