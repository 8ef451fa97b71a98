//! One address of an upstream: the connections to it that are idle, and what it has in hand.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::{
    runtime::Handle,
    time::{Duration, Instant, sleep, timeout},
};

use super::{
    AddressStanding,
    connection::{Connection, Connector},
    standing::Record,
};
use crate::manifest::Origin;

/// How long a connection is kept that nobody uses. Many servers end those that are idle for
/// five seconds.
const IDLE: Duration = Duration::from_secs(4);

/// How lately a connection was used that a request gets which must not be sent twice: its
/// server might just be ending it.
const RECENT: Duration = Duration::from_secs(1);

/// How long a connection may take to begin, TLS included.
const CONNECTING: Duration = Duration::from_secs(5);

/// An address.
pub struct Address {
    /// The address and its port.
    pub at: SocketAddr,
    /// Whose it is.
    pub origin: Arc<Origin>,
    /// How it has done so far.
    pub record: Record,
    connector: Arc<Connector>,
    /// The last used is last. The lock protects the list, and is held to look and to change it.
    idle: Mutex<Vec<Connection>>,
    is_tidied: AtomicBool,
    busy: AtomicUsize,
    requests: AtomicU64,
    failures: AtomicU64,
}

/// How long a connection may have rested that is to have a request.
#[derive(Clone, Copy)]
pub enum Rested {
    /// It is new.
    Never,
    /// Its server is not about to end it.
    Shortly,
    /// As long as any is kept.
    Ever,
}

/// A request that an address has, until this is dropped.
pub struct Use(Arc<Address>);

impl Address {
    /// An address of this origin.
    pub fn new(at: SocketAddr, origin: Arc<Origin>, connector: Arc<Connector>) -> Address {
        Address {
            at,
            origin,
            record: Record::default(),
            connector,
            idle: Mutex::default(),
            is_tidied: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// How many requests it has.
    pub fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// How it is doing.
    pub fn shown(&self) -> AddressStanding {
        AddressStanding {
            address: self.at,
            is_well: self.record.is_well() && !self.record.is_left_out(),
            busy: self.busy(),
            requests: self.requests.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    /// A request goes there.
    pub fn begin(self: &Arc<Self>) -> Use {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Use(self.clone())
    }

    /// It answered, and not that others failed.
    pub fn succeeded(&self) {
        self.record.succeed();
    }

    /// It failed; whether it has failed often enough to be left out.
    pub fn failed(&self) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.record.fail()
    }

    /// A connection that has rested no longer than this.
    pub async fn connection(&self, rested: Rested) -> io::Result<Connection> {
        while let Some(mut connection) = self.take_idle(rested) {
            if connection.is_alive() {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    /// A connection that nobody had before.
    pub async fn connect(&self) -> io::Result<Connection> {
        let connecting = timeout(CONNECTING, self.connector.connect(&self.origin, self.at)).await;
        connecting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Keep a connection for the next request, unless it has ended.
    pub fn give_back(self: &Arc<Self>, mut connection: Connection) {
        if !connection.rest() {
            return;
        }
        self.idle().push(connection);
        // Where a host ends there is nobody left who would.
        if let Ok(runtime) = Handle::try_current()
            && !self.is_tidied.swap(true, Ordering::Relaxed)
        {
            runtime.spawn(tidy(Arc::downgrade(self)));
        }
    }

    fn take_idle(&self, rested: Rested) -> Option<Connection> {
        let longest = match rested {
            Rested::Never => return None,
            Rested::Shortly => RECENT,
            Rested::Ever => IDLE,
        };
        self.idle().pop_if(|connection| connection.rests_since().elapsed() <= longest)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Use {
    /// Which address has it.
    pub fn address(&self) -> &Arc<Address> {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Close what nobody uses, as long as there is anything.
async fn tidy(address: std::sync::Weak<Address>) {
    loop {
        sleep(IDLE).await;
        let Some(address) = address.upgrade() else { return };
        let (mut idle, now) = (address.idle(), Instant::now());
        let old = idle.partition_point(|connection| now - connection.rests_since() > IDLE);
        let old: Vec<_> = idle.drain(..old).collect();
        let is_empty = idle.is_empty();
        if is_empty {
            address.is_tidied.store(false, Ordering::Relaxed);
        }
        drop(idle);
        drop(old);
        if is_empty {
            return;
        }
    }
}
