//! Links: a service's import tied to the service that exports that interface.
//!
//! A link is resolved once, when the app is made: who exports the interface
//! ([`resolve`]), with equal types ([`signature`]). A call through it then goes
//! the way of every call ([`call`]). Where the manifest says so, it becomes a message
//! instead ([`event`]). Only plain values cross a link, for
//! resources, streams and futures belong to their store.

pub use self::{
    call::define,
    event::{define as define_event, origin},
    name::InterfaceName,
    problem::{Problem, Table},
    resolve::{Emission, Event, Link, Part, Ties, callees_first, is_meant, resolve},
    schedule::Schedule,
    signature::{Interface, Mismatch, Surface},
};

mod call;
mod event;
mod name;
mod problem;
mod resolve;
mod schedule;
mod signature;

/// The key of the function that a message of this kind is for. Nothing is exported by that of
/// what is no kind.
pub fn export_of(kind: &str) -> String {
    let Some((interface, function)) = kind.split_once('#') else { return kind.to_owned() };
    match interface.parse::<InterfaceName>() {
        Ok(interface) => export_key(&interface, function),
        Err(_) => kind.to_owned(),
    }
}

/// The key of a function that a link calls: the interface's track, so that any
/// compatible version of the exporter is found, and the function's name.
pub fn export_key(interface: &InterfaceName, function: &str) -> String {
    format!("{}#{function}", interface.track())
}
