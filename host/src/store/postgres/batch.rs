//! Writes that share one statement, and so one transaction.

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::sync::Arc;

use tokio::time::timeout;
use tokio_postgres::Row;
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
    /// left are not done: nobody expects them any more, however long they have waited. All
    /// guards are looked at before anything is written, so that one whose key is changed by
    /// a write before it is left to the next batch.
    pub fn take(waiting: &mut VecDeque<Write>) -> Batch {
        waiting.retain(|write| !write.answer.is_closed());
        let (mut rows, mut bytes) = (0, 0);
        let guards: HashSet<_> = waiting.iter().filter_map(Write::guard).collect();
        let mut changed = HashSet::new();
        let fits = waiting.iter().take_while(|write| {
            let (more, larger) = write.size();
            (rows, bytes) = (rows + more, bytes + larger);
            let is_stale = write.guard().is_some_and(|guard| changed.contains(&guard));
            if !guards.is_empty() {
                changed.extend(write.keys().filter(|key| guards.contains(key)));
            }
            rows <= MOST_ROWS && bytes <= MOST_BYTES && !is_stale
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
    let answered = timeout(ANSWER, rows.write(live)).await.map_err(|late| Failure::Unknown(Arc::new(late)))?;
    let counted = answered.map_err(|error| match is_definite(&error) {
        true => Failure::Undone(error),
        false => Failure::Unknown(Arc::new(error)),
    })?;
    let mut answers = vec![Ok(1); writes.len()];
    for row in counted {
        let (place, sum, stored): (i32, Option<&str>, Option<&str>) = (row.get(0), row.get(1), row.get(2));
        if place < 0 {
            let guarded = rows.guarded.iter().zip(&mut answers).filter(|(guard, _)| **guard == -place);
            guarded.for_each(|(_, answer)| *answer = Ok(0));
            continue;
        }
        let number = rows.owners[place.unsigned_abs() as usize];
        answers[number] = counted_to(&writes[number], sum, stored);
    }
    Ok(answers)
}

/// What a counter came to, or why it was left alone.
fn counted_to(write: &Write, sum: Option<&str>, stored: Option<&str>) -> Answer {
    let Work::Increment { bucket, key, delta } = &write.work else { return Ok(1) };
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
    /// The guard of each, from 1; 0 if it has none.
    guards: Vec<i32>,
    guard_buckets: Vec<&'a str>,
    guard_keys: Vec<&'a [u8]>,
    guard_values: Vec<Option<&'a [u8]>>,
    /// The guard of each write.
    guarded: Vec<i32>,
}

impl Rows<'_> {
    /// Have them written.
    async fn write(&self, live: &Live) -> Result<Vec<Row>, tokio_postgres::Error> {
        let columns: [&(dyn ToSql + Sync); 9] = [
            &self.buckets,
            &self.keys,
            &self.values,
            &self.deltas,
            &self.places,
            &self.guards,
            &self.guard_buckets,
            &self.guard_keys,
            &self.guard_values,
        ];
        match self.guard_keys.is_empty() {
            true => live.client.query(&live.statements.write, &columns[..5]).await,
            false => live.client.query(&live.statements.write_guarded, &columns).await,
        }
    }

    fn of(writes: &[Write]) -> Rows<'_> {
        let (mut rows, mut owners) = (Vec::new(), Vec::new());
        let (guards, guarded) = guards(writes);
        for (number, write) in writes.iter().enumerate() {
            let mut row = |bucket, key, value, delta| {
                rows.push((str::as_ref(bucket), str::as_bytes(key), value, delta, rows.len() as i32));
                owners.push(number);
            };
            match &write.work {
                Work::Change(changes, _) => {
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
            guards: Vec::new(),
            guard_buckets: guards.iter().map(|guard| guard.bucket.as_str()).collect(),
            guard_keys: guards.iter().map(|guard| guard.key.as_bytes()).collect(),
            guard_values: guards.iter().map(|guard| guard.value.as_deref()).collect(),
            guarded,
        };
        for (bucket, key, value, delta, place) in rows {
            columns.guards.push(columns.guarded[columns.owners[place.unsigned_abs() as usize]]);
            columns.buckets.push(bucket);
            columns.keys.push(key);
            columns.values.push(value);
            columns.deltas.push(delta);
            columns.places.push(place);
        }
        columns
    }
}

/// The guards of some writes, each once, and by write its number among them.
fn guards(writes: &[Write]) -> (Vec<&OwnedChange>, Vec<i32>) {
    let mut guards: Vec<&OwnedChange> = Vec::new();
    let guarded = writes.iter().map(|write| {
        let Work::Change(_, Some(guard)) = &write.work else { return 0 };
        let place = guards.iter().position(|other| *other == guard).unwrap_or_else(|| {
            guards.push(guard);
            guards.len() - 1
        });
        place as i32 + 1
    });
    let guarded = guarded.collect();
    (guards, guarded)
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
