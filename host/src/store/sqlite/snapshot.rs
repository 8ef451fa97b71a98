//! One moment of the store, for reads that must not see two.

use std::ops::Deref;

use rusqlite::Connection;

use super::log::Log;
use crate::store::Lsn;

/// A transaction that reads. rusqlite's own has its statements parsed anew each time,
/// which takes longer than to read a key.
pub struct Snapshot<'a>(&'a Connection);

/// A snapshot of the database, and a look at what is pending if anything is. A
/// `set_many` is in both, or in neither.
pub fn snapshot<'a, T>(
    connection: &'a Connection,
    log: &Log,
    look: impl Fn(Lsn) -> Option<T>,
) -> rusqlite::Result<(Snapshot<'a>, Option<T>)> {
    loop {
        let place = log.place();
        let pending = log.has_pending();
        let snapshot = Snapshot::begin(connection)?;
        if !pending {
            return Ok((snapshot, None));
        }
        // It begins with the first read.
        snapshot.prepare_cached("SELECT 1 FROM sqlite_schema LIMIT 1")?.exists([])?;
        if let Some(found) = look(place) {
            return Ok((snapshot, Some(found)));
        }
    }
}

impl<'a> Snapshot<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Snapshot<'a>> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Snapshot(connection))
    }
}

impl Deref for Snapshot<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // Where this fails the next one cannot begin, and its connection is closed.
        let _ = self.0.prepare_cached("COMMIT").and_then(|mut end| end.execute([]));
    }
}
