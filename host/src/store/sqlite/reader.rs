//! A connection that reads, and the moment of the database that it sees.
//!
//! SQLite begins and ends a transaction for each look, with calls of the kernel and locks
//! that all connections share, which is a third of what a look takes. So where nothing was
//! committed for a while a reader keeps its transaction from one look to the next, until
//! something is. Nothing that is committed later can be folded into the database before:
//! whoever does that has the readers rest first.

use rusqlite::Connection;

use super::log::Log;
use crate::store::Lsn;

/// How many looks at the same moment it takes until that is kept: so many that where there
/// are writes, none is.
pub const LOOKS: u32 = 100;

/// A connection of the [pool](super::readers::Readers).
pub struct Reader {
    connection: Connection,
    /// The place up to which the database had everything when it was looked at last.
    place: Lsn,
    /// How many looks there were since then.
    looks: u32,
    /// Whether a transaction is open, which began when that was the place, or later.
    is_open: bool,
}

impl Reader {
    /// With a connection that has no transaction.
    pub fn new(connection: Connection) -> Reader {
        Reader { connection, place: Lsn::default(), looks: 0, is_open: false }
    }

    /// The database for one look, with everything up to `place`. That is the place of the log
    /// now, or was when the log had nothing of what is looked for.
    pub fn at(&mut self, place: Lsn) -> rusqlite::Result<&Connection> {
        self.move_to(place)?;
        if self.looks > LOOKS {
            self.begin()?;
        }
        Ok(&self.connection)
    }

    /// One moment of the database, for looks that must not see two, and a look at what is
    /// pending if anything is. A `set_many` is in both, or in neither.
    pub fn snapshot<T>(
        &mut self,
        log: &Log,
        look: impl Fn(Lsn) -> Option<T>,
    ) -> rusqlite::Result<(&Connection, Option<T>)> {
        let pending = loop {
            let place = log.place();
            let is_pending = log.has_pending();
            self.move_to(place)?;
            self.begin()?;
            if !is_pending {
                break None;
            }
            if let Some(pending) = look(place) {
                break Some(pending);
            }
        };
        Ok((&self.connection, pending))
    }

    /// Ends the transaction of a look that is over, unless it is worth to be kept.
    pub fn finish(&mut self) -> rusqlite::Result<()> {
        if self.looks > LOOKS { Ok(()) } else { self.end() }
    }

    /// Ends the transaction that is kept, if one is.
    pub fn rest(&mut self) -> rusqlite::Result<()> {
        self.looks = 0;
        self.end()
    }

    /// The connection, for what has no moment.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Counts a look at what the database has with everything up to `place`.
    fn move_to(&mut self, place: Lsn) -> rusqlite::Result<()> {
        if self.place != place {
            self.rest()?;
            self.place = place;
        }
        self.looks = self.looks.saturating_add(1);
        Ok(())
    }

    /// By statements of its own, as its end: rusqlite's transactions have theirs parsed anew
    /// each time, which takes longer than to read a key.
    fn begin(&mut self) -> rusqlite::Result<()> {
        if !self.is_open {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.is_open = true;
            // It begins with the first look. Where that fails the reader is dropped, and its
            // connection with it.
            self.connection.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.exists([])?;
        }
        Ok(())
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.is_open {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            self.is_open = false;
        }
        Ok(())
    }
}
