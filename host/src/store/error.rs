//! What can go wrong in a store.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// Why a store did not do what it was asked. Cloned for all the writes that one
/// failed commit takes with it.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The value under an incremented key was not written by `increment`.
    #[error(
        "cannot increment key {key:?} of bucket {bucket:?}: its value is no decimal number from \
         0 to {max}; set it to one, or count under another key", max = u64::MAX
    )]
    NotACounter {
        /// The bucket of the key.
        bucket: String,
        /// The key with another value.
        key: String,
    },

    /// The sum does not fit a counter.
    #[error(
        "cannot increment key {key:?} of bucket {bucket:?}: {value} and {delta} exceed {max}; \
         set it to a lower number", max = u64::MAX
    )]
    CounterOverflow {
        /// The bucket of the key.
        bucket: String,
        /// The key of the counter.
        key: String,
        /// What the counter holds, before and after.
        value: u64,
        /// What was to be added.
        delta: u64,
    },

    /// The answer would be larger than its reader can take.
    #[error(
        "cannot get {count} keys of bucket {bucket:?} at once: the answer would have more than {most} \
         bytes; get fewer"
    )]
    TooMuch {
        /// The bucket of the keys.
        bucket: String,
        /// How many keys were asked for.
        count: usize,
        /// The most bytes that the reader takes.
        most: usize,
    },

    /// The file holds something else than a database.
    #[error(
        "cannot open the store at {path:?}: the file is no SQLite database; name another file in \
         the store url, or move this one away"
    )]
    NotADatabase {
        /// The file, left as it was.
        path: PathBuf,
    },

    /// The file is a database, and not a whole one.
    #[error(
        "cannot open the store at {path:?}: the database is damaged; put a backup in its place, or see what \
         `sqlite3 {path:?} .recover` finds"
    )]
    Damaged {
        /// The file, left as it was.
        path: PathBuf,
        /// What the engine said.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// Another process keeps its data there.
    #[error(
        "cannot open the store at {path:?}: another host has it open; stop that host, or name another file in the \
         store url (several hosts can share a postgres:// or redis:// store)"
    )]
    InUse {
        /// The file, left as it was.
        path: PathBuf,
    },

    /// There is a log of a database that is not there.
    #[error(
        "cannot open the store at {path:?}: it is {state}, and its log {log:?}, which has what was written last, is \
         there; put the database back, or remove the log as well to begin anew"
    )]
    LoneLog {
        /// The file, left as it was.
        path: PathBuf,
        /// What there is of it: nothing, or no byte.
        state: &'static str,
        /// Its log, left as it was.
        log: PathBuf,
    },

    /// There is nothing to look after.
    #[error("there is no store at {place:?} yet; `dovetail up` makes it, or name another by --store")]
    Missing {
        /// The file or database.
        place: String,
    },

    /// The store is gone with its host.
    #[error("the store memory: has nothing to keep; name another in the store url, or by --store")]
    NotKept,

    /// The engine has no copy of one moment to give.
    #[error("cannot back up the store at {place:?}: {reason}")]
    NoBackup {
        /// The server and its database.
        place: String,
        /// Why, and what would do it.
        reason: &'static str,
    },

    /// The database is not a store of Dovetail.
    #[error(
        "cannot open the store at {path:?}: the database belongs to another application (its \
         application_id is {found}); name another file in the store url"
    )]
    OtherApplication {
        /// The file, left as it was.
        path: PathBuf,
        /// The `application_id` in it.
        found: i32,
    },

    /// A later Dovetail wrote this store.
    #[error(
        "cannot open the store at {place:?}: it has version {found}, and this Dovetail knows \
         version {known}; use a newer Dovetail, or another store url"
    )]
    OtherVersion {
        /// The file or database, left as it was.
        place: String,
        /// The version in it.
        found: i32,
        /// The version that this build reads and writes.
        known: i32,
    },

    /// The database has tables where a store of Dovetail would have its own.
    #[error(
        "cannot open the store at {place:?}: its schema \"dovetail\" is not Dovetail's; name another database in the \
         store url"
    )]
    OtherSchema {
        /// The database, left as it was.
        place: String,
    },

    /// The server cannot be reached, or does not let us in.
    #[error("cannot use the store at {place:?}; {advice}")]
    Server {
        /// The server and its database.
        place: String,
        /// What would be right.
        advice: String,
        /// What the server or the network said.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// There is no room for the files that the engine has beside its own, also of who only
    /// reads.
    #[error(
        "cannot open the store at {path:?}: no space left on its disk, which SQLite needs to read it, too; make room"
    )]
    Full {
        /// The file, left as it was.
        path: PathBuf,
    },

    /// There is no room for a copy.
    #[error(
        "cannot copy the store at {path:?}: no space left on the disk of the copy; make room, or name a file on another"
    )]
    NoRoomForCopy {
        /// The file that was to be copied.
        path: PathBuf,
    },

    /// The file system does not let this user have a file there.
    #[error("cannot open the store at {path:?}; {advice}")]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What would be right.
        advice: &'static str,
        /// What the file system said.
        source: Arc<io::Error>,
    },

    /// The file or its folder cannot be used.
    #[error("cannot open the store at {path:?}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the engine or the file system said.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// The engine failed: the disk is full, the file is damaged or locked.
    #[error("cannot {operation}")]
    Engine {
        /// What was asked, with its bucket and key.
        operation: String,
        /// What the engine said.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// A commit failed, and what it held is lost; nothing is written until one
    /// succeeds again.
    #[error(
        "cannot write: a commit of the store at {path:?} failed, because {why}; reads go on, writes do when one \
         succeeds again"
    )]
    Failed {
        /// The file.
        path: PathBuf,
        /// What that comes to: the disk is full, say.
        why: &'static str,
        /// What the engine said.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// A file of the store is not the one any more that the host has open, so that what
    /// is written would be gone with the host.
    #[error("cannot write: the store's file {file:?} {became} while the host runs; {advice}")]
    Displaced {
        /// The file.
        file: PathBuf,
        /// What became of it.
        became: String,
        /// What would be right.
        advice: &'static str,
    },

    /// More waits to be durable than may, and has for long.
    #[error(
        "cannot write to bucket {bucket:?}: {most} bytes wait to be durable since {waited:?}; try again when the disk \
         has caught up"
    )]
    Behind {
        /// The bucket that was to be written.
        bucket: String,
        /// The most bytes that may wait.
        most: usize,
        /// How long the write waited for room.
        waited: Duration,
    },

    /// There is no connection to the server, or none that answers. Nothing was
    /// written.
    #[error("cannot {operation}: the store at {place:?} is away; try again when it is back")]
    Away {
        /// What was asked, with its bucket and key.
        operation: String,
        /// The server and its database.
        place: String,
        /// Why there is none.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// The connection was lost between a write and its answer.
    #[error(
        "cannot tell the end of this: {operation}: the store at {place:?} went away meanwhile; read what is there \
         before you try again"
    )]
    Unknown {
        /// What was asked, with its bucket and key.
        operation: String,
        /// The server and its database.
        place: String,
        /// How the connection was lost.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// A write came after [`close`](super::BucketStore::close).
    #[error("cannot write to bucket {bucket:?}: the store is closed; ask a host that is running")]
    Closed {
        /// The bucket that was to be written.
        bucket: String,
    },
}

/// What to do where nothing can be written.
const NOWHERE: &str = "name a file where something can be written, in the store url or by --store, or memory: if \
                       nothing is to be kept";

impl StoreError {
    pub(crate) fn too_much(bucket: &str, count: usize, most: usize) -> StoreError {
        StoreError::TooMuch { bucket: bucket.to_owned(), count, most }
    }

    /// Whether the store is to blame, and not who asked it for what it has not.
    pub fn is_stores(&self) -> bool {
        use StoreError::{CounterOverflow, NotACounter, TooMuch};
        !matches!(self, NotACounter { .. } | CounterOverflow { .. } | TooMuch { .. })
    }

    /// Of what was told and is not there any more.
    pub(crate) fn lost() -> StoreError {
        StoreError::engine("keep what was delivered", io::Error::other("a commit failed"))
    }

    pub(super) fn open(path: &Path, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Open { path: path.to_owned(), source: Arc::new(source) }
    }

    /// Of a file that the system does not give, or not make.
    pub(super) fn no_file(path: &Path, source: io::Error) -> StoreError {
        use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, PermissionDenied, ReadOnlyFilesystem};
        let advice = match source.kind() {
            IsADirectory => "that is a folder: name a file in it, in the store url or by --store",
            // A folder cannot be made where there is a file.
            NotADirectory | AlreadyExists => {
                "what it is to be in is no folder: name another file, in the store url or by --store"
            }
            PermissionDenied => "name a file that this user may read and write, in the store url or by --store",
            ReadOnlyFilesystem => NOWHERE,
            _ => return StoreError::open(path, source),
        };
        StoreError::NoFile { path: path.to_owned(), advice, source: Arc::new(source) }
    }

    /// Of one that no file can be made for, in a folder that is there: such is `/proc`.
    pub(super) fn no_place(path: &Path, source: io::Error) -> StoreError {
        StoreError::NoFile { path: path.to_owned(), advice: NOWHERE, source: Arc::new(source) }
    }

    pub(super) fn server(
        place: String,
        advice: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> StoreError {
        StoreError::Server { place, advice: advice.into(), source: Arc::new(source) }
    }

    pub(crate) fn engine(operation: impl Into<String>, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Engine { operation: operation.into(), source: Arc::new(source) }
    }
}
