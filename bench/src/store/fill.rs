//! A store of many orders, written into its file: posting them takes minutes.

use std::{fs::File, path::Path, time::Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

/// Nothing here has to outlive a crash, and memory makes it fast.
const IN_A_HURRY: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000";

/// Fill a file that a host made, and that holds the first order, up to so many:
/// of Alice and of Bob in turns, in the order service's format.
pub fn fill(file: &Path, orders: u64) -> Result<()> {
    let since = Instant::now();
    let mut connection = Connection::open(file)?;
    connection.execute_batch(IN_A_HURRY)?;
    let transaction = connection.transaction()?;
    write(&transaction, orders)?;
    transaction.commit()?;
    drop(connection);
    // Or the kernel would write while reads are measured.
    File::open(file)?.sync_all().context("the filled store could not be synced")?;
    let (took, size) = (since.elapsed().as_secs_f64(), file.metadata()?.len() as f64 / 1e6);
    println!("\nFilled a store with {orders} orders, {size:.0} MB, in {took:.1} s");
    Ok(())
}

fn write(connection: &Connection, orders: u64) -> rusqlite::Result<()> {
    let mut set = connection.prepare(
        "INSERT INTO entries (bucket, key, value) VALUES ('orders', ?1, ?2)
         ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut set = |key: String, value: String| set.execute(params![key, value.as_bytes()]);
    for id in 2..=orders {
        let (user, position) = (2 - id % 2, id.div_ceil(2));
        let order = format!(r#"{{"id":{id},"user_id":{user},"item":"Book""#);
        set(format!("order/{id}"), format!(r#"{order},"position":{position}}}"#))?;
        set(format!("user/{user}/{position}"), order + "}")?;
    }
    set("last".to_owned(), orders.to_string())?;
    for user in [1, 2] {
        set(format!("user/{user}/count"), (orders / 2).to_string())?;
    }
    Ok(())
}
