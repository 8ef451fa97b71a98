//! One version of a service's component, compiled, linked and checked.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use wasmtime::{
    Store,
    component::{self, Component, ComponentExportIndex, InstancePre, Linker},
};
use wasmtime_wasi_http::p2::bindings::ProxyIndices;

use super::{
    delivery::{Receiver, Receivers},
    instance::{Exports, Http, Instance, Reused, Room},
    life::Life,
    pool::Pool,
    state::{DeadlinePassed, State, Stopped},
};
use crate::{
    capability::{BucketStore, Grants},
    manifest::{ByteSize, Limits},
};

/// The interfaces of which a component with routes exports one, in any version that
/// goes with this one.
pub const HANDLERS: [&str; 2] = ["wasi:http/incoming-handler@0.2.0", "wasi:http/handler@0.3.0"];

/// A component that can serve calls, and the instances made of it.
pub struct Revision {
    number: u64,
    digest: String,
    since: SystemTime,
    pre: InstancePre<State>,
    making: Making,
    pub(super) exports: Exports,
    /// How the events are delivered that its service subscribes to.
    pub(super) receivers: Receivers,
    grants: Arc<Grants>,
    memory: u64,
    pub(super) pool: Arc<Pool<Instance>>,
    pub(super) life: Arc<Life>,
}

/// How its instances are made.
enum Making {
    /// For a call at a time. Without the handler a service answers links only.
    Reused(Option<ProxyIndices>),
    /// Each in a task of its own, as many as there is room for.
    Concurrent(Room),
}

/// Why a component cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It imports of the host what the host has not, or has with other types.
    #[error("imports something that the host has not, or has with other types")]
    Link(#[source] wasmtime::Error),
    /// Its first instance was not ready in time.
    #[error("was not ready to serve within its limits.deadline of {deadline:?}")]
    Deadline {
        /// The service's deadline.
        deadline: Duration,
        /// Where it was stopped.
        source: wasmtime::Error,
    },
    /// Its first instance wanted more memory than it may have.
    #[error("wants {wanted} of memory when it starts, more than its limits.memory of {limit}")]
    Memory {
        /// What it may have.
        limit: ByteSize,
        /// What it asked for.
        wanted: ByteSize,
        /// The failure that followed.
        source: wasmtime::Error,
    },
    /// Its first instance trapped, or could not be made for another reason.
    #[error("failed when it was started")]
    Start(#[source] wasmtime::Error),
}

impl Revision {
    /// Link a component and make its first instance. `exports` names the
    /// interfaces that links may call, with the key and index of each function, and
    /// `receivers` the functions that events are delivered to.
    pub async fn new(
        number: u64,
        digest: String,
        component: &Component,
        linker: &Linker<State>,
        (exports, receivers): (HashMap<String, ComponentExportIndex>, Receivers),
        grants: Arc<Grants>,
        limits: &Limits,
    ) -> Result<Revision, RevisionError> {
        let pre = linker.instantiate_pre(component).map_err(RevisionError::Link)?;
        let making = match pre.engine().get_concurrency_support() {
            false => Making::Reused(ProxyIndices::new(&pre).ok()),
            true => Making::Concurrent(Room::new(limits.instances, limits.concurrency)),
        };
        let revision = Revision {
            number,
            digest,
            since: SystemTime::now(),
            pre,
            making,
            exports: Arc::new(exports),
            receivers,
            grants,
            memory: limits.memory.0,
            pool: Pool::new(limits.calls()),
            life: Arc::default(),
        };
        let mut store = revision.store(Instant::now() + limits.deadline);
        match revision.instantiate_in(&mut store).await {
            Ok(_) => Ok(revision),
            Err(error) => Err(RevisionError::of(error, store.data_mut().memory.take_refused(), limits)),
        }
    }

    /// Its place in the service's history, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was made.
    pub fn since(&self) -> SystemTime {
        self.since
    }

    /// Where the buckets of its service are.
    pub(super) fn buckets(&self) -> &Arc<dyn BucketStore> {
        &self.grants.store
    }

    /// Whether each of its calls is a unit of work.
    pub(super) fn is_atomic(&self) -> bool {
        self.grants.atomic
    }

    /// How the events are delivered that its service subscribes to, by export.
    pub fn receivers(&self) -> impl Iterator<Item = (&str, &Receiver)> {
        self.receivers.iter().map(|(export, receiver)| (export.as_str(), receiver))
    }

    /// Its counts, and its end.
    pub fn life(&self) -> &Arc<Life> {
        &self.life
    }

    /// The SHA-256 of its component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Keep no instance beyond its call. For one that is replaced: what it holds is in the
    /// way of those that come after it.
    pub fn retire(&self) {
        self.pool.retire();
    }

    /// Instances that wait for a call.
    pub fn idle(&self) -> usize {
        match &self.making {
            Making::Reused(_) => self.pool.idle_count(),
            Making::Concurrent(room) => room.idle_count(&self.pool),
        }
    }

    /// Wait until no instance serves a call.
    pub async fn until_idle(&self) {
        self.pool.until_idle().await;
    }

    /// Instances that serve a call, or are being made for one.
    pub fn busy(&self) -> usize {
        match &self.making {
            Making::Reused(_) => self.pool.busy_count(),
            Making::Concurrent(room) => room.busy_count(&self.pool),
        }
    }

    /// Make an instance for a call with this deadline, or find a place at one.
    pub(super) async fn instantiate(&self, deadline: Instant) -> wasmtime::Result<Instance> {
        let mut store = self.store(deadline);
        match &self.making {
            Making::Reused(proxy) => {
                let instance = self.instantiate_in(&mut store).await?;
                let proxy = proxy.as_ref().map(|proxy| proxy.load(&mut store, &instance)).transpose()?;
                Ok(Instance::Reused(Reused::new(store, instance, proxy)))
            }
            Making::Concurrent(room) => {
                let make = async || {
                    let instance = self.instantiate_in(&mut store).await?;
                    let http = Http::of(&self.pre, &mut store, &instance)?;
                    Ok((store, instance, http))
                };
                room.place(&self.pool, deadline, make).await
            }
        }
    }

    /// What ends a call that does not end by itself: its deadline, or that of the
    /// revision's last calls.
    pub(super) async fn cut_off(&self, deadline: Instant) -> wasmtime::Error {
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(deadline.into()) => DeadlinePassed.into(),
            () = self.life.until_stop() => Stopped.into(),
        }
    }

    fn store(&self, deadline: Instant) -> Store<State> {
        State::store(self.pre.engine(), &self.grants, self.memory, deadline)
    }

    /// A component runs when it is instantiated, if it wants to: its start
    /// functions spin or wait no longer than a call may.
    async fn instantiate_in(&self, store: &mut Store<State>) -> wasmtime::Result<component::Instance> {
        let deadline = store.data().deadline;
        let instance = tokio::time::timeout_at(deadline.into(), self.pre.instantiate_async(&mut *store)).await;
        let waited = || wasmtime::Error::from(DeadlinePassed).context("while it waited for the host");
        instance.unwrap_or_else(|_| Err(waited()))
    }
}

impl Drop for Revision {
    fn drop(&mut self) {
        self.life.end();
    }
}

impl RevisionError {
    /// Why a first instance could not be made. `refused` is what was asked for
    /// beyond the memory limit before.
    fn of(source: wasmtime::Error, refused: Option<u64>, limits: &Limits) -> RevisionError {
        if source.downcast_ref::<DeadlinePassed>().is_some() {
            return RevisionError::Deadline { deadline: limits.deadline, source };
        }
        match refused {
            Some(wanted) => RevisionError::Memory { limit: limits.memory, wanted: ByteSize(wanted), source },
            None => RevisionError::Start(source),
        }
    }

    /// The key of the service's table that decides it.
    pub fn key(&self) -> &'static str {
        match self {
            RevisionError::Link(_) | RevisionError::Start(_) => "component",
            RevisionError::Deadline { .. } => "limits.deadline",
            RevisionError::Memory { .. } => "limits.memory",
        }
    }

    /// What would be right, and what wasmtime said where that helps to find it.
    pub fn help(&self) -> String {
        let (help, causes) = match self {
            RevisionError::Link(source) => ("build it against the host's interfaces; wasmtime says:", causes(source)),
            RevisionError::Start(source) => ("mend the component; it failed here:", causes(source)),
            RevisionError::Memory { wanted, .. } => return format!("write `limits.memory = \"{wanted}\"`, or more"),
            RevisionError::Deadline { source, .. } => {
                ("let it do less when it starts, or raise limits.deadline; it was stopped here:", causes(source))
            }
        };
        format!("{help}\n{}", causes.join("\n"))
    }
}

fn causes(error: &wasmtime::Error) -> Vec<String> {
    error.chain().map(ToString::to_string).collect()
}
