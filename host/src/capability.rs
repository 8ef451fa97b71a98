//! Capabilities: what a service may use of the host, and the host's side of it.
//!
//! A service has what its manifest grants and nothing else. A refusal is an
//! answer to the component, never a trap, and a line in the log that says what
//! to write in the manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{manifest::OutboundHost, store::BucketStore};

pub mod config;
pub mod keyvalue;
pub mod outbound;
pub mod output;

/// What one service may use. Made once a revision, shared by its instances.
pub struct Grants {
    /// The service that these are granted to, for the log.
    pub service: Arc<str>,
    /// The store behind `wasi:keyvalue`.
    pub store: Arc<dyn BucketStore>,
    /// Buckets that it may open.
    pub buckets: BTreeSet<String>,
    /// What it reads through `wasi:config`.
    pub config: BTreeMap<String, String>,
    /// Its environment variables.
    pub env: BTreeMap<String, String>,
    /// Hosts that it may send requests to.
    pub outbound: Vec<OutboundHost>,
}

impl Grants {
    /// Log that something was refused, and what would allow it.
    fn refuse(&self, what: &str, allow: &str) {
        let service = &*self.service;
        tracing::warn!(service, "refused to {what}; to allow it, write {allow} in [service.{service}]");
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
            }
        ",
        path: ["../wit/deps/keyvalue.wit", "../wit/deps/config.wit"],
        imports: {
            "wasi:keyvalue/store.open": trappable,
            "wasi:keyvalue/store.[drop]bucket": trappable,
            "wasi:config/store": trappable,
            default: async | trappable,
        },
        trappable_error_type: { "wasi:keyvalue/store.error" => crate::capability::keyvalue::Failure },
        with: { "wasi:keyvalue/store.bucket": crate::capability::keyvalue::Bucket },
    });
}
