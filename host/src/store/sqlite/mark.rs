//! The mark of a host in the header of its database.
//!
//! A backup that is copied into the file in use (`cp backup.db data/shop.db`) leaves its
//! path and its inode, and perhaps its length. So each host puts a number of its own into
//! the header, and looks whether it is there. It is the version of the schema, which
//! SQLite carries along in every checkpoint, whoever makes it, and for which others have
//! no use: who finds another one there only reads the schema again.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where it is in the file (<https://sqlite.org/fileformat.html#schema_cookie>).
const PLACE: u64 = 40;

/// A number that no other host has, nor a database before it.
pub struct Mark {
    number: u32,
    /// Whether it has been in the file. Before it may still be in the log, for somebody
    /// reads what was there before.
    was_seen: AtomicBool,
}

impl Mark {
    /// One that is in no file yet. Not 0: then SQLite takes the database for empty.
    pub fn new() -> Mark {
        let number = RandomState::new().hash_one(PLACE) as u32 & 0x7fff_ffff | 1;
        Mark { number, was_seen: AtomicBool::new(false) }
    }

    /// What is to be written into the header.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether a file has the mark, or never had it.
    pub fn is_in(&self, file: &File) -> io::Result<bool> {
        // Taken before the look: while this thread is held up after it, a checkpoint may
        // put the mark there and others see that.
        let was_seen = self.was_seen.load(Ordering::SeqCst);
        if read(file)? == Some(self.number) {
            self.was_seen.store(true, Ordering::SeqCst);
            return Ok(true);
        }
        Ok(!was_seen)
    }
}

/// The number in a file's header; none where the file is too short to have one.
fn read(file: &File) -> io::Result<Option<u32>> {
    let mut number = [0; 4];
    match file.read_exact_at(&mut number, PLACE) {
        Ok(()) => Ok(Some(u32::from_be_bytes(number))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::thread;

    use super::*;

    /// Each thread that looks may be held up between what it sees and what others saw.
    #[test]
    fn a_mark_that_comes_late_is_missed_by_nobody_who_looks_meanwhile() {
        let file = tempfile::tempfile().expect("a file");
        for _ in 0..2_000 {
            let (mark, is_over) = (Mark::new(), AtomicBool::new(false));
            file.write_all_at(&[0; 4], PLACE).expect("there is room");
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            assert!(mark.is_in(&file).expect("it can be read"));
                        }
                    });
                }
                file.write_all_at(&mark.number().to_be_bytes(), PLACE).expect("there is room");
                assert!(mark.is_in(&file).expect("it can be read"));
                is_over.store(true, Ordering::Relaxed);
            });
        }
    }

    #[test]
    fn a_mark_that_was_there_is_missed() {
        let file = tempfile::tempfile().expect("a file");
        let mark = Mark::new();
        assert!(mark.is_in(&file).expect("it can be read"), "it never was there");
        file.write_all_at(&mark.number().to_be_bytes(), PLACE).expect("there is room");
        assert!(mark.is_in(&file).expect("it can be read"));
        for length in [PLACE, PLACE + 3, 0] {
            file.set_len(length).expect("it can be cut");
            assert!(!mark.is_in(&file).expect("it can be read"), "{length} bytes");
        }
        file.write_all_at(&Mark::new().number().to_be_bytes(), PLACE).expect("there is room");
        assert!(!mark.is_in(&file).expect("it can be read"), "it is another's");
    }
}
