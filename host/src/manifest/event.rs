//! An event: calls of an interface that become messages.

use std::time::Duration;

use super::{Backoff, Invalid, Transport};

/// One `[event."INTERFACE"]` table. Who imports the interface calls no service, but
/// leaves a message for each subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventManifest {
    /// The interface, as it was written: `shop:orders/events@0.1.0`. Never one of WASI;
    /// without a version it means every version.
    pub interface: String,
    /// The services that are delivered its calls, in the order of the file, each once: at
    /// least one, unless there is a transport.
    pub subscribers: Vec<String>,
    /// The broker that its calls go by, to subscribers here and elsewhere; without it they
    /// stay in the app's store.
    pub transport: Option<Transport>,
    /// What calls have in common that are delivered in their order: a parameter, then
    /// fields of records or positions in tuples, as in `order.user-id`. Its syntax was
    /// checked; whether the function has such a value, only its component tells. Without
    /// it they come in any order.
    pub key: Option<String>,
    /// How often a delivery is tried before its event is parked; 1 to 1,000.
    pub attempts: u32,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// What becomes of those behind a parked event.
    pub parked: Parked,
    /// Where a subscriber begins that is new.
    pub start: Start,
    /// How long a subscriber remembers what it had by a transport; 1 s to 365 days.
    pub keep: Duration,
    /// What bounds it.
    pub limits: EventLimits,
}

impl EventManifest {
    /// Whether its messages are those of `wasmcloud:messaging`, which each subscriber has by
    /// their subjects.
    pub fn has_subjects(&self) -> bool {
        has_subjects(&self.interface)
    }

    /// The name under which what is to be sent by the transport waits, as a subscriber's does
    /// under its own; no service can have it.
    pub fn outbox(&self) -> Option<String> {
        self.transport.as_ref().map(|transport| format!("@{}", transport.protocol.name()))
    }
}

/// The same of an event with this name.
pub(super) fn has_subjects(interface: &str) -> bool {
    interface.split('@').next() == Some("wasmcloud:messaging/handler")
}

/// What a parked event is to those of its key behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parked {
    /// They wait until a person has seen to it, so that their order is kept.
    Block,
    /// They are delivered, and it comes out of turn if it is tried again.
    Pass,
}

/// Where a subscriber begins that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what is emitted from now on.
    Now,
    /// With the oldest that is kept.
    Oldest,
}

/// The bounds of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// The most events that wait for one subscriber; 1 to 1,000,000,000.
    pub waiting: u32,
}

impl Parked {
    pub(super) fn parse(text: &str) -> Result<Parked, Invalid> {
        match text {
            "block" => Ok(Parked::Block),
            "pass" => Ok(Parked::Pass),
            _ => Err(Invalid::new(
                format!("is {text:?}"),
                "write \"block\" for those of its key to wait, or \"pass\" for them to go on without it",
            )),
        }
    }
}

impl Start {
    pub(super) fn parse(text: &str) -> Result<Start, Invalid> {
        match text {
            "now" => Ok(Start::Now),
            "oldest" => Ok(Start::Oldest),
            _ => Err(Invalid::new(
                format!("is {text:?}"),
                "write \"now\" for what is emitted from now on, or \"oldest\" for all that is kept, too",
            )),
        }
    }
}
