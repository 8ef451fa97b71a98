//! Lines on their way to a stream that may not be read.
//!
//! Whoever logs must not wait for whoever reads: a pipe that nobody reads would
//! stop every worker. So lines go into a bounded queue, which one thread writes
//! out. Lines that it has no room for are dropped and counted.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// How many bytes may wait, and as many may be under way.
const ROOM: usize = 1024 * 1024;

/// Takes lines and never waits.
#[derive(Clone, Default)]
pub struct Queue(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Protects the lines; held to add to them or to take them all.
    lines: Mutex<Lines>,
    /// There are lines to write, or all were written.
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    waiting: Vec<u8>,
    /// Some were taken and are not written yet.
    under_way: bool,
    dropped: u64,
}

impl Queue {
    /// A queue that a thread empties into `stream`, for as long as the process
    /// lives.
    pub fn start(stream: impl Write + Send + 'static) -> io::Result<Queue> {
        let queue = Queue::default();
        let writer = queue.clone();
        thread::Builder::new().name("log".into()).spawn(move || writer.empty_into(stream))?;
        Ok(queue)
    }

    /// Wait until all is written that was logged before, for so long at most.
    pub fn wait_until_written(&self, patience: Duration) {
        let lines = self.lines();
        let unwritten = |lines: &mut Lines| lines.under_way || !lines.waiting.is_empty();
        // Whether it came to that or not, there is nothing more to do.
        let _ = self.0.changed.wait_timeout_while(lines, patience, unwritten);
    }

    fn empty_into(&self, mut stream: impl Write) {
        let mut taken = Vec::new();
        loop {
            let dropped = self.take(&mut taken);
            // A log that cannot be written is nothing to end the host for, and
            // there is no better place to tell of it.
            let _ = stream.write_all(&taken);
            if dropped > 0 {
                let _ = writeln!(stream, "{dropped} lines of the log were dropped: nobody read them fast enough");
            }
            taken.clear();
            self.lines().under_way = false;
            self.0.changed.notify_all();
        }
    }

    /// Wait for lines and exchange them for the buffer `taken`, which is empty.
    /// Returns how many were dropped since the last time.
    fn take(&self, taken: &mut Vec<u8>) -> u64 {
        let lines = self.0.changed.wait_while(self.lines(), |lines| lines.waiting.is_empty());
        let mut lines = lines.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut lines.waiting, taken);
        lines.under_way = true;
        std::mem::take(&mut lines.dropped)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Queue {
    /// Takes a line, which comes in one piece.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.lines();
        if lines.waiting.len() + line.len() > ROOM {
            lines.dropped += 1;
        } else {
            let first = lines.waiting.is_empty();
            lines.waiting.extend_from_slice(line);
            if first {
                self.0.changed.notify_all();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::{
        io::{BufRead, BufReader, Read, pipe},
        time::Instant,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn lines_are_written_in_order() {
        let (mut reader, writer) = pipe().expect("a pipe");
        let mut queue = Queue::start(writer).expect("a thread");
        for line in ["one\n", "two\n", "three\n"] {
            queue.write_all(line.as_bytes()).expect("it takes all");
        }
        queue.wait_until_written(PATIENCE);
        let mut read = [0; 14];
        reader.read_exact(&mut read).expect("all is written");
        assert_eq!(&read, b"one\ntwo\nthree\n");
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads() {
        let (reader, writer) = pipe().expect("a pipe");
        let mut queue = Queue::start(writer).expect("a thread");
        let line = [[b'x'; 1023].as_slice(), b"\n"].concat();
        for _ in 0..4 * ROOM / line.len() {
            queue.write_all(&line).expect("it takes all");
        }
        let begun = Instant::now();
        queue.wait_until_written(Duration::from_millis(1));
        assert!(begun.elapsed() < PATIENCE, "nor does who ends");

        // Once it is read, what was kept comes whole, and it says what was not: at
        // the end, and where there was room for a while.
        let flushed = thread::spawn(move || queue.wait_until_written(PATIENCE));
        let mut lines = BufReader::new(reader).lines();
        let (mut kept, mut dropped) = (0, 0);
        while kept + dropped < 4 * ROOM / line.len() {
            let line = lines.next().expect("there is more").expect("it can be read");
            match line.strip_suffix(" lines of the log were dropped: nobody read them fast enough") {
                Some(count) => dropped += count.parse::<usize>().expect("a number"),
                None => kept += 1,
            }
        }
        flushed.join().expect("no panic");
        assert_eq!(kept + dropped, 4 * ROOM / line.len());
        assert!(dropped > 0, "there was room for all");
    }
}
