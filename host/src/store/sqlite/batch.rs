//! Writes that share one commit.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::get;
use crate::store::write::{Answer, Change, Write};
use crate::store::{StoreError, counter};

/// The writes of one transaction, in the order in which they came.
#[derive(Default)]
pub struct Batch(pub Vec<Write>);

impl Batch {
    /// Makes one transaction of the writes, and then answers each.
    pub fn commit(self, connection: &mut Connection) {
        let Batch(writes) = self;
        match commit(connection, &writes) {
            Ok(answers) => {
                for (write, answer) in writes.into_iter().zip(answers) {
                    // Durable all the same if its caller went away.
                    let _ = write.answer.send(answer);
                }
            }
            Err(error) => {
                tracing::error!(%error, writes = writes.len(), "commit failed");
                let error = Arc::new(error);
                for write in writes {
                    let failed = StoreError::engine(write.operation(), Arc::clone(&error));
                    let _ = write.answer.send(Err(failed));
                }
            }
        }
    }
}

/// One answer for each write, once they are durable; an error if none of them
/// was applied.
fn commit(connection: &mut Connection, writes: &[Write]) -> rusqlite::Result<Vec<Answer>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::with_capacity(writes.len());
    for write in writes {
        let answer = match apply(&mut transaction, write) {
            // Some failures, a full disk for one, undo the whole transaction.
            Err(error) if transaction.is_autocommit() => return Err(error),
            Err(error) => Err(StoreError::engine(write.operation(), error)),
            Ok(answer) => answer,
        };
        answers.push(answer);
    }
    transaction.commit()?;
    Ok(answers)
}

/// Applies one write, or nothing of it: a statement that fails undoes itself,
/// and several of them go into a savepoint.
fn apply(transaction: &mut Transaction, write: &Write) -> rusqlite::Result<Answer> {
    let bucket = &write.bucket;
    match &write.change {
        Change::Set(entries) => {
            whole(transaction, entries, |transaction, (key, value)| set(transaction, bucket, key, value))?
        }
        Change::Delete(keys) => whole(transaction, keys, |transaction, key| delete(transaction, bucket, key))?,
        Change::Increment { key, delta } => {
            let stored = get(transaction, bucket, key)?;
            let sum = counter::add(bucket, key, stored.as_deref(), *delta);
            if let Ok(sum) = sum {
                set(transaction, bucket, key, sum.to_string().as_bytes())?;
            }
            return Ok(sum);
        }
    }
    Ok(Ok(0))
}

fn whole<T>(
    transaction: &mut Transaction,
    parts: &[T],
    apply: impl Fn(&Connection, &T) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    if let [part] = parts {
        return apply(transaction, part);
    }
    let savepoint = transaction.savepoint()?;
    for part in parts {
        apply(&savepoint, part)?;
    }
    savepoint.commit()
}

fn set(connection: &Connection, bucket: &str, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    let mut set = connection.prepare_cached(
        "INSERT INTO entries (bucket, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
    )?;
    set.execute((bucket, key, value)).map(drop)
}

fn delete(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM entries WHERE bucket = ?1 AND key = ?2")?;
    delete.execute([bucket, key]).map(drop)
}

#[cfg(test)]
mod tests;
