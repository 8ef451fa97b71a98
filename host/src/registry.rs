//! Components in registries: pushed, pulled, and pinned.
//!
//! They are OCI artifacts in the layout that `wkg` and `wash` use: one layer with
//! the component, and a config that tells what it imports and exports. The
//! invariant: bytes that leave this room have the digest that was asked for, or
//! that of the artifact which a tag stood for, and are no more than the limit.
//!
//! Left to others: what is asked when, and whether a component fits its service.

mod artifact;
mod client;
mod credentials;
mod error;
mod kept;
mod lock;
mod sink;
mod whole;

pub use self::{
    artifact::{Artifact, Package},
    client::{Client, Patience},
    error::RegistryError,
    kept::{is_kept, keep, look},
    lock::{Lock, LockError},
    whole::{Unfinished, write as write_whole},
};
