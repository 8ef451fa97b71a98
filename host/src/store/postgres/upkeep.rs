//! The database as people look after it, by a connection of their own.

use std::path::Path;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::Client;

use super::driver::Driver;
use super::login::Login;
use super::schema;
use super::session::BY_INDEX;
use crate::manifest::PostgresUrl;
use crate::store::StoreError;
use crate::store::upkeep::{BucketStats, Copy, Page, Stats, Upkeep};

/// A database that is there.
pub struct PostgresUpkeep {
    place: String,
    /// One transaction at a time.
    client: Mutex<Client>,
    _driver: Driver,
}

/// A part of a bucket: those after an id, as many as go into a page. What they are
/// is decided by their sizes, before any value is sent.
pub const PAGE: &str = "
    SELECT id, key, value FROM (
        SELECT *, sum(octet_length(value)) OVER (ORDER BY id) - octet_length(value) AS before
        FROM (SELECT id, key, value FROM dovetail.entries WHERE bucket = $1 AND id > $2 ORDER BY id LIMIT 1000) AS next
    ) AS page
    WHERE before < 262144
    ORDER BY id";

impl PostgresUpkeep {
    /// Connects to the database at `url`, if it is a store.
    pub async fn connect(url: &PostgresUrl) -> Result<PostgresUpkeep, StoreError> {
        let login = Login::new(url)?;
        let (client, driver) = login.connect().await?;
        match schema::check(&client, &login).await? {
            0 => Err(StoreError::Missing { place: login.place() }),
            // Whatever version made the entries: they are the same in all of them.
            1..=schema::VERSION => {
                Ok(PostgresUpkeep { place: login.place(), client: Mutex::new(client), _driver: driver })
            }
            found => Err(StoreError::OtherVersion { place: login.place(), found, known: schema::VERSION }),
        }
    }

    fn failed(&self, what: &str, error: tokio_postgres::Error) -> StoreError {
        StoreError::engine(format!("{what} of {:?}", self.place), error)
    }
}

#[async_trait]
impl Upkeep for PostgresUpkeep {
    async fn stats(&self) -> Result<Stats, StoreError> {
        let failed = |error| self.failed("count what is in the buckets", error);
        let client = self.client.lock().await;
        let sql = "SELECT bucket, count(*), sum(octet_length(key) + octet_length(value))::bigint
                   FROM dovetail.entries GROUP BY bucket ORDER BY bucket";
        let rows = client.query(sql, &[]).await.map_err(failed)?;
        let number = |number: i64| number.unsigned_abs();
        let buckets = rows
            .iter()
            .map(|row| BucketStats { name: row.get(0), keys: number(row.get(1)), bytes: number(row.get(2)) })
            .collect();
        let sql = "SELECT current_setting('server_version'), pg_total_relation_size('dovetail.entries')";
        let row = client.query_one(sql, &[]).await.map_err(failed)?;
        Ok(Stats {
            engine: "PostgreSQL",
            version: row.get(0),
            place: self.place.clone(),
            size: number(row.get(1)),
            // That of the server is not this database's own.
            log: None,
            buckets,
        })
    }

    async fn export(&self, bucket: Option<&str>, to: mpsc::Sender<Page>) -> Result<(), StoreError> {
        let failed = |error| self.failed("export the entries", error);
        let mut client = self.client.lock().await;
        let moment = client.build_transaction().isolation_level(tokio_postgres::IsolationLevel::RepeatableRead);
        let snapshot = moment.read_only(true).start().await.map_err(failed)?;
        let buckets: Vec<String> = match bucket {
            Some(bucket) => vec![bucket.to_owned()],
            None => {
                let sql = "SELECT DISTINCT bucket FROM dovetail.entries ORDER BY bucket";
                snapshot.query(sql, &[]).await.map_err(failed)?.iter().map(|row| row.get(0)).collect()
            }
        };
        snapshot.batch_execute(BY_INDEX).await.map_err(failed)?;
        let statement = snapshot.prepare(PAGE).await.map_err(failed)?;
        for bucket in buckets {
            let mut last = 0_i64;
            loop {
                let rows = snapshot.query(&statement, &[&bucket, &last]).await.map_err(failed)?;
                let Some(end) = rows.last() else { break };
                last = end.get(0);
                let mut page = Page::of(&bucket);
                for row in rows {
                    let key = String::from_utf8(row.get(1)).map_err(|error| {
                        StoreError::engine(format!("export bucket {bucket:?} of {:?}", self.place), error)
                    })?;
                    page.entries.push((key, row.get(2)));
                }
                // Whoever received them has seen enough.
                if to.send(page).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Of a whole server `pg_dump` makes what its own tools read; what was exported
    /// can be imported into a store of any kind.
    async fn copy(&self, _: &Path) -> Result<Copy, StoreError> {
        Ok(Copy::OfEntries)
    }
}
