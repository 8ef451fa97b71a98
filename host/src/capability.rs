//! Capabilities: what a service may use of the host, and the host's side of it.
//!
//! A service has what its manifest grants and nothing else. A refusal is an
//! answer to the component, never a trap, and a line in the log that says what
//! to write in the manifest.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use self::{messaging::Messaging, outbound::Breaker, settings::Settings};
pub use crate::store::BucketStore;
use crate::{manifest::OutboundHost, telemetry::ServiceLog};

pub mod config;
pub mod delivery;
pub mod emission;
pub mod identity;
pub mod keyvalue;
pub mod messaging;
pub mod outbound;
pub mod outbox;
pub mod output;
pub mod output_commit;
pub mod settings;
pub mod unit;

/// How many characters the log shows of a name that a component chose.
const LONGEST_NAME: usize = 100;

/// What one service may use. Made once a revision, shared by its instances.
pub struct Grants {
    /// What it prints and what it is refused.
    pub log: Arc<ServiceLog>,
    /// The store behind `wasi:keyvalue`.
    pub store: Arc<dyn BucketStore>,
    /// Whether each of its calls is a unit of work.
    pub atomic: bool,
    /// Buckets that it may open.
    pub buckets: BTreeSet<String>,
    /// The most bytes of a value that it sets.
    pub largest_value: usize,
    /// What it reads through `wasi:config`, and its environment variables.
    pub settings: Arc<Settings>,
    /// Hosts that it may send requests to.
    pub outbound: Vec<OutboundHost>,
    /// Which of them cannot be reached.
    pub breaker: Breaker,
    /// What it may publish by `wasmcloud:messaging`.
    pub messaging: Messaging,
}

impl Grants {
    /// Log that something was refused, and what would allow it: `name`, which the
    /// component chose, in the manifest's list `key`.
    fn refuse(&self, what: &str, key: &str, name: &str) {
        self.log.line(|service| {
            let name = beginning(name);
            let allow = format!("{key} = [{name:?}] in [service.{service}]");
            tracing::warn!(service, "refused to {what} {name:?}; to allow it, write {allow}");
        });
    }
}

/// What the log shows of a name: all of it, unless it is overlong.
fn beginning(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package dovetail:host;
            world capabilities {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
                import wasi:config/store@0.2.0-rc.1;
                import dovetail:events/delivery@0.1.0;
                import dovetail:events/emission@0.1.0;
                import dovetail:gateway/identity@0.1.0;
                import wasmcloud:messaging/consumer@0.2.0;
            }
        ",
        path: [
            "../wit/deps/keyvalue.wit",
            "../wit/deps/config.wit",
            "../wit/deps/events.wit",
            "../wit/deps/gateway.wit",
            "../wit/deps/messaging.wit",
        ],
        imports: {
            "wasi:keyvalue/store.open": trappable,
            "wasi:keyvalue/store.[drop]bucket": trappable,
            "wasi:config/store": trappable,
            "dovetail:events/delivery": trappable,
            "dovetail:events/emission": trappable,
            "dovetail:gateway/identity": trappable,
            default: async | trappable,
        },
        trappable_error_type: { "wasi:keyvalue/store.error" => crate::capability::keyvalue::Failure },
        with: { "wasi:keyvalue/store.bucket": crate::capability::keyvalue::Bucket },
    });
}
