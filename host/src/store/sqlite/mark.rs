//! The mark of a host in the header of its database.
//!
//! A backup that is copied into the file in use (`cp backup.db data/shop.db`) leaves its
//! path and its inode, and perhaps its length. So each host puts a number of its own into
//! the header, and looks whether it is there. It is the version of the schema, which
//! SQLite carries along in every checkpoint, whoever makes it, and for which others have
//! no use: who finds another one there only reads the schema again.
//!
//! The backup may be a copy of this file, and have the number as well. So there is another
//! for each checkpoint of the host: a copy from before one has an older number.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where it is in the file (<https://sqlite.org/fileformat.html#schema_cookie>).
const PLACE: u64 = 40;

/// Numbers that no other host has, nor a database before it.
pub struct Mark {
    /// They come after this one, which is odd, and are odd themselves. To SQLite 0 is an
    /// empty database, and it gives a backup the number after that of its origin.
    before: u32,
    /// How many were given out.
    given: AtomicU32,
    /// Which of them was in the file, 1 for the first. None was yet where this is 0: it may
    /// still be in the log, for somebody reads what was there before.
    seen: AtomicU32,
}

impl Mark {
    /// One that is in no file yet.
    pub fn new() -> Mark {
        let before = RandomState::new().hash_one(PLACE) as u32 | 1;
        Mark { before, given: AtomicU32::new(0), seen: AtomicU32::new(0) }
    }

    /// What is to be written into the header next.
    pub fn next(&self) -> u32 {
        let which = self.given.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        self.before.wrapping_add(which.wrapping_mul(2))
    }

    /// Whether a file has the mark that was there, or one that was given out later, or
    /// never had any.
    pub fn is_in(&self, file: &File) -> io::Result<bool> {
        // Taken before the look: while this thread is held up after it, a checkpoint may
        // put a later one there and others see that.
        let seen = self.seen.load(Ordering::SeqCst);
        // Beside a write the first look may find some bytes of each number.
        for _ in 0..2 {
            let found = read(file)?.and_then(|number| self.which(number));
            if let Some(which) = found.filter(|&which| which >= seen) {
                self.seen.fetch_max(which, Ordering::SeqCst);
                return Ok(true);
            }
        }
        Ok(seen == 0)
    }

    /// Which of those that were given out this is.
    fn which(&self, number: u32) -> Option<u32> {
        let distance = number.wrapping_sub(self.before);
        let which = distance / 2;
        let is_given = distance.is_multiple_of(2) && (1..=self.given.load(Ordering::SeqCst)).contains(&which);
        is_given.then_some(which)
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
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    /// Each thread that looks may be held up between what it sees and what others saw.
    #[test]
    fn a_mark_that_changes_is_missed_by_nobody_who_looks_meanwhile() {
        let file = tempfile::tempfile().expect("a file");
        for _ in 0..500 {
            let (mark, is_over) = (Mark::new(), AtomicBool::new(false));
            put(&file, 0);
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            assert!(mark.is_in(&file).expect("it can be read"));
                        }
                    });
                }
                for _ in 0..20 {
                    put(&file, mark.next());
                    assert!(mark.is_in(&file).expect("it can be read"));
                }
                is_over.store(true, Ordering::Relaxed);
            });
        }
    }

    #[test]
    fn a_mark_that_was_there_is_missed() {
        let file = tempfile::tempfile().expect("a file");
        let is_in = |mark: &Mark| mark.is_in(&file).expect("it can be read");
        let mark = Mark::new();
        assert!(is_in(&mark), "it never was there");
        let [first, second, third] = [mark.next(), mark.next(), mark.next()];
        put(&file, second);
        assert!(is_in(&mark));
        for other in
            [first, second.wrapping_add(1), third.wrapping_add(1), third.wrapping_add(2), Mark::new().next(), 0, 1]
        {
            put(&file, other);
            assert!(!is_in(&mark), "{other} for {second}");
        }
        put(&file, third);
        assert!(is_in(&mark));
        put(&file, second);
        assert!(!is_in(&mark));
        for length in [PLACE, PLACE + 3, 0] {
            put(&file, third);
            file.set_len(length).expect("it can be cut");
            assert!(!is_in(&mark), "{length} bytes");
        }
    }

    fn put(file: &File, number: u32) {
        file.write_all_at(&number.to_be_bytes(), PLACE).expect("there is room");
    }
}
