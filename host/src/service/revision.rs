//! One version of a service's component, compiled, linked and checked.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::ProxyIndices;

use super::{
    instance::{Exports, Instance},
    pool::Pool,
    state::State,
};
use crate::{capability::Grants, manifest::Limits};

/// The interface that a component with routes exports.
pub const HANDLER: &str = "wasi:http/incoming-handler";

/// A component that can serve calls, and the instances made of it.
pub struct Revision {
    digest: String,
    pre: InstancePre<State>,
    proxy: Option<ProxyIndices>,
    exports: Exports,
    grants: Arc<Grants>,
    memory: u64,
    pub(super) pool: Arc<Pool<Instance>>,
}

/// Why a component cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It imports what nobody offers.
    #[error("it cannot be linked")]
    Link(#[source] wasmtime::Error),
    /// No instance can be made within the service's limits.
    #[error("no instance of it can be made within limits.memory = {memory:?} and limits.deadline = {deadline:?}")]
    Instantiate {
        /// The memory limit as written.
        memory: String,
        /// The deadline.
        deadline: Duration,
        /// What stopped it.
        source: wasmtime::Error,
    },
}

impl Revision {
    /// Link a component and make its first instance. `exports` names the
    /// interfaces that links may call, with the key and index of each function.
    pub async fn new(
        digest: String,
        component: &Component,
        linker: &Linker<State>,
        exports: HashMap<String, ComponentExportIndex>,
        grants: Arc<Grants>,
        limits: &Limits,
    ) -> Result<Revision, RevisionError> {
        let pre = linker.instantiate_pre(component).map_err(RevisionError::Link)?;
        // A service without the handler answers links only.
        let proxy = ProxyIndices::new(&pre).ok();
        let revision = Revision {
            digest,
            pre,
            proxy,
            exports: Arc::new(exports),
            grants,
            memory: limits.memory.0,
            pool: Pool::new(limits.instances),
        };
        revision.instantiate(Instant::now() + limits.deadline).await.map_err(|source| RevisionError::Instantiate {
            memory: limits.memory.to_string(),
            deadline: limits.deadline,
            source,
        })?;
        Ok(revision)
    }

    /// The SHA-256 of its component, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Instances that wait for a call.
    pub fn idle(&self) -> usize {
        self.pool.idle_count()
    }

    /// Instances that serve a call, or are being made for one.
    pub fn busy(&self) -> usize {
        self.pool.busy_count()
    }

    /// Whether it answers HTTP.
    pub fn handles_http(&self) -> bool {
        self.proxy.is_some()
    }

    /// Make an instance for a call with this deadline.
    pub(super) async fn instantiate(&self, deadline: Instant) -> wasmtime::Result<Instance> {
        let mut store = State::store(self.pre.engine(), &self.grants, self.memory, deadline);
        let instance = self.pre.instantiate_async(&mut store).await?;
        let proxy = match &self.proxy {
            Some(indices) => Some(indices.load(&mut store, &instance)?),
            None => None,
        };
        Ok(Instance::new(store, instance, proxy, self.exports.clone()))
    }
}
