//! What is in the database, and whether it is ours.
//!
//! Everything is in a schema of its own, `dovetail`, so that a database may hold
//! other things, and at most one store. `dovetail.versions` says which of
//! [`MIGRATIONS`] were made.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel};

use super::login::Login;
use crate::store::StoreError;
use crate::store::clock::Asked;

/// What makes each version out of the one before, the first out of nothing. One
/// that was released is never changed.
const MIGRATIONS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// The version that this build reads and writes.
pub const VERSION: i32 = MIGRATIONS.len() as i32;

/// Taken while migrations are made: "dovetail" in ASCII.
const LOCK: i64 = i64::from_be_bytes(*b"dovetail");

/// Makes the tables, or brings them to this build's version. Of several hosts that
/// start at once one does it, and the others wait. A database that is not ours, or
/// was made by a newer Dovetail, is left as it is.
pub async fn migrate(client: &mut Client, login: &Login) -> Result<(), StoreError> {
    if check(client, login).await? == VERSION {
        return Ok(());
    }
    let failed = |error| refused(login, error);
    // Whatever the database has for a default: of a later level, what it sees would be
    // what there was before the wait for the lock.
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = transaction.start().await.map_err(failed)?;
    let lock = format!("SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock({LOCK})");
    transaction.batch_execute(&lock).await.map_err(failed)?;
    // Another host may have done it meanwhile.
    let found = check(transaction.client(), login).await?;
    for version in found + 1..=VERSION {
        transaction.batch_execute(MIGRATIONS[version as usize - 1]).await.map_err(failed)?;
        let insert = "INSERT INTO dovetail.versions (version) VALUES ($1)";
        transaction.execute(insert, &[&version]).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    if found < VERSION {
        tracing::info!(store = login.place(), from = found, to = VERSION, "made the store's tables");
    }
    Ok(())
}

/// The version of what is there, 0 if there is nothing yet. Changes nothing.
pub async fn check(client: &Client, login: &Login) -> Result<i32, StoreError> {
    let failed = |error| refused(login, error);
    let tables = "SELECT count(*), count(*) FILTER (WHERE relname = 'versions') FROM pg_catalog.pg_class
                  WHERE relnamespace = to_regnamespace('dovetail')";
    let row = client.query_one(tables, &[]).await.map_err(failed)?;
    let (all, versions): (i64, i64) = (row.get(0), row.get(1));
    if all == 0 {
        return Ok(0);
    }
    if versions == 0 {
        return Err(StoreError::OtherSchema { place: login.place() });
    }
    let newest = "SELECT coalesce(max(version), 0) FROM dovetail.versions";
    let found = client.query_one(newest, &[]).await.map_err(failed)?.get(0);
    if found > VERSION {
        return Err(StoreError::OtherVersion { place: login.place(), found, known: VERSION });
    }
    Ok(found)
}

/// Logs how the server is set up to lose what it acknowledged. What a session may
/// say otherwise, it does.
pub async fn warn_of_losses(client: &Client, login: &Login) -> Result<(), StoreError> {
    let off = "SELECT name FROM pg_catalog.pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'";
    for row in client.query(off, &[]).await.map_err(|error| refused(login, error))? {
        let setting: &str = row.get(0);
        tracing::warn!(
            store = login.place(),
            "the server has {setting} off: a crash of its machine may lose what was answered; switch it on"
        );
    }
    Ok(())
}

/// Logs that the server's clock is another than this host's.
pub async fn compare_clocks(client: &Client, login: &Login) -> Result<(), StoreError> {
    let asked = Asked::now();
    let row = client.query_one("SELECT clock_timestamp()", &[]).await.map_err(|error| refused(login, error))?;
    asked.answered(&login.place(), row.get(0));
    Ok(())
}

/// Refuses what [`migrate`] would refuse, and changes nothing.
pub async fn inspect(client: &Client, login: &Login) -> Result<(), StoreError> {
    if check(client, login).await? == VERSION {
        return Ok(());
    }
    let allowed = "SELECT CASE WHEN to_regnamespace('dovetail') IS NULL
                          THEN has_database_privilege(current_database(), 'CREATE')
                          ELSE has_schema_privilege('dovetail', 'CREATE') END";
    match client.query_one(allowed, &[]).await.map_err(|error| refused(login, error))?.get(0) {
        true => Ok(()),
        false => {
            let error = std::io::Error::other("the user may not make the store's tables");
            Err(StoreError::server(login.place(), GRANT, error))
        }
    }
}

const GRANT: &str = "grant its user what it needs: CREATE on the database for the first start, and the tables of the \
                     schema dovetail";

/// The error of a database that does not do as it is told at the start.
pub fn refused(login: &Login, error: tokio_postgres::Error) -> StoreError {
    let advice = match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => GRANT,
        Some(&SqlState::LOCK_NOT_AVAILABLE) => "try again when the host that makes its tables is done",
        _ => "see what the server says",
    };
    StoreError::server(login.place(), advice, error)
}
