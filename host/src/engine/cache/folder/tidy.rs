//! What a folder may hold, and what goes when there is more.

use std::{
    cmp::Reverse,
    io,
    time::{Duration, SystemTime},
};

use rustix::fs::Dir;

use super::{Folder, UNFINISHED};

/// How the name of an entry ends.
pub const ENTRY: &str = ".cwasm";

/// Writing takes milliseconds: whoever began so long ago was killed meanwhile, unless
/// the clock was set. Then it has a lock on the file.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What a folder may hold: so many entries, and so many bytes, but the entry
/// that was written last in any case.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most entries.
    pub entries: usize,
    /// The most bytes of all entries together.
    pub bytes: u64,
}

/// Whether an entry could have this name: two SHA-256 in hexadecimal.
pub fn is_entry(name: &str) -> bool {
    let is_digest = |part: &str| part.len() == 64 && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let parts = name.strip_suffix(ENTRY).and_then(|name| name.split_once('-'));
    parts.is_some_and(|(component, settings)| is_digest(component) && is_digest(settings))
}

impl Folder {
    /// Remove the oldest entries beyond these bounds, and what was never finished.
    pub fn tidy(&self, written_last: &str, most: Bounds) -> io::Result<()> {
        let now = SystemTime::now();
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if !is_entry(name) && !name.ends_with(UNFINISHED) {
                continue;
            }
            // What another process removed meanwhile, or is not a file of ours.
            let Ok((file, found)) = self.file(name) else { continue };
            let modified = found.modified()?;
            if is_entry(name) {
                entries.push((name != written_last, Reverse(modified), name.to_owned(), found.len()));
            } else if now.duration_since(modified).is_ok_and(|age| age > ABANDONED) && file.try_lock().is_ok() {
                self.remove(name);
            }
        }
        entries.sort_unstable();
        let mut bytes = 0;
        for (place, (_, _, name, size)) in entries.iter().enumerate() {
            bytes += size;
            if place > 0 && (place >= most.entries || bytes > most.bytes) {
                self.remove(name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
    };

    use super::*;

    fn entry(number: u32) -> String {
        format!("{number:064x}-{}{ENTRY}", "a".repeat(64))
    }

    /// Make a file of this name, last written so many seconds ago.
    fn put(folder: &Path, name: &str, size: usize, ago: u64) {
        let path = folder.join(name);
        fs::write(&path, vec![0; size]).expect("there is room");
        let file = File::options().append(true).open(path).expect("it is there");
        file.set_modified(SystemTime::now() - Duration::from_secs(ago)).expect("it is ours");
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_entries_go_first_and_the_last_written_never() {
        let above = tempfile::tempdir().expect("a folder");
        let (path, folder) = (above.path(), Folder::open(above.path()).expect("it is ours"));
        for (number, ago) in [(1, 40), (2, 30), (3, 20), (4, 10), (5, 50)] {
            put(path, &entry(number), 100, ago);
        }
        let left = |written_last, entries, bytes| {
            folder.tidy(&entry(written_last), Bounds { entries, bytes }).expect("it can be read");
            names(path)
        };
        assert_eq!(left(5, 5, 500), [1, 2, 3, 4, 5].map(entry));
        folder.read(&entry(1)).expect("it is there");
        assert_eq!(left(5, 4, 500), [1, 3, 4, 5].map(entry), "1 was read, 5 written last");
        assert_eq!(left(5, 4, 399), [1, 4, 5].map(entry), "they have 100 bytes each");
        assert_eq!(left(4, 1, 0), [4].map(entry));
    }

    #[test]
    fn what_was_never_finished_is_removed_and_what_is_not_ours_left() {
        let above = tempfile::tempdir().expect("a folder");
        let (path, folder) = (above.path(), Folder::open(above.path()).expect("it is ours"));
        let (abandoned, begun) = (format!("1{UNFINISHED}"), format!("2{UNFINISHED}"));
        put(path, &abandoned, 1, 2 * ABANDONED.as_secs());
        put(path, &begun, 1, 0);
        put(path, "notes.cwasm", 1, 2 * ABANDONED.as_secs());
        let long = format!("3{UNFINISHED}");
        put(path, &long, 1, 2 * ABANDONED.as_secs());
        let writer = File::open(path.join(&long)).expect("it is there");
        writer.lock().expect("nobody has it");
        folder.tidy(&entry(1), Bounds { entries: 0, bytes: 0 }).expect("it can be read");
        assert_eq!(names(path), [begun.as_str(), &long, "notes.cwasm"]);
    }
}
