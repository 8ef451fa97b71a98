//! What one commit does to what is in it.

use anyhow::Result;

use super::super::{read::get, schema};
use super::*;

/// A database in memory with the table that writes go to.
fn database() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(schema::TABLES)?;
    Ok(connection)
}

fn set(id: u64, value: &'static str) -> Pending {
    Pending::Set { id, anew: false, value: value.into() }
}

fn batch(changes: impl IntoIterator<Item = (&'static str, Pending)>) -> Batch {
    let mut batch = Batch::default();
    for (key, change) in changes {
        batch.put("b", key.to_owned(), change);
    }
    batch
}

fn keys(connection: &Connection) -> Result<Vec<(u64, String)>> {
    let mut keys = connection.prepare("SELECT id, key FROM entries ORDER BY id")?;
    let keys = keys.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

#[test]
fn the_last_of_several_writes_counts_and_the_first_gives_the_place() -> Result<()> {
    let mut connection = database()?;
    batch([("kept", set(1, "1")), ("again", set(2, "1")), ("gone", set(3, "1"))]).commit(&mut connection, None)?;
    let changes = [
        ("new", set(4, "1")),
        ("kept", set(5, "2")),
        ("again", Pending::Deleted),
        ("again", set(6, "2")),
        ("again", set(7, "3")),
        ("new", set(8, "2")),
        ("gone", set(9, "2")),
        ("gone", Pending::Deleted),
        ("never", Pending::Deleted),
    ];
    batch(changes).commit(&mut connection, None)?;
    let found = keys(&connection)?;
    let expected = [(1, "kept"), (4, "new"), (6, "again")].map(|(id, key)| (id, key.to_owned()));
    assert_eq!(found, expected);
    for (key, value) in [("kept", "2"), ("new", "2"), ("again", "3")] {
        assert_eq!(get(&connection, "b", key)?, Some(value.into()));
    }
    Ok(())
}

#[test]
fn a_commit_that_fails_leaves_nothing_of_itself() -> Result<()> {
    let half_way = "
        CREATE TRIGGER picky BEFORE INSERT ON entries WHEN new.key = 'bad'
        BEGIN SELECT RAISE(ABORT, 'no'); END";
    let undone_half_way = "
        CREATE TRIGGER picky BEFORE INSERT ON entries WHEN new.key = 'bad'
        BEGIN SELECT RAISE(ROLLBACK, 'no'); END";
    let refused_at_commit = "
        PRAGMA foreign_keys = ON;
        CREATE TABLE other (id REFERENCES entries DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER picky AFTER INSERT ON entries WHEN new.key = 'bad'
        BEGIN INSERT INTO other VALUES (-1); END";
    for fault in [half_way, undone_half_way, refused_at_commit] {
        let mut connection = database()?;
        connection.execute_batch(fault)?;
        let failed = batch([("first", set(1, "v")), ("bad", set(2, "v")), ("last", set(3, "v"))]);
        assert!(failed.commit(&mut connection, None).is_err());
        assert_eq!(keys(&connection)?, []);
        batch([("k", set(4, "v"))]).commit(&mut connection, None)?;
        assert_eq!(keys(&connection)?, [(4, "k".to_owned())]);
    }
    Ok(())
}
