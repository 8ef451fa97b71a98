//! The file as people look after it, by connections of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::files::{refuse_lone_log, with_suffix};
use super::schema;
use crate::store::upkeep::{BucketStats, Copy, Page, Stats, Upkeep};
use crate::store::{Entry, StoreError};

/// A database file that is there.
pub struct SqliteUpkeep {
    path: PathBuf,
}

impl SqliteUpkeep {
    /// The file at `path`, if it is a store.
    pub fn new(path: &Path) -> Result<SqliteUpkeep, StoreError> {
        let path = std::path::absolute(path).map_err(|error| StoreError::open(path, error))?;
        refuse_lone_log(&path)?;
        match fs::metadata(&path) {
            Ok(file) if file.len() > 0 || file.is_dir() => schema::check_header(&path)?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::no_file(&path, error)),
            // A host fills an empty file.
            _ => return Err(StoreError::Missing { place: path.display().to_string() }),
        }
        Ok(SqliteUpkeep { path })
    }

    /// Runs `work` with a connection of its own, on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        operation: impl Fn() -> String,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let worked = spawn_blocking(move || {
            let connection = connect(&path)?;
            Ok::<_, StoreError>(work(&connection))
        });
        let worked = worked.await.map_err(|stopped| StoreError::engine(operation(), stopped))??;
        worked.map_err(|error| StoreError::engine(operation(), error))
    }
}

#[async_trait]
impl Upkeep for SqliteUpkeep {
    async fn stats(&self) -> Result<Stats, StoreError> {
        let buckets = self.with(|| format!("count what is in {:?}", self.path), buckets).await?;
        let log = with_suffix(&self.path, "-wal");
        Ok(Stats {
            engine: "SQLite",
            version: rusqlite::version().to_owned(),
            place: self.path.display().to_string(),
            size: fs::metadata(&self.path).map_err(|error| StoreError::open(&self.path, error))?.len(),
            // A host that was stopped leaves none.
            log: Some(fs::metadata(log).map_or(0, |file| file.len())),
            buckets,
        })
    }

    async fn export(&self, bucket: Option<&str>, to: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let bucket = bucket.map(str::to_owned);
        let operation = || format!("export the entries of {:?}", self.path);
        self.with(operation, move |connection| export(connection, bucket, &to)).await
    }

    /// `VACUUM INTO` reads as others do, in one transaction, and leaves out what was
    /// deleted. The host's log grows until it is done.
    async fn copy(&self, file: &Path) -> Result<Copy, StoreError> {
        let operation = || format!("copy the store at {:?}", self.path);
        let text = file.to_str().ok_or_else(|| {
            let reason = "its name is not UTF-8";
            StoreError::engine(operation(), io::Error::new(io::ErrorKind::InvalidInput, reason))
        })?;
        let into = text.to_owned();
        let copied = self.with(operation, move |connection| Ok(connection.execute("VACUUM INTO ?1", [into]))).await?;
        match copied {
            Ok(_) => Ok(Copy::Made),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                Err(StoreError::NoRoomForCopy { path: self.path.clone() })
            }
            Err(error) => Err(StoreError::engine(operation(), error)),
        }
    }
}

/// A connection that changes nothing, but may write to the files beside the
/// database: a log that a crash left is folded in when nobody else has it open.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error| schema::refused(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    schema::configure(&connection).map_err(failed)?;
    connection.busy_timeout(schema::BUSY).map_err(failed)?;
    let (application, version) = schema::ids(&connection).map_err(failed)?;
    schema::check(path, application, version)?;
    schema::tables(&connection).map_err(failed)?;
    Ok(connection)
}

fn buckets(connection: &Connection) -> rusqlite::Result<Vec<BucketStats>> {
    let sql = "SELECT bucket, count(*), sum(octet_length(key) + length(value)) FROM entries GROUP BY bucket ORDER BY 1";
    let number = |row: &Row, at| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let stats = |row: &Row| Ok(BucketStats { name: row.get(0)?, keys: number(row, 1)?, bytes: number(row, 2)? });
    connection.prepare(sql)?.query_map([], stats)?.collect()
}

fn export(connection: &Connection, bucket: Option<String>, to: &mpsc::Sender<Page>) -> rusqlite::Result<()> {
    // All of it from one moment.
    let snapshot = connection.unchecked_transaction()?;
    let buckets = match bucket {
        Some(bucket) => vec![bucket],
        None => {
            let mut names = snapshot.prepare("SELECT DISTINCT bucket FROM entries ORDER BY bucket")?;
            names.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?
        }
    };
    let mut entries = snapshot.prepare("SELECT key, value FROM entries WHERE bucket = ?1 ORDER BY id")?;
    for bucket in buckets {
        let mut page = Page::of(&bucket);
        let found = entries.query_map([&bucket], |row| Ok::<Entry, _>((row.get(0)?, row.get(1)?)))?;
        for entry in found {
            // Whoever received them has seen enough.
            if page.push(entry?).is_some_and(|full| to.blocking_send(full).is_err()) {
                return Ok(());
            }
        }
        if to.blocking_send(page).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
