//! The kinds of an app's messages: what those outside of it have to know of them.

use std::collections::BTreeSet;

use super::topology::{self, Topology};
use crate::{
    link::Interface,
    manifest::{EventManifest, Manifest},
    message::Params,
};

/// The messages of one function of an event.
pub struct Kind<'a> {
    /// The event.
    pub event: &'a EventManifest,
    /// The interface without a version: `shop:orders/events`.
    pub interface: String,
    /// The function: `placed`.
    pub function: String,
    /// What a message is called by, one for each version that a component is of:
    /// `shop:orders/events@0.1.0#placed`.
    pub types: BTreeSet<String>,
    /// What it carries. Subscribers may differ on what nobody emits: that is several kinds.
    pub params: Params,
    /// Who emits it: nobody, if only others do.
    pub senders: Vec<Sender<'a>>,
    /// The services that are delivered it.
    pub subscribers: Vec<&'a str>,
}

/// Who emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender<'a> {
    /// This service.
    Service(&'a str),
    /// Time, by this schedule.
    Schedule(&'a str),
}

impl<'a> Kind<'a> {
    /// All of an app, in the order of its events and of their functions.
    pub(super) fn all(manifest: &'a Manifest, topology: &Topology) -> Vec<Kind<'a>> {
        let events = manifest.events.iter().enumerate();
        events.flat_map(|(place, event)| Kind::of_event(manifest, topology, place, event)).collect()
    }

    fn of_event(manifest: &'a Manifest, topology: &Topology, place: usize, event: &'a EventManifest) -> Vec<Kind<'a>> {
        let mut kinds = Vec::new();
        for emission in topology.emissions.iter().filter(|emission| emission.event == place) {
            let sender = Sender::Service(&manifest.services[emission.importer].name);
            let import = topology.import(emission.importer, emission.import);
            Kind::add(&mut kinds, event, import, |kind| {
                // It may import several versions.
                if !kind.senders.contains(&sender) {
                    kind.senders.push(sender);
                }
            });
        }
        let linked = topology::event(event);
        for (service, part) in manifest.services.iter().zip(&topology.parts) {
            let Some(export) = linked.export(&part.surface).filter(|_| event.subscribers.contains(&service.name))
            else {
                continue;
            };
            Kind::add(&mut kinds, event, export, |kind| kind.subscribers.push(&service.name));
        }
        for schedule in manifest.schedules.iter().filter(|schedule| schedule.interface == event.interface) {
            // All subscribers take the same of time.
            if let Some(kind) = kinds.iter_mut().find(|kind| kind.function == schedule.function) {
                kind.senders.push(Sender::Schedule(&schedule.name));
            }
        }
        kinds
    }

    /// Note of each function what this interface of a component is to it.
    fn add(kinds: &mut Vec<Kind<'a>>, event: &'a EventManifest, interface: &Interface, note: impl Fn(&mut Kind<'a>)) {
        for (function, ty) in &interface.functions {
            // What cannot be kept was refused.
            let Ok(params) = Params::of(ty) else { continue };
            let known = kinds.iter().position(|kind| kind.function == *function && kind.params == params);
            let place = known.unwrap_or_else(|| {
                kinds.push(Kind {
                    event,
                    interface: interface.name.path.clone(),
                    function: function.clone(),
                    types: BTreeSet::new(),
                    params,
                    senders: Vec::new(),
                    subscribers: Vec::new(),
                });
                kinds.len() - 1
            });
            kinds[place].types.insert(format!("{}#{function}", interface.name));
            note(&mut kinds[place]);
        }
    }
}
