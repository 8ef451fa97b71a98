//! `wasmcloud:messaging`: what a component publishes is an event of the interface `handler`,
//! for the services that subscribe to its subject.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{HasData, Linker, Val},
};

use super::{
    Grants,
    bindings::wasmcloud::messaging::{
        consumer::{self, BrokerMessage},
        types,
    },
    outbox::Outbox,
};
use crate::{
    manifest::Subject,
    message::{Field, Origin, Params, Queue, WitType},
};

/// The interface of the event.
pub const HANDLER: &str = "wasmcloud:messaging/handler@0.2.0";

/// Its one function.
pub const HANDLE: &str = "handle-message";

/// What a service may publish, and who has it.
#[derive(Default)]
pub struct Messaging {
    /// The subjects that it may publish to.
    pub publishes: Vec<Subject>,
    /// What its messages have in common; none if the manifest has no such event.
    pub origin: Option<Origin>,
    /// Where they wait, with the subjects that each is for.
    pub queues: Vec<(Vec<Subject>, Arc<Queue>)>,
}

/// What the interface needs of a component's state.
pub struct View<'a> {
    /// What the service may use.
    pub grants: &'a Arc<Grants>,
    /// Where the call leaves what it emits.
    pub outbox: Outbox,
}

struct Consumer;

impl HasData for Consumer {
    type Data<'a> = View<'a>;
}

/// Offer `consumer` to components whose state gives such a view.
pub fn link<T: Send + 'static>(linker: &mut Linker<T>, view: fn(&mut T) -> View<'_>) -> Result<()> {
    types::add_to_linker::<T, Consumer>(linker, view)?;
    consumer::add_to_linker::<T, Consumer>(linker, view)
}

/// What `handle-message` takes.
pub fn params() -> Params {
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let message = vec![
        field("subject", WitType::String),
        field("body", WitType::List(Box::new(WitType::U8))),
        field("reply-to", WitType::Option(Box::new(WitType::String))),
    ];
    Params { fields: vec![field("msg", WitType::Record(message))] }
}

/// The subject of a message, by its arguments.
pub fn subject(arguments: &[Val]) -> Option<&str> {
    let Some(Val::Record(fields)) = arguments.first() else { return None };
    fields.iter().find_map(|(name, value)| match value {
        Val::String(subject) if name == "subject" => Some(subject.as_str()),
        _ => None,
    })
}

impl types::Host for View<'_> {}

impl consumer::Host for View<'_> {
    async fn request(&mut self, _: String, _: Vec<u8>, _: u32) -> Result<Result<BrokerMessage, String>> {
        Ok(Err("requests are not carried: publish a message, or call the service by a link".to_owned()))
    }

    async fn publish(&mut self, message: BrokerMessage) -> Result<Result<(), String>> {
        let Messaging { publishes, origin, queues } = &self.grants.messaging;
        let subject = message.subject.clone();
        if !publishes.iter().any(|pattern| pattern.matches(&subject)) {
            self.grants.refuse("publish to", "publishes", &subject);
            return Ok(Err(format!("it may not publish to {subject:?}")));
        }
        let Some(origin) = origin else {
            return Ok(Err(format!("the manifest has no [event.{HANDLER:?}]")));
        };
        let meant = queues.iter().filter(|(patterns, _)| patterns.iter().any(|pattern| pattern.matches(&subject)));
        let meant: Vec<_> = meant.map(|(_, queue)| queue.clone()).collect();
        let emitted = match origin.message(&[arguments(message)]) {
            Ok(message) => self.outbox.emit(message, &meant).await,
            Err(error) => Err(error.into()),
        };
        Ok(emitted.map_err(|error| error.to_string()))
    }
}

fn arguments(message: BrokerMessage) -> Val {
    let BrokerMessage { subject, body, reply_to } = message;
    let reply_to = reply_to.map(|subject| Box::new(Val::String(subject)));
    Val::Record(vec![
        ("subject".into(), Val::String(subject)),
        ("body".into(), Val::List(body.into_iter().map(Val::U8).collect())),
        ("reply-to".into(), Val::Option(reply_to)),
    ])
}
