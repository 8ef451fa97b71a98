//! Checkpoints: what is in the WAL goes into the database, where it stays.
//!
//! SQLite would do this in the commit that makes the WAL too long, and every call
//! that waits for that commit would wait for it. Here a thread with a connection of
//! its own does it beside the writer, in small steps. For SQLite to begin the WAL anew
//! there must be a moment in which nothing of it is left to copy: when it has grown
//! long, the writer copies the little that the thread has left. What the host's readers
//! keep they give up before each step. A reader that never ends, somebody's `sqlite3`, keeps
//! that moment from coming: the log of the host says so, for the WAL grows until it is gone
//! ([`growth`]).

mod growth;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::files::{Files, with_suffix};
use super::readers::Readers;
use super::schema;
use crate::store::StoreError;
use growth::{Growth, Say};

/// The pages that are written to the WAL before the next step.
const STEP: u32 = 1000;

/// The pages of a WAL that is begun anew: 16 MiB.
const LONG: u32 = 4000;

/// The steps of one database, and the thread that makes them.
pub struct Checkpoints {
    files: Arc<Files>,
    /// Those who may keep a moment that is not folded yet.
    readers: Arc<Readers>,
    /// The pages that the WAL has since the last commit.
    pages: Arc<AtomicU32>,
    /// Those that it had before that.
    before: u32,
    /// Those that were written since the last step.
    written: u32,
    /// Whether the WAL was long after the last step.
    long: Arc<AtomicBool>,
    /// Wakes the thread, which ends with it.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What follows a batch, which is to have another mark then.
#[derive(Clone, Copy)]
pub struct Due {
    /// The thread makes a step.
    step: bool,
    /// The writer copies what the thread has left.
    rest: bool,
}

impl Due {
    /// Whether anything follows.
    pub fn any(self) -> bool {
        self.step || self.rest
    }
}

impl Checkpoints {
    /// Starts the thread.
    pub fn start(files: Arc<Files>, readers: Arc<Readers>) -> io::Result<Checkpoints> {
        let (pages, long) = Default::default();
        let mut checkpoints =
            Checkpoints { files, readers, pages, before: 0, written: 0, long, wake: None, thread: None };
        checkpoints.start_again()?;
        Ok(checkpoints)
    }

    /// Starts the thread, if it has ended.
    pub fn start_again(&mut self) -> io::Result<()> {
        if self.thread.is_some() {
            return Ok(());
        }
        let (wake, steps) = mpsc::sync_channel(1);
        let (files, idle, long) = (self.files.clone(), self.readers.clone(), self.long.clone());
        let thread = thread::Builder::new().name("store-checkpoints".to_owned());
        self.thread = Some(thread.spawn(move || make_steps(&steps, &files, &idle, &long))?);
        self.wake = Some(wake);
        Ok(())
    }

    /// Counts what this connection writes. It is the only one that writes much.
    pub fn count(&self, writer: &mut Connection) -> rusqlite::Result<()> {
        let pages = self.pages.clone();
        writer.wal_hook(Some(move |_: &mut Wal, now| {
            pages.store(u32::try_from(now).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// What is to be done after the next batch.
    pub fn due(&self) -> Due {
        Due { step: self.written >= STEP, rest: self.long.swap(false, Ordering::Relaxed) }
    }

    /// Does what was due before this was committed, and counts that.
    pub fn committed(&mut self, writer: &Connection, due: Due) {
        if due.rest {
            self.readers.rest();
            if let Err(error) = look_and_copy(&self.files, writer) {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not fold the store's log into its database");
            }
        }
        let pages = self.pages.load(Ordering::Relaxed);
        // It may have been begun anew.
        self.written += pages.checked_sub(self.before).unwrap_or(pages);
        self.before = pages;
        if let Some(wake) = self.wake.as_ref().filter(|_| due.step) {
            match wake.try_send(()) {
                // One that is due already copies these, too.
                Ok(()) | Err(TrySendError::Full(())) => self.written = 0,
                Err(TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Folds all of the WAL, if nobody reads from it, and gives its room back. Whether
    /// that was all.
    pub fn fold(&self, connection: &Connection) -> rusqlite::Result<bool> {
        self.readers.rest();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map(|is_busy: bool| !is_busy)
    }

    /// Ends the thread, and closes what is idle: the last connection to close is the
    /// writer's, which removes the WAL.
    pub fn end(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It is over either way.
            let _ = thread.join();
        }
        self.readers.clear();
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.end();
    }
}

/// Puts the host's mark into the database, as far as readers let it: into the log at least.
pub fn mark(files: &Files) -> Result<(), StoreError> {
    let failed = |error| StoreError::engine("mark the database as this host's", error);
    let connection = files.connect()?;
    schema::mark(&connection, files.mark().next()).map_err(failed)?;
    passive(&connection).map_err(failed)?;
    files.look_at_database()
}

/// Makes each step that is due, until nobody can say so any more.
fn make_steps(due: &Receiver<()>, files: &Files, readers: &Readers, long: &AtomicBool) {
    let (mut connection, mut growth) = (None, Growth::default());
    while due.recv().is_ok() {
        readers.rest();
        match step(files, &mut connection) {
            Ok(Some(copied)) => {
                long.store(copied.pages >= LONG, Ordering::Relaxed);
                if let Some(say) = growth.note(copied.left) {
                    tell(files.path(), say);
                }
            }
            Ok(None) => {}
            Err(error) => {
                // The WAL has all of it still.
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "could not fold the store's log into its database");
                connection = None;
            }
        }
    }
}

/// How far a checkpoint came.
struct Copied {
    /// The pages that the WAL has.
    pages: u32,
    /// Those that could not be copied, for somebody still reads what was there before.
    left: u32,
}

/// Copies what is not copied yet, if nobody has put anything in the place of the files.
fn step(files: &Files, kept: &mut Option<Connection>) -> Result<Option<Copied>, StoreError> {
    let connection = match kept.take() {
        Some(connection) => connection,
        None => files.connect()?,
    };
    let copied = look_and_copy(files, &connection)?;
    *kept = Some(connection);
    Ok(copied)
}

fn look_and_copy(files: &Files, connection: &Connection) -> Result<Option<Copied>, StoreError> {
    files.look()?;
    let copied = passive(connection).map_err(|error| StoreError::engine("make a checkpoint", error))?;
    // So that an older mark is known as such from now on.
    files.look_at_database()?;
    Ok(copied)
}

/// Copies as much as it can without waiting for readers or the writer. Where another
/// checkpoint runs there is nothing to tell.
fn passive(connection: &Connection) -> rusqlite::Result<Option<Copied>> {
    let mut checkpoint = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    let (pages, copied): (i64, i64) = checkpoint.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
    let Ok(pages) = u32::try_from(pages) else { return Ok(None) };
    Ok(Some(Copied { pages, left: pages.saturating_sub(u32::try_from(copied).unwrap_or(0)) }))
}

fn tell(database: &Path, say: Say) {
    let log = with_suffix(database, "-wal");
    let mib = fs::metadata(&log).map_or(0, |file| file.len() >> 20);
    match say {
        Say::Grown => tracing::warn!(
            ?log,
            "the store's log has {mib} MiB and grows, because a transaction in another process still reads what was \
             there before; end it: an open sqlite3, an export or a backup"
        ),
        Say::Over => tracing::info!(?log, "the store's log is folded into its database again"),
    }
}
