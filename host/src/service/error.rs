//! How a call can fail.

use std::{sync::Arc, time::Duration};

use super::{
    Fault,
    state::{DeadlinePassed, Stopped},
};
use crate::{
    capability::{outbox::NotEmitted, output_commit::StoreError},
    manifest::Limits,
};

/// Why a call has no result. The text is for the log; what a client may see is
/// decided in `gateway`.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No instance became free in time.
    #[error("service {service:?}: all {instances} instances were busy for {waited:?} (limits.instances)")]
    Busy {
        /// The service that was called.
        service: Arc<str>,
        /// How many instances it may have.
        instances: u32,
        /// How long the call waited.
        waited: Duration,
    },
    /// Too many calls waited for an instance already.
    #[error("service {service:?}: {waiting} calls wait for an instance already (limits.queue)")]
    Crowded {
        /// The service that was called.
        service: Arc<str>,
        /// How many waited.
        waiting: usize,
    },
    /// The call ran up to its deadline and was stopped.
    #[error("service {service:?} was stopped at its deadline, after {allowed:?} (limits.deadline)")]
    Deadline {
        /// The service that was called.
        service: Arc<str>,
        /// How long the call was given.
        allowed: Duration,
    },
    /// The call ran up to the deadline of the service that made it, which was
    /// the earlier one.
    #[error("service {service:?} was stopped at its caller's deadline, after {allowed:?}")]
    CallersDeadline {
        /// The service that was called.
        service: Arc<str>,
        /// What was left of the caller's time.
        allowed: Duration,
    },
    /// Its revision was replaced, and the time for its last calls had passed.
    #[error("service {service:?} was replaced, and its call not finished in time (limits.drain)")]
    Stopped {
        /// The service that was called.
        service: Arc<str>,
    },
    /// The component wanted more memory than it may have, and did not survive
    /// the refusal.
    #[error("service {service:?} wanted {wanted} bytes of memory, over its limit of {limit} (limits.memory)")]
    Memory {
        /// The service that was called.
        service: Arc<str>,
        /// Bytes that it may have.
        limit: u64,
        /// Bytes that it asked for.
        wanted: u64,
        /// The trap that followed.
        source: wasmtime::Error,
    },
    /// The component trapped.
    #[error("service {service:?} trapped")]
    Trap {
        /// The service that was called.
        service: Arc<str>,
        /// The trap.
        source: wasmtime::Error,
    },
    /// A service that this one called through a link failed.
    #[error("service {service:?} failed in its call of {export}")]
    Link {
        /// The service that was called.
        service: Arc<str>,
        /// The interface and function that it called in turn.
        export: Arc<str>,
        /// How that call failed.
        source: Box<CallError>,
    },
    /// An event that it emitted could not be kept for its subscribers.
    #[error("service {service:?} could not emit {kind}")]
    NotEmitted {
        /// The service that was called.
        service: Arc<str>,
        /// The interface and function.
        kind: Arc<str>,
        /// Why.
        source: NotEmitted,
    },
    /// What it wrote or read did not become durable, so nobody is told of it.
    #[error("service {service:?}: what the call wrote or read could not be kept")]
    NotKept {
        /// The service that was called.
        service: Arc<str>,
        /// What the store says.
        source: StoreError,
    },
    /// It failed after the store had failed it, which components mostly do not survive. No
    /// failure of the service's.
    #[error("service {service:?} failed, because the store did")]
    Store {
        /// The service that was called.
        service: Arc<str>,
        /// How it failed.
        source: Box<CallError>,
    },
    /// The component has no such export.
    #[error("service {service:?} does not export {export}")]
    NoExport {
        /// The service that was called.
        service: Arc<str>,
        /// The interface and function that were asked for.
        export: Arc<str>,
    },
    /// The component returned without a response.
    #[error("service {service:?} returned without setting a response")]
    NoResponse {
        /// The service that was called.
        service: Arc<str>,
    },
    /// The component ended well, but not with a response that can be sent.
    #[error("service {service:?} answered with {what}")]
    BadResponse {
        /// The service that was called.
        service: Arc<str>,
        /// What it answered with.
        what: String,
    },
    /// Its client did something that no service can make good. No failure of the
    /// service's.
    #[error("service {service:?}: its client {fault}")]
    Client {
        /// The service that was called.
        service: Arc<str>,
        /// What the client did.
        fault: Fault,
    },
}

/// What a link's host function returns when the call behind it failed: carried
/// through the caller's store as the source of its trap.
#[derive(Debug, thiserror::Error)]
#[error("the call of {export} failed")]
pub struct LinkFailed {
    /// The interface and function that were called.
    pub export: Arc<str>,
    /// How the call failed.
    #[source]
    pub error: CallError,
}

/// What an event's host function returns when it could not be emitted: carried through the
/// caller's store as the source of its trap.
#[derive(Debug, thiserror::Error)]
#[error("{kind} could not be emitted")]
pub struct EmitFailed {
    /// The interface and function.
    pub kind: Arc<str>,
    /// Why.
    #[source]
    pub error: NotEmitted,
}

impl CallError {
    /// What ended a call, from the error that wasmtime gave back. `refused` is
    /// the bytes of memory asked for, if they were refused before.
    pub(super) fn of(
        service: &Arc<str>,
        limits: &Limits,
        error: wasmtime::Error,
        refused: Option<u64>,
        allowed: Duration,
    ) -> CallError {
        let service = service.clone();
        if error.is::<Stopped>() {
            return CallError::Stopped { service };
        }
        if error.downcast_ref::<DeadlinePassed>().is_some() {
            return match allowed < limits.deadline {
                true => CallError::CallersDeadline { service, allowed },
                false => CallError::Deadline { service, allowed },
            };
        }
        let error = match error.downcast::<LinkFailed>() {
            Ok(LinkFailed { export, error }) => return CallError::Link { service, export, source: Box::new(error) },
            Err(error) => error,
        };
        let error = match error.downcast::<EmitFailed>() {
            Ok(EmitFailed { kind, error }) => return CallError::NotEmitted { service, kind, source: error },
            Err(error) => error,
        };
        match refused {
            Some(wanted) => CallError::Memory { service, limit: limits.memory.0, wanted, source: error },
            None => CallError::Trap { service, source: error },
        }
    }

    /// The same, of a call that the store may have failed meanwhile: what it did of that is
    /// not its doing. A deadline is, or memory.
    pub(super) fn of_store(self, has_failed: bool) -> CallError {
        match self {
            CallError::Trap { ref service, .. } | CallError::Link { ref service, .. }
                if has_failed && !self.is_stores() =>
            {
                CallError::Store { service: service.clone(), source: Box::new(self) }
            }
            error => error,
        }
    }

    /// Whether the store is to blame, and no service.
    pub fn is_stores(&self) -> bool {
        match self.root() {
            CallError::Store { .. } | CallError::NotKept { .. } => true,
            CallError::NotEmitted { source: NotEmitted::Store(error), .. } => error.is_stores(),
            _ => false,
        }
    }

    /// The failure that the others followed from: the innermost call's.
    pub fn root(&self) -> &CallError {
        match self {
            CallError::Link { source, .. } => source.root(),
            error => error,
        }
    }
}
