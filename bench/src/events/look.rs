//! A look at a shop's database from outside: it costs the server nothing, and what it sees
//! is durable.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rusqlite::{Connection, OpenFlags};
use tokio::task::yield_now;

/// What is left to be told is in the native shop's outbox, or in a bucket of the host's.
const NATIVE: &str = "FROM outbox";

const ORDERS: &str = "SELECT COUNT(*) FROM entries WHERE bucket = 'orders' AND key BETWEEN 'order/' AND 'order0'";

/// All but the counters.
const NOTICES: &str = "SELECT COUNT(*) FROM entries WHERE bucket = 'notices' AND key NOT GLOB '*/count'";

/// Those who fall behind under load may need a while.
const LONGEST: Duration = Duration::from_secs(600);

/// A database that is read.
pub struct Look {
    database: Connection,
    /// Where it is what waits.
    waiting: String,
}

impl Look {
    /// That of a host, where this subscriber is told, or a broker.
    pub fn of_host(file: &Path, subscriber: &str) -> Result<Look> {
        Look::new(file, format!("FROM entries WHERE bucket = 'event:shop:orders/events@0.1.0/{subscriber}'"))
    }

    /// That of a native shop.
    pub fn of_native(file: &Path) -> Result<Look> {
        Look::new(file, NATIVE.to_owned())
    }

    /// Whether nobody is still to be told of an order.
    pub fn is_drained(&self) -> Result<bool> {
        let any = format!("SELECT EXISTS (SELECT 1 {})", self.waiting);
        let waits: bool = self.database.prepare_cached(&any)?.query_row([], |row| row.get(0))?;
        Ok(!waits)
    }

    /// Of how many orders somebody is still to be told.
    pub fn waiting(&self) -> Result<u64> {
        self.count(&format!("SELECT COUNT(*) {}", self.waiting))
    }

    /// Wait for that, looking as often as this, and say how long it took since then.
    pub async fn until_drained(&self, since: Instant, pace: Duration) -> Result<Duration> {
        while !self.is_drained()? {
            ensure!(since.elapsed() < LONGEST, "orders wait to be told of after {} s", LONGEST.as_secs());
            // The runtime's own clock knows whole milliseconds only.
            thread::sleep(pace);
            yield_now().await;
        }
        Ok(since.elapsed())
    }

    /// How many orders were taken, if any were: the counter of their ids.
    pub fn last_order(&self) -> Result<u64> {
        let last = "SELECT value FROM entries WHERE bucket = 'orders' AND key = 'last'";
        let last: Vec<u8> = self.database.prepare_cached(last)?.query_row([], |row| row.get(0))?;
        Ok(String::from_utf8(last)?.parse()?)
    }

    /// How many orders are kept.
    pub fn orders(&self) -> Result<u64> {
        self.count(ORDERS)
    }

    /// A notice, as it is kept.
    pub fn notice(&self, user: u64, id: u64) -> Result<String> {
        let notice = "SELECT CAST(value AS TEXT) FROM entries WHERE bucket = 'notices' AND key = ?1";
        Ok(self.database.query_row(notice, [format!("user/{user}/{id}")], |row| row.get(0))?)
    }

    /// Whether each order has one notice, when all are told of.
    pub fn check(&self) -> Result<()> {
        let (orders, notices) = (self.orders()?, self.count(NOTICES)?);
        ensure!(self.is_drained()? && orders == notices, "{notices} notices are kept of {orders} orders");
        Ok(())
    }

    fn count(&self, rows: &str) -> Result<u64> {
        let count: i64 = self.database.query_row(rows, [], |row| row.get(0))?;
        Ok(count.try_into()?)
    }

    fn new(file: &Path, waiting: String) -> Result<Look> {
        Ok(Look { database: Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?, waiting })
    }
}
