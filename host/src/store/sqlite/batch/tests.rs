//! What one commit does to the writes in it.

use anyhow::Result;
use tokio::sync::oneshot;

use super::super::schema;
use super::*;

/// A database in memory with the table that writes go to.
fn database() -> Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(schema::TABLES)?;
    Ok(connection)
}

/// Commits these changes as one batch, and returns their answers.
fn commit_all(connection: &mut Connection, changes: Vec<Change>) -> Result<Vec<Answer>> {
    let (mut batch, mut answers) = (Batch::default(), Vec::new());
    for change in changes {
        let (answer, answered) = oneshot::channel();
        let bucket = "b".to_owned();
        batch.0.push(Write { bucket, change, answer });
        answers.push(answered);
    }
    batch.commit(connection);
    let answers = answers.into_iter().map(|mut answered| answered.try_recv());
    Ok(answers.collect::<Result<_, _>>()?)
}

fn set_one(key: &str, value: &[u8]) -> Change {
    Change::Set(vec![(key.to_owned(), value.to_owned())])
}

fn count_on(key: &str) -> Change {
    let key = key.to_owned();
    Change::Increment { key, delta: 1 }
}

#[test]
fn a_refused_write_fails_alone() -> Result<()> {
    let mut connection = database()?;
    let changes = vec![set_one("text", b"x"), count_on("text"), count_on("n"), count_on("n")];
    let answers = commit_all(&mut connection, changes)?;
    assert!(matches!(answers.as_slice(), [Ok(0), Err(StoreError::NotACounter { .. }), Ok(1), Ok(2)]));
    assert_eq!(get(&connection, "b", "text")?, Some(b"x".into()));
    assert_eq!(get(&connection, "b", "n")?, Some(b"2".into()));
    Ok(())
}

#[test]
fn a_batch_that_fails_half_way_leaves_nothing_of_itself() -> Result<()> {
    let mut connection = database()?;
    connection.execute_batch(
        "CREATE TRIGGER picky BEFORE INSERT ON entries WHEN new.key = 'bad'
         BEGIN SELECT RAISE(ABORT, 'no'); END",
    )?;
    let entries = ["first", "bad", "last"].map(|key| (key.to_owned(), b"v".to_vec()));
    let changes = vec![count_on("n"), Change::Set(entries.into()), set_one("k", b"v")];
    let answers = commit_all(&mut connection, changes)?;
    assert!(matches!(answers.as_slice(), [Ok(1), Err(StoreError::Engine { .. }), Ok(0)]));
    assert_eq!(get(&connection, "b", "first")?, None);
    assert_eq!(get(&connection, "b", "k")?, Some(b"v".into()));
    Ok(())
}

#[test]
fn a_failed_transaction_fails_all_and_later_ones_may_succeed() -> Result<()> {
    let undone_half_way = "
        CREATE TRIGGER picky BEFORE INSERT ON entries WHEN new.key = 'bad'
        BEGIN SELECT RAISE(ROLLBACK, 'no'); END";
    let refused_at_commit = "
        PRAGMA foreign_keys = ON;
        CREATE TABLE other (id REFERENCES entries DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER picky AFTER INSERT ON entries WHEN new.key = 'bad'
        BEGIN INSERT INTO other VALUES (-1); END";
    for fault in [undone_half_way, refused_at_commit] {
        let mut connection = database()?;
        connection.execute_batch(fault)?;
        let bad = ["first", "bad"].map(|key| (key.to_owned(), b"v".to_vec()));
        let changes = vec![set_one("k", b"v"), Change::Set(bad.into()), count_on("n")];
        let answers = commit_all(&mut connection, changes)?;
        let failed = |answer: &Answer| matches!(answer, Err(StoreError::Engine { .. }));
        assert!(answers.iter().all(failed), "{answers:?}");
        assert_eq!(get(&connection, "b", "k")?, None);
        let answers = commit_all(&mut connection, vec![count_on("n")])?;
        assert!(matches!(answers.as_slice(), [Ok(1)]), "{answers:?}");
    }
    Ok(())
}
