//! Writes that share one statement, and so one transaction.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;

use tokio::time::timeout;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;

use super::session::{ANSWER, Live, Session};
use super::write::{Answer, OwnedChange, Work, Write};
use crate::store::{StoreError, counter};

/// How often a batch is sent that the server undoes for others' sake.
const TRIES: usize = 5;

/// The most rows, and bytes in them, that a batch has unless its first write alone
/// has more.
const MOST_ROWS: usize = 16 * 1024;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The writes of one transaction, in the order in which they came.
pub struct Batch(Vec<Write>);

/// Why the writes of a batch have no answers.
enum Failure {
    /// None of them was done.
    Undone(tokio_postgres::Error),
    /// They were sent, and then the connection failed.
    Unknown(Arc<dyn Error + Send + Sync>),
}

impl Batch {
    /// The first of the writes that wait, as many as go together. Those whose callers
    /// left are not done: nobody expects them any more, however long they have waited.
    pub fn take(waiting: &mut VecDeque<Write>) -> Batch {
        waiting.retain(|write| !write.answer.is_closed());
        let (mut rows, mut bytes) = (0, 0);
        let fits = waiting.iter().take_while(|write| {
            let (more, larger) = write.size();
            (rows, bytes) = (rows + more, bytes + larger);
            rows <= MOST_ROWS && bytes <= MOST_BYTES
        });
        let count = fits.count().max(1).min(waiting.len());
        Batch(waiting.drain(..count).collect())
    }

    /// Makes one transaction of the writes, and then answers each.
    pub async fn commit(self, session: &Session) {
        let Batch(writes) = self;
        if writes.is_empty() {
            return;
        }
        let live = match session.live().await {
            Ok(live) => live,
            Err(error) => return fail(writes, |operation| session.away(operation, error.clone())),
        };
        match apply_again(&live, &writes).await {
            Ok(answers) => {
                for (write, answer) in writes.into_iter().zip(answers) {
                    // Durable all the same if its caller went away.
                    let _ = write.answer.send(answer);
                }
            }
            // One of them may be at fault for all.
            Err(Failure::Undone(error)) if writes.len() > 1 && is_of_its_data(&error) => {
                for write in writes {
                    Box::pin(Batch(vec![write]).commit(session)).await;
                }
            }
            Err(Failure::Undone(error)) => {
                tracing::error!(error = &error as &dyn Error, writes = writes.len(), "commit failed");
                let error = Arc::new(error);
                fail(writes, |operation| StoreError::engine(operation, Arc::clone(&error)));
            }
            Err(Failure::Unknown(error)) => {
                live.give_up();
                tracing::error!(error = &*error as &dyn Error, writes = writes.len(), "lost a connection in a commit");
                fail(writes, |operation| session.unknown(operation, Arc::clone(&error)));
            }
        }
    }
}

/// Answers each write with the error for what it was to do.
fn fail(writes: Vec<Write>, error: impl Fn(String) -> StoreError) {
    for write in writes {
        let error = error(write.operation());
        let _ = write.answer.send(Err(error));
    }
}

/// Applies the writes, again if it was undone because others were in the way.
async fn apply_again(live: &Live, writes: &[Write]) -> Result<Vec<Answer>, Failure> {
    let mut tried = 1;
    loop {
        match apply(live, writes).await {
            Err(Failure::Undone(error)) if tried < TRIES && is_for_others(&error) => tried += 1,
            applied => return applied,
        }
    }
}

/// One answer for each write, once they are durable.
async fn apply(live: &Live, writes: &[Write]) -> Result<Vec<Answer>, Failure> {
    let rows = Rows::of(writes);
    let Rows { buckets, keys, values, deltas, places, .. } = &rows;
    let columns: [&(dyn ToSql + Sync); 5] = [buckets, keys, values, deltas, places];
    let applying = live.client.query(&live.statements.write, &columns);
    let answered = timeout(ANSWER, applying).await.map_err(|late| Failure::Unknown(Arc::new(late)))?;
    let counted = answered.map_err(|error| match is_definite(&error) {
        true => Failure::Undone(error),
        false => Failure::Unknown(Arc::new(error)),
    })?;
    let mut answers = vec![Ok(0); writes.len()];
    for row in counted {
        let (place, sum, stored): (i32, Option<&str>, Option<&str>) = (row.get(0), row.get(1), row.get(2));
        let number = rows.owners[place.unsigned_abs() as usize];
        answers[number] = counted_to(&writes[number], sum, stored);
    }
    Ok(answers)
}

/// What a counter came to, or why it was left alone.
fn counted_to(write: &Write, sum: Option<&str>, stored: Option<&str>) -> Answer {
    let Work::Increment { bucket, key, delta } = &write.work else { return Ok(0) };
    let refused = || StoreError::NotACounter { bucket: bucket.clone(), key: key.clone() };
    match sum {
        Some(sum) => sum.parse().map_err(|_| refused()),
        None => counter::add(bucket, key, stored.map(str::as_bytes), *delta).and(Err(refused())),
    }
}

/// The writes as the columns of what `dovetail.write` takes.
struct Rows<'a> {
    buckets: Vec<&'a str>,
    keys: Vec<&'a [u8]>,
    values: Vec<Option<&'a [u8]>>,
    deltas: Vec<Option<String>>,
    /// The place of each among all, as they came.
    places: Vec<i32>,
    /// By its place, the number of the write that each is part of.
    owners: Vec<usize>,
}

impl Rows<'_> {
    fn of(writes: &[Write]) -> Rows<'_> {
        let (mut rows, mut owners) = (Vec::new(), Vec::new());
        for (number, write) in writes.iter().enumerate() {
            let mut row = |bucket, key, value, delta| {
                rows.push((str::as_ref(bucket), str::as_bytes(key), value, delta, rows.len() as i32));
                owners.push(number);
            };
            match &write.work {
                Work::Change(changes) => {
                    changes
                        .iter()
                        .for_each(|OwnedChange { bucket, key, value }| row(bucket, key, value.as_deref(), None));
                }
                Work::Increment { bucket, key, delta } => row(bucket, key, None, Some(delta.to_string())),
            }
        }
        // All hosts take the locks of rows in this order. What is done to one key
        // stays in the order in which it came.
        rows.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let mut columns = Rows {
            buckets: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
            deltas: Vec::new(),
            places: Vec::new(),
            owners,
        };
        for (bucket, key, value, delta, place) in rows {
            columns.buckets.push(bucket);
            columns.keys.push(key);
            columns.values.push(value);
            columns.deltas.push(delta);
            columns.places.push(place);
        }
        columns
    }
}

/// Whether the server said that the statement failed, and went on: then nothing
/// of it was done. What ends the connection may have come after the commit.
pub fn is_definite(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

fn is_for_others(error: &tokio_postgres::Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// Whether it is about what was to be written: of the class of wrong data, of
/// violated constraints, or of exceeded limits.
fn is_of_its_data(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)))
}
