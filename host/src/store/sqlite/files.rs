//! The files of one database: that one host holds them, and that they are still the ones
//! at their paths.
//!
//! A file that is removed or replaced goes on for whoever has it open: what is written to
//! it is synced and read again, and gone with the process. So the writer has a look at the
//! paths before it acknowledges a commit, and nobody opens another connection to a path
//! where something else is. What was copied into the same file has no [`Mark`] of this
//! host, or is shorter than the file was.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use super::mark::Mark;
use super::schema;
use crate::store::StoreError;

/// The log, and its index, which processes share.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What is in a log before its frames, and in a frame before its page
/// (<https://sqlite.org/fileformat.html#walformat>), in bytes.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// The files, which no other host has open as long as this is there. The system gives
/// them back when the process ends, however that comes. Others may read meanwhile: the
/// locks are none of SQLite's own.
///
/// To close a file gives up the locks that SQLite has on it in this process, so each
/// connection goes before the last reference to this.
pub struct Files {
    database: Held,
    /// Protects the log and its index; held for a look at them. None between two
    /// connections that each were the only one, for SQLite removes both with the last.
    beside: Mutex<[Option<Held>; BESIDE.len()]>,
    /// The longest that the database has been since it was [`opened`](Files::opened), and the log
    /// after the last commit, in bytes.
    longest: AtomicU64,
    log: AtomicU64,
    /// What the database has in its header.
    mark: Mark,
    /// Why what is there can be served by no host that runs.
    spoiled: OnceLock<StoreError>,
}

/// A file that is locked, and which one it is.
struct Held {
    path: PathBuf,
    file: File,
    device: u64,
    inode: u64,
}

impl Files {
    /// Takes the database at `path`, and creates it and its folder if missing. One that
    /// is not a store of ours is left alone, and so is a log without its database.
    pub fn take(path: &Path) -> Result<Files, StoreError> {
        schema::check_header(path)?;
        refuse_lone_log(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| StoreError::no_file(path, error))?;
        }
        let database = Held::take(path, path, true)?;
        // SQLite names the log after the file that a link leads to.
        let real = fs::canonicalize(path).map_err(|error| StoreError::open(path, error))?;
        // Those of a host that still runs, on a database that was here before.
        for file in BESIDE.map(|suffix| with_suffix(&real, suffix)) {
            // There may be none, or one that SQLite says more about.
            if let Err(in_use @ StoreError::InUse { .. }) = Held::take(Path::new(&file), path, false) {
                return Err(in_use);
            }
        }
        let files = Files {
            database,
            beside: Mutex::default(),
            longest: AtomicU64::new(0),
            log: AtomicU64::new(0),
            mark: Mark::new(),
            spoiled: OnceLock::new(),
        };
        Ok(files)
    }

    /// The path of the database.
    pub fn path(&self) -> &Path {
        &self.database.path
    }

    /// What tells the database from one that is copied over it.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// A connection that writes to the database, and to no other that is at its path.
    pub fn connect(&self) -> Result<Connection, StoreError> {
        self.open(schema::connect)
    }

    /// Opens what is at the path, if it is the database, by `connect`.
    pub fn open(&self, connect: impl FnOnce(&Path) -> rusqlite::Result<Connection>) -> Result<Connection, StoreError> {
        self.look()?;
        let failed = |error| schema::refused(self.path(), error);
        let connection = connect(self.path()).map_err(failed)?;
        // It has opened the log only then.
        connection
            .prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")
            .and_then(|mut any| any.exists([]))
            .map_err(failed)?;
        self.look()?;
        Ok(connection)
    }

    /// Takes the log, and its index, as a connection has them open.
    pub fn take_beside(&self, connection: &Connection) -> Result<(), StoreError> {
        let database = connection.path().map_or(self.path(), Path::new);
        for (slot, suffix) in self.beside().iter_mut().zip(BESIDE) {
            let is_held = slot.as_ref().is_some_and(|held| held.look().is_ok());
            if !is_held {
                *slot = Some(Held::take(Path::new(&with_suffix(database, suffix)), self.path(), false)?);
            }
        }
        Ok(())
    }

    /// Lets go of the log and its index, when no connection has them open any more. A log
    /// of somebody else that is in its place is none of the database's.
    pub fn leave_beside(&self) -> Result<(), StoreError> {
        let mut beside = self.beside();
        if let [Some(log), _] = &*beside
            && log.look().is_err()
            && fs::metadata(&log.path).is_ok_and(|other| other.len() > 0)
        {
            return Err(displaced(&log.path, REPLACED));
        }
        *beside = Default::default();
        self.log.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// That all of them are at their paths.
    pub fn look(&self) -> Result<(), StoreError> {
        self.look_at_database()?;
        self.look_beside().map(drop)
    }

    /// The same, for whoever has written to the log, which was so long before: it is to be no
    /// shorter next time. Where it was cut meanwhile, what was written is behind a hole.
    pub fn look_again(&self, before: u64, connection: &Connection) -> Result<(), StoreError> {
        self.look_at_database()?;
        let length = self.look_beside()?;
        if self.seems_cut(before, length) && self.has_hole(connection)? {
            return Err(self.spoil(&PathBuf::from(with_suffix(self.path(), BESIDE[0])), RESTART));
        }
        self.log.store(length, Ordering::Relaxed);
        Ok(())
    }

    /// That the database is at its path, and none was copied over it.
    pub fn look_at_database(&self) -> Result<(), StoreError> {
        if let Some(why) = self.spoiled.get() {
            return Err(why.clone());
        }
        // Taken before the look: while this thread is held up after it, the database may
        // grow and others see that.
        let longest = self.longest.load(Ordering::SeqCst);
        let length = self.database.look()?.len();
        // A store never shrinks: nothing vacuums it. What is cut off behind its header
        // leaves the mark.
        if length < longest || !self.has_mark()? {
            return Err(self.spoil(&self.database.path, COPIED));
        }
        if longest > 0 {
            self.longest.fetch_max(length, Ordering::SeqCst);
        }
        Ok(())
    }

    /// What was in the log when it was opened is in the database: from now on it grows. A host
    /// that was killed may have left there what makes it shorter, a `VACUUM` of a tool.
    pub fn opened(&self) -> Result<(), StoreError> {
        self.longest.store(self.database.look()?.len(), Ordering::SeqCst);
        Ok(())
    }

    /// That the log and its index are beside it. The length of the log, in bytes.
    pub fn look_beside(&self) -> Result<u64, StoreError> {
        let beside = self.beside();
        let [log, index] = &*beside;
        index.as_ref().map(Held::look).transpose()?;
        Ok(log.as_ref().map(Held::look).transpose()?.map_or(0, |log| log.len()))
    }

    /// Whether the log and its index are beside it, and no shorter than before.
    pub fn seem_whole(&self) -> bool {
        self.look_beside().is_ok_and(|log| log >= self.log.load(Ordering::Relaxed))
    }

    /// That a log of this length has all that its index says. For whoever writes to it, and
    /// before that: what is written behind its end makes it longer again.
    pub fn look_into_log(&self, length: u64, connection: &Connection) -> Result<(), StoreError> {
        if length >= self.log.load(Ordering::Relaxed) {
            return Ok(());
        }
        // A checkpoint may have emptied it, here or elsewhere: then the index says so.
        match frames(connection).map_err(|error| schema::refused(self.path(), error))? {
            0 => Ok(()),
            frames if length >= LOG_HEADER + frames => Ok(()),
            _ => Err(self.spoil(&PathBuf::from(with_suffix(self.path(), BESIDE[0])), RESTART)),
        }
    }

    /// Whether a log that was so long, and was written to since, may have been cut in between:
    /// it is shorter, or longer behind a frame that is none of it.
    fn seems_cut(&self, before: u64, length: u64) -> bool {
        if length <= before {
            return length < before;
        }
        let beside = self.beside();
        let Some(log) = beside[0].as_ref().and_then(|held| Wal::read(&held.file)) else { return true };
        // Where it had no frame there is nothing to miss.
        before > LOG_HEADER && !before.checked_sub(log.frame).is_some_and(|last| log.has(last))
    }

    /// Whether the log lacks a frame that its index has. If somebody begins it anew meanwhile
    /// there is another index, and another look.
    fn has_hole(&self, connection: &Connection) -> Result<bool, StoreError> {
        let frames = || frames(connection).map_err(|error| schema::refused(self.path(), error));
        loop {
            let indexed = frames()?;
            let (is_whole, is_same) = match self.beside()[0].as_ref() {
                Some(log) => look_for_frames(&log.file, indexed),
                None => (indexed == 0, true),
            };
            if is_whole || is_same && frames()? >= indexed {
                return Ok(!is_whole);
            }
        }
    }

    /// Read through the file that is held: to open and close another would give up the
    /// locks that SQLite has on it.
    fn has_mark(&self) -> Result<bool, StoreError> {
        let found = self.mark.is_in(&self.database.file);
        found.map_err(|error| displaced(self.path(), format!("cannot be read any more ({error})")))
    }

    fn spoil(&self, path: &Path, advice: &'static str) -> StoreError {
        let became = "was cut short or written over".to_owned();
        self.spoiled.get_or_init(|| StoreError::Displaced { file: path.to_owned(), became, advice }).clone()
    }

    // Nothing is left half changed by a panic: only memory could run out.
    fn beside(&self) -> MutexGuard<'_, [Option<Held>; BESIDE.len()]> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Takes a file of the database at `database`, unless another host has it.
    fn take(path: &Path, database: &Path, create: bool) -> Result<Held, StoreError> {
        let file = File::options().read(true).write(true).create(create).truncate(false).open(path);
        let file = file.map_err(|error| StoreError::no_file(path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(StoreError::open(path, error)),
        }
        let found = file.metadata().map_err(|error| StoreError::open(path, error))?;
        Ok(Held { path: path.to_owned(), file, device: found.dev(), inode: found.ino() })
    }

    /// What its path leads to, if that is this file.
    fn look(&self) -> Result<Metadata, StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (self.device, self.inode) => Ok(found),
            Ok(_) => Err(displaced(&self.path, REPLACED)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(displaced(&self.path, "was removed"))
            }
            Err(error) => Err(displaced(&self.path, format!("cannot be found any more ({error})"))),
        }
    }
}

/// Whether a log has all frames in so many bytes, and was the same throughout.
fn look_for_frames(file: &File, indexed: u64) -> (bool, bool) {
    let Some(log) = Wal::read(file) else { return (indexed == 0, true) };
    let mut places = (LOG_HEADER..LOG_HEADER + indexed).step_by(log.frame as usize);
    let is_whole = places.all(|place| log.has(place));
    (is_whole, Wal::read(file).is_some_and(|again| again.salts == log.salts))
}

/// A log as its header has it.
struct Wal<'a> {
    file: &'a File,
    /// The length of a frame, in bytes.
    frame: u64,
    /// What each frame of it has.
    salts: [u8; 8],
}

impl Wal<'_> {
    /// That of this file, if it is one.
    fn read(file: &File) -> Option<Wal<'_>> {
        let mut header = [0; LOG_HEADER as usize];
        file.read_exact_at(&mut header, 0).ok()?;
        let (page, salts) = (header[8..12].try_into().ok()?, header[16..24].try_into().ok()?);
        let frame = FRAME_HEADER + u64::from(u32::from_be_bytes(page));
        // Its last bit says how sums are made.
        (header[..3] == [0x37, 0x7f, 0x06]).then_some(Wal { file, frame, salts })
    }

    /// Whether it has a frame at this place.
    fn has(&self, place: u64) -> bool {
        let mut salts = [0; 8];
        self.file.read_exact_at(&mut salts, place + 8).is_ok() && salts == self.salts
    }
}

/// Refuses a database that a host has open. For an instant nobody else can take it.
pub fn refuse_in_use(path: &Path) -> Result<(), StoreError> {
    match File::open(path).map(|file| file.try_lock_shared()) {
        Ok(Err(TryLockError::WouldBlock)) => Err(StoreError::InUse { path: path.to_owned() }),
        // Whoever opens the store says what else is wrong.
        _ => Ok(()),
    }
}

/// What its index says that a log has, in bytes.
fn frames(connection: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))?;
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    Ok(count.max(0).unsigned_abs() * (FRAME_HEADER + page.unsigned_abs()))
}

const RESTART: &str = "restart the host to serve what is there now";

/// The log has what was written to the database that was there.
const COPIED: &str = "if another was copied over it, stop the host, remove its log (-wal, -shm) and copy it again; if \
                      a tool changed its schema, restart the host";

const REPLACED: &str = "was replaced by another";

fn displaced(file: &Path, became: impl Into<String>) -> StoreError {
    let advice =
        "put it back, or restart the host to serve what is there; until then reads go on and nothing is written";
    StoreError::Displaced { file: file.to_owned(), became: became.into(), advice }
}

/// Refuses a log whose database is gone, or was cut to nothing. What was committed last is
/// in it, and SQLite would delete it beside a new database.
pub fn refuse_lone_log(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| fs::metadata(path).map(|file| file.len()).ok();
    let log = PathBuf::from(with_suffix(path, BESIDE[0]));
    let state = match length(path) {
        None => "not there",
        Some(0) => "empty",
        Some(_) => return Ok(()),
    };
    match length(&log).is_some_and(|bytes| bytes > 0) {
        true => Err(StoreError::LoneLog { path: path.to_owned(), state, log }),
        false => Ok(()),
    }
}

/// A path with more at its end.
pub fn with_suffix(path: &Path, suffix: &str) -> OsString {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    /// Whoever cuts it may come between the look before a commit and the commit, which writes
    /// behind the cut.
    #[test]
    fn a_log_that_is_cut_under_a_commit_is_noticed_after_it() {
        for (kept, is_noticed) in [(1, false), (2, true), (4, true), (100, true)] {
            let folder = tempfile::tempdir().expect("a folder");
            let files = Files::take(&folder.path().join("a.db")).expect("nobody has it");
            let connection = schema::open(&files).expect("it can be made");
            schema::next_id(&connection).expect("it can be read");
            files.take_beside(&connection).expect("nobody has them");
            let write = |key: usize| {
                let entry = "INSERT INTO entries (bucket, key, value) VALUES ('b', ?1, zeroblob(9000))";
                connection.execute(entry, [key.to_string()]).expect("there is room");
            };
            for key in 0..20 {
                let before = files.look_beside().expect("it is there");
                write(key);
                files.look_again(before, &connection).expect("nobody has cut it");
            }
            let before = files.look_beside().expect("it is there");
            let log = File::options().write(true).open(with_suffix(files.path(), BESIDE[0])).expect("it is there");
            log.set_len(before / kept).expect("it can be cut");
            write(100);
            let looked = files.look_again(before, &connection);
            assert_eq!(matches!(looked, Err(StoreError::Displaced { .. })), is_noticed, "{kept}: {looked:?}");
            assert_eq!(files.look_at_database().is_err(), is_noticed, "{kept}");
        }
    }

    /// A log that is begun anew, by whomever, lacks nothing.
    #[test]
    fn a_log_that_is_begun_anew_has_no_hole() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::take(&folder.path().join("a.db")).expect("nobody has it");
        let connection = schema::open(&files).expect("it can be made");
        schema::next_id(&connection).expect("it can be read");
        files.take_beside(&connection).expect("nobody has them");
        for round in 0..40_i64 {
            let before = files.look_beside().expect("it is there");
            if round % 4 == 3 {
                let fold = if round % 8 == 3 { "RESTART" } else { "TRUNCATE" };
                let folded = connection.query_row(&format!("PRAGMA wal_checkpoint({fold})"), [], |row| row.get(0));
                assert_eq!(folded, Ok(0));
            }
            let entry = "INSERT INTO entries (bucket, key, value) VALUES ('b', ?1, zeroblob(?2))";
            connection.execute(entry, (round.to_string(), 1000 * (round % 13))).expect("there is room");
            files.look_again(before, &connection).expect("nobody has cut it");
        }
    }

    /// Each thread that looks may be held up between what it sees and what others saw.
    #[test]
    fn a_database_that_grows_while_several_look_is_not_cut_short() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let files = Files::take(&path).expect("nobody has it");
        let (growing, is_over) =
            (File::options().write(true).open(&path).expect("it is there"), AtomicBool::new(false));
        growing.set_len(1).expect("there is room");
        files.opened().expect("it is there");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let _ = files.look_at_database();
                    }
                });
            }
            (2..20_000).for_each(|length| growing.set_len(length).expect("there is room"));
            is_over.store(true, Ordering::Relaxed);
        });
        files.look_at_database().expect("it only grew");
        growing.set_len(1).expect("it can be cut");
        assert!(matches!(files.look_at_database(), Err(StoreError::Displaced { .. })));
    }
}
