//! The connection that is kept: when it is lost, another is made in its place.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, PushKind, RedisError, cmd};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::login::{Gone, Login};
use crate::store::StoreError;

/// How long a call waits while a connection is made anew for the first time. Once
/// that failed calls are answered at once, until it succeeds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long an answer may take before the connection is given up. Less than a
/// call's usual deadline, so that it is told what happened.
pub const ANSWER: Duration = Duration::from_secs(7);

/// How long the server may take to show that it is well.
const HEALTH: Duration = Duration::from_secs(1);

/// How long is waited before the second try to connect, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A connection of a store. Ends when it is dropped.
pub struct Session {
    login: Arc<Login>,
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

/// One connection, which all calls share.
pub struct Live {
    /// What talks to the server.
    pub connection: MultiplexedConnection,
    given_up: AtomicBool,
    give_up: Notify,
}

/// Whether the server takes no writes any more, for it follows another.
pub fn is_of_a_replica(error: &RedisError) -> bool {
    error.code() == Some("READONLY")
}

/// Whether the server said no, and so did nothing; otherwise nobody knows.
pub fn is_definite(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed)
}

impl Session {
    /// Connects, and keeps connected from then on.
    pub async fn start(login: Arc<Login>) -> Result<Session, StoreError> {
        let (live, gone) = connect(&login).await?;
        let (sender, state) = watch::channel(State::Up(live.clone()));
        let place = login.place();
        let keeper = tokio::spawn(keep(login.clone(), live, gone, sender));
        Ok(Session { login, place, state, keeper })
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

    /// Whether the server takes reads and writes now. It answers a ping with the
    /// error that it would answer a write with, unless it has become a replica.
    pub async fn health(&self) -> Result<(), StoreError> {
        let live = self.live().await?;
        let mut connection = live.connection.clone();
        let unwell = "see whether its server is well";
        match timeout(HEALTH, cmd("PING").exec_async(&mut connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(StoreError::server(self.place.clone(), unwell, error)),
            Err(late) => return Err(StoreError::server(self.place.clone(), unwell, late)),
        }
        self.login.check_role(&live.connection).await.inspect_err(|_| live.give_up())
    }

    /// The error of what was to be done and was not, for want of a connection.
    pub fn away(&self, operation: String, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Away { operation, place: self.place.clone(), source: Arc::new(source) }
    }

    /// The error of what was to be done and may have been.
    pub fn unknown(&self, operation: String, source: impl Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unknown { operation, place: self.place.clone(), source: Arc::new(source) }
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
        !self.given_up.load(Ordering::Relaxed)
    }
}

/// Makes one connection after the other.
async fn keep(login: Arc<Login>, live: Arc<Live>, gone: Gone, state: watch::Sender<State>) {
    let (mut live, mut gone) = (live, gone);
    loop {
        tokio::select! {
            () = ended(&mut gone) => {}
            () = live.give_up.notified() => {}
        }
        state.send_replace(State::Lost);
        tracing::warn!(store = login.place(), "lost the connection to the store");
        (live, gone) = reconnect(&login, &state).await;
        state.send_replace(State::Up(live.clone()));
        tracing::info!(store = login.place(), "connected to the store again");
    }
}

/// Waits until the driver of a connection says that it ended.
async fn ended(gone: &mut Gone) {
    while let Some(told) = gone.recv().await {
        if told.kind == PushKind::Disconnection {
            return;
        }
    }
}

async fn reconnect(login: &Login, state: &watch::Sender<State>) -> (Arc<Live>, Gone) {
    let (mut wait, most) = BACKOFF;
    loop {
        match connect(login).await {
            Ok(connected) => return connected,
            Err(error) => {
                tracing::debug!(error = &error as &dyn Error, "could not connect to Redis again");
                state.send_replace(State::Down(error));
            }
        }
        sleep(wait).await;
        wait = most.min(wait * 2);
    }
}

/// A connection to a server that has its data, whose database is of this version.
async fn connect(login: &Login) -> Result<(Arc<Live>, Gone), StoreError> {
    let (connection, gone) = login.connect().await?;
    login.mark(&connection).await?;
    Ok((Arc::new(Live { connection, given_up: AtomicBool::new(false), give_up: Notify::new() }), gone))
}
