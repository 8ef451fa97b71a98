//! The events of a manifest.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Checker;
use super::service::count;
use crate::manifest::key::KeyPath;
use crate::manifest::nearest::nearest;
use crate::manifest::schema;
use crate::manifest::{
    Backoff, EventLimits, EventManifest, Invalid, Parked, Protocol, Start, Transport, duration, event, names,
};

/// The services of a manifest as they are read, by name.
type Services = BTreeMap<String, schema::Service>;

impl Checker<'_> {
    /// The events that have nothing amiss, in the order of their interfaces.
    pub(super) fn events(
        &mut self,
        tables: BTreeMap<String, schema::Event>,
        services: &Services,
    ) -> Vec<EventManifest> {
        let interfaces: Vec<String> = tables.keys().cloned().collect();
        self.meant_twice(&interfaces);
        self.linked(&interfaces, services);
        let events = tables.into_iter();
        let events: Vec<_> = events.filter_map(|(interface, table)| self.event(interface, table, services)).collect();
        self.sent_alike(&events);
        events
    }

    /// Two versions of an interface that brokers know by one name: each would have the other's
    /// messages.
    fn sent_alike(&mut self, events: &[EventManifest]) {
        let path = |event: &EventManifest| event.interface.split('@').next().unwrap_or_default().to_owned();
        for (index, event) in events.iter().enumerate().filter(|(_, event)| event.transport.is_some()) {
            let server = |event: &EventManifest| event.transport.as_ref().map(|transport| transport.server.place());
            let alike = |other: &&EventManifest| server(other) == server(event) && path(other) == path(event);
            let Some(first) = events[..index].iter().find(alike) else { continue };
            let title = format!("the events {:?} and {:?} have one name at a broker", first.interface, event.interface);
            let help = "send one of the two, or have an app of its own send the other";
            let problem = self.problem(&place(&event.interface).child("transport"), title).help(help);
            let other = place(&first.interface).child("transport");
            self.problems.push(problem.other(self.places.value(&other), "by this, too"));
        }
    }

    fn event(&mut self, interface: String, table: schema::Event, services: &Services) -> Option<EventManifest> {
        let at = place(&interface);
        self.take_key(&at, "event", names::event(&interface));
        let transport = match &table.transport {
            Some(transport) => Some(self.take(&at.child("transport"), Transport::parse(transport))?),
            None => None,
        };
        let subscribers = table.subscribers.unwrap_or_default();
        if transport.is_none() && subscribers.is_empty() {
            let help = "name the services that are to have these events as `subscribers`, or the broker that carries \
                        them to others as `transport`";
            self.take_key::<()>(&at, "event", Err(Invalid::new("has no subscribers", help)));
        }
        self.subscribers(&at.child("subscribers"), &subscribers, services);
        if event::has_subjects(&interface) {
            self.name_subjects(&at.child("subscribers"), &subscribers, services);
        }
        if let Some(key) = &table.key {
            self.take(&at.child("key"), names::event_key(key));
        }
        let attempts = self.take(&at.child("attempts"), count(table.attempts, 1_000, "write 1 to 1_000"));
        let backoff = self.take(&at.child("backoff"), Backoff::parse(&table.backoff));
        let parked = self.take(&at.child("parked"), Parked::parse(&table.parked));
        let start = self.take(&at.child("start"), Start::parse(&table.start));
        let keep = self.take(&at.child("keep"), keep(&table.keep));
        self.has_oldest(&at, transport.as_ref(), start);
        let waiting = count(table.limits.waiting, 1_000_000_000, "write 1 to 1_000_000_000");
        let waiting = self.take(&at.child("limits").child("waiting"), waiting);
        Some(EventManifest {
            interface,
            subscribers,
            transport: transport.map(|transport| transport.relative_to(self.dir)),
            key: table.key,
            attempts: attempts?,
            backoff: backoff?,
            parked: parked?,
            start: start?,
            keep: keep?,
            limits: EventLimits { waiting: waiting? },
        })
    }

    /// RabbitMQ keeps for nobody what came before they asked for it.
    fn has_oldest(&mut self, at: &KeyPath, transport: Option<&Transport>, start: Option<Start>) {
        if start == Some(Start::Oldest) && transport.is_some_and(|transport| transport.protocol == Protocol::Amqp) {
            let help =
                "leave it out: a subscriber's queue has what is emitted since it was made; or take NATS or Kafka";
            let title = "is \"oldest\", and RabbitMQ keeps nothing for who is new";
            self.take::<()>(&at.child("start"), Err(Invalid::new(title, help)));
        }
    }

    fn subscribers(&mut self, at: &KeyPath, subscribers: &[String], services: &Services) {
        for (index, name) in subscribers.iter().enumerate() {
            let is_known = match subscribers[..index].contains(name) {
                true => Err(Invalid::new("is there twice", "leave one of the two out: each has every event once")),
                false => subscriber(name, services),
            };
            if self.take_item(at, index, name, is_known).is_some() {
                self.one_at_a_time(&at.child(index), name, services);
            }
        }
    }

    /// Of `wasmcloud:messaging` a subscriber has the messages of the subjects that it names.
    fn name_subjects(&mut self, at: &KeyPath, subscribers: &[String], services: &Services) {
        for (index, name) in subscribers.iter().enumerate() {
            if services.get(name).is_some_and(|service| service.subscribes.is_empty()) {
                let help = format!("write subscribes = [\"tasks.>\"] in [service.{name}]");
                let none = Invalid::new("names no subjects that it subscribes to", help);
                self.take_item::<()>(at, index, name, Err(none));
            }
        }
    }

    /// What an instance writes belongs to the delivery that it serves, so there is but one.
    fn one_at_a_time(&mut self, at: &KeyPath, name: &str, services: &Services) {
        // Of one that is atomic it was reported, or will be.
        let is_shared = |service: &&schema::Service| service.limits.concurrency > 1 && !service.atomic;
        if services.get(name).filter(is_shared).is_none() {
            return;
        }
        let limit = KeyPath::root().child("service").child(name).child("limits").child("concurrency");
        let title = format!("`{limit}` is above 1, but the service is a subscriber");
        let problem = self
            .problem(&limit, title)
            .label("the host could not tell which of these calls wrote what")
            .help("leave one of the two out; for more calls at once raise limits.instances")
            .other(self.places.value(at), "each delivery is a unit of work");
        self.problems.push(problem);
    }

    /// Two tables that one import could mean.
    fn meant_twice(&mut self, interfaces: &[String]) {
        for (index, interface) in interfaces.iter().enumerate() {
            let Some(first) = interfaces[..index].iter().find(|other| names::go_together(other, interface)) else {
                continue;
            };
            let title = format!("the events {first:?} and {interface:?} are of one interface");
            let problem = self.problem(&place(interface), title).help("make one table of the two");
            self.problems.push(problem.other(self.places.key(&place(first)), "of this, too"));
        }
    }

    /// Links to what no service is called for.
    fn linked(&mut self, interfaces: &[String], services: &Services) {
        for (name, service) in services {
            for link in service.links.keys() {
                let Some(event) = interfaces.iter().find(|event| names::go_together(event, link)) else { continue };
                let at = KeyPath::root().child("service").child(name).child("links").child(link);
                let problem = self
                    .problem(&at, format!("`{at}` links an event, whose calls go to its subscribers"))
                    .help("leave the link out, or the event's table for the call to be a plain one")
                    .other(self.places.key(&place(event)), "the event");
                self.problems.push(problem);
            }
        }
    }
}

fn keep(text: &str) -> Result<Duration, Invalid> {
    let keep = duration::parse(text)?;
    match (Duration::from_secs(1)..=Duration::from_secs(365 * 86_400)).contains(&keep) {
        true => Ok(keep),
        false => Err(Invalid::new("is out of range", "write 1s to 365d")),
    }
}

fn place(interface: &str) -> KeyPath {
    KeyPath::root().child("event").child(interface)
}

fn subscriber(name: &str, services: &Services) -> Result<(), Invalid> {
    // Where there are none at all, that was reported.
    if services.is_empty() || services.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = services.keys().map(String::as_str).collect();
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("write {near:?}"),
        None => format!("the services are `{}`", known.join("`, `")),
    };
    Err(Invalid::new("is no service", help))
}
