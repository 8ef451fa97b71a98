//! A connection that is kept: when it is lost, another is made in its place.
//!
//! Calls share it. The driver sends what they ask for one after the other without
//! waiting for answers between, so that a round trip carries many.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Statement};

use super::driver::Driver;
use super::login::Login;
use super::schema;
use crate::store::StoreError;

/// How long a call waits while a connection is made anew for the first time. Once
/// that failed calls are answered at once, until it succeeds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the server may take over a statement before it gives it up.
const STATEMENT: Duration = Duration::from_secs(5);

/// How long an answer may take, that of a statement which the server gave up too,
/// before the connection is given up. Less than a call's usual deadline, so that
/// it is told what happened.
pub const ANSWER: Duration = Duration::from_secs(7);

/// How long is waited before the second try to connect, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A connection of a store. Ends when it is dropped.
pub struct Session {
    place: String,
    state: watch::Receiver<State>,
    keeper: JoinHandle<()>,
}

/// How a session is.
#[derive(Clone)]
enum State {
    /// It was lost just now.
    Lost,
    /// It serves.
    Up(Arc<Live>),
    /// It could not be made anew, and is tried again.
    Down(StoreError),
}

/// One connection, with its statements prepared.
pub struct Live {
    /// What talks to the server.
    pub client: Client,
    /// What it is asked.
    pub statements: Statements,
    given_up: AtomicBool,
    give_up: Notify,
}

/// What a store asks of the server, prepared once a connection.
pub struct Statements {
    /// See [`GET`].
    pub get: Statement,
    /// See [`EXISTS`].
    pub exists: Statement,
    /// See [`GET_MANY`].
    pub get_many: Statement,
    /// See [`LIST_KEYS`].
    pub list_keys: Statement,
    /// See [`WRITE`].
    pub write: Statement,
    /// [`WRITE_GUARDED`].
    pub write_guarded: Statement,
}

impl Session {
    /// Connects, and keeps connected from then on.
    pub async fn start(login: Arc<Login>) -> Result<Session, StoreError> {
        let (live, driver) = connect(&login).await?;
        let (sender, state) = watch::channel(State::Up(live.clone()));
        let place = login.place();
        let keeper = tokio::spawn(keep(login, live, driver, sender));
        Ok(Session { place, state, keeper })
    }

    /// Whether it is connected.
    pub fn serves(&self) -> bool {
        matches!(&*self.state.borrow(), State::Up(live) if live.serves())
    }

    /// The connection; if it was lost just now, the one in its place.
    pub async fn live(&self) -> Result<Arc<Live>, StoreError> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| match state {
            State::Up(live) => live.serves(),
            State::Down(_) => true,
            State::Lost => false,
        });
        match timeout(PATIENCE, settled).await.map(|state| state.map(|state| state.clone())) {
            Ok(Ok(State::Up(live))) => Ok(live),
            Ok(Ok(State::Down(error))) => Err(error),
            Ok(Ok(State::Lost) | Err(_)) | Err(_) => {
                let error = io::Error::from(io::ErrorKind::TimedOut);
                Err(StoreError::server(self.place.clone(), "wait until it is connected again", error))
            }
        }
    }

    /// The error of a server that is there and does not answer.
    pub fn unwell(&self, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::server(self.place.clone(), "see whether its server is well", source)
    }

    /// The error of what was to be done and was not, for want of a connection.
    pub fn away(&self, operation: String, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Away { operation, place: self.place.clone(), source: Arc::new(source) }
    }

    /// The error of what was to be done and may have been.
    pub fn unknown(&self, operation: String, source: Arc<dyn Error + Send + Sync>) -> StoreError {
        StoreError::Unknown { operation, place: self.place.clone(), source }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Live {
    /// Takes no more calls, and has another connection made.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.give_up.notify_one();
    }

    fn serves(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed) && !self.client.is_closed()
    }
}

/// Makes one connection after the other.
async fn keep(login: Arc<Login>, live: Arc<Live>, driver: Driver, state: watch::Sender<State>) {
    let (mut live, mut driver) = (live, driver);
    loop {
        tokio::select! {
            () = &mut driver => {}
            () = live.give_up.notified() => {}
        }
        // Those who wait for answers on it are told that none will come.
        drop(driver);
        state.send_replace(State::Lost);
        tracing::warn!(store = login.place(), "lost a connection to the store");
        (live, driver) = reconnect(&login, &state).await;
        state.send_replace(State::Up(live.clone()));
        tracing::info!(store = login.place(), "connected to the store again");
    }
}

async fn reconnect(login: &Login, state: &watch::Sender<State>) -> (Arc<Live>, Driver) {
    let (mut wait, most) = BACKOFF;
    loop {
        match connect(login).await {
            Ok(connected) => return connected,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "could not connect to PostgreSQL again");
                state.send_replace(State::Down(error));
            }
        }
        sleep(wait).await;
        wait = most.min(wait * 2);
    }
}

/// A connection whose database is still of this version.
async fn connect(login: &Login) -> Result<(Arc<Live>, Driver), StoreError> {
    let (client, driver) = login.connect().await?;
    let prepared = async {
        let refused = |error| schema::refused(login, error);
        client.batch_execute(&settings()).await.map_err(refused)?;
        match schema::check(&client, login).await? {
            schema::VERSION => Statements::prepare(&client).await.map_err(refused),
            found => Err(StoreError::OtherVersion { place: login.place(), found, known: schema::VERSION }),
        }
    };
    let late = |late| StoreError::server(login.place(), "see whether its server is well", late);
    let statements = timeout(ANSWER, prepared).await.map_err(late)??;
    let live = Live { client, statements, given_up: AtomicBool::new(false), give_up: Notify::new() };
    Ok((Arc::new(live), driver))
}

/// Has the server find entries by an index, in its order. Without statistics, as they are
/// after many entries came at once, it would read and sort a whole bucket for each page: of
/// a million entries 220 ms instead of 0.7.
pub const BY_INDEX: &str = "SET enable_bitmapscan = off; SET enable_seqscan = off";

/// What does not depend on how the server, the database or the user is set up. A
/// commit waits at least for the disk; if they say for another server, too, then
/// for that as well.
fn settings() -> String {
    let milliseconds = STATEMENT.as_millis();
    format!(
        "SET statement_timeout = {milliseconds}; SET default_transaction_isolation = 'read committed'; SET jit = off;
         SET client_min_messages = warning; {BY_INDEX};
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

impl Statements {
    async fn prepare(client: &Client) -> Result<Statements, tokio_postgres::Error> {
        let (get, exists, get_many, list_keys, write, write_guarded) = tokio::try_join!(
            client.prepare(GET),
            client.prepare(EXISTS),
            client.prepare(GET_MANY),
            client.prepare(LIST_KEYS),
            client.prepare(WRITE),
            client.prepare(WRITE_GUARDED)
        )?;
        Ok(Statements { get, exists, get_many, list_keys, write, write_guarded })
    }
}

/// A value: bucket, key.
pub const GET: &str = "SELECT value FROM dovetail.entries WHERE bucket = $1 AND key = $2";

/// A row if the key has a value: bucket, key.
pub const EXISTS: &str = "SELECT FROM dovetail.entries WHERE bucket = $1 AND key = $2";

/// A page of keys: bucket, the id to start after, the most keys to return.
pub const LIST_KEYS: &str = "SELECT id, key FROM dovetail.entries WHERE bucket = $1 AND id > $2 ORDER BY id LIMIT $3";

/// A batch, as the function's own comment says.
const WRITE: &str = "SELECT place, sum, stored FROM dovetail.write($1, $2, $3, $4, $5)";

/// A batch of which some writes have guards.
const WRITE_GUARDED: &str = "SELECT place, sum, stored FROM dovetail.write($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Keys and values: bucket, each key once, how often it is asked for, the most bytes.
/// The bytes are summed before any value is sent, each key as often as it is asked
/// for. There is always a row: without a key if nothing was found, or too much.
pub const GET_MANY: &str = "
    WITH found AS MATERIALIZED (
        SELECT key, value, times * (octet_length(key) + octet_length(value)) AS bytes
        FROM unnest($2::bytea[], $3::bigint[]) AS asked (key, times)
        JOIN dovetail.entries USING (key)
        WHERE bucket = $1
    ), total AS (SELECT coalesce(sum(bytes), 0) AS bytes FROM found)
    SELECT found.key, found.value, total.bytes > $4::bigint AS too_much
    FROM total LEFT JOIN found ON total.bytes <= $4::bigint";
