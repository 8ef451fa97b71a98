//! An event into a service: one call of the export that its interface names.

use std::{collections::HashMap, sync::Arc};

use thiserror::Error;
use wasmtime::component::{
    Val,
    types::{ComponentFunc, Type},
};

use super::{CallError, Caller, Delivery, Purpose, Service, Unit, Watermark};
use crate::message::{BoundToStore, Json, Params, StableHash, Undecodable, WitType};

/// How a function of an event is called.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// What it takes.
    pub params: Params,
    /// What it may fail with: none if it has no result, or one without a value for errors.
    error: Option<WitType>,
    has_result: bool,
}

/// Those of a component, by [`crate::link::export_key`].
pub type Receivers = HashMap<String, Receiver>;

/// Why a delivery did not end well.
#[derive(Debug, Error)]
pub enum NotDelivered {
    /// The component has no such function.
    #[error("service {service:?} does not export {kind}")]
    NoReceiver {
        /// The subscriber.
        service: Arc<str>,
        /// The kind of the message.
        kind: String,
    },
    /// Its data does not go with the function's types.
    #[error("its data is not what {kind} takes")]
    Data {
        /// The kind of the message.
        kind: String,
        /// Where, and how.
        source: Undecodable,
    },
    /// The function answered with an error.
    #[error("service {service:?} answered with the error {error}")]
    Refused {
        /// The subscriber.
        service: Arc<str>,
        /// The error, as JSON.
        error: String,
        /// Whether it wants no other attempt: the error is its case `reject`.
        is_final: bool,
    },
    /// The same, after the store had failed it: what it would have answered is not known.
    #[error("the store failed it meanwhile")]
    Store(#[source] Box<NotDelivered>),
    /// The call failed.
    #[error("its call failed")]
    Failed(#[from] CallError),
}

impl Receiver {
    /// That of this function, unless it cannot be one.
    pub fn of(function: &ComponentFunc) -> Result<Receiver, BoundToStore> {
        let result = function.results().next();
        let error = match &result {
            Some(Type::Result(result)) => result.err().map(|ty| WitType::of(&ty)).transpose()?,
            _ => None,
        };
        Ok(Receiver { params: Params::of(function)?, error, has_result: result.is_some() })
    }
}

impl NotDelivered {
    /// Whether the store is to blame, and not the subscriber.
    pub fn is_stores(&self) -> bool {
        match self {
            NotDelivered::Store(_) => true,
            NotDelivered::Failed(error) => error.is_stores(),
            NotDelivered::NoReceiver { .. } | NotDelivered::Data { .. } | NotDelivered::Refused { .. } => false,
        }
    }
}

impl Service {
    /// Deliver an event to an export, by [`crate::link::export_key`], as part of this unit:
    /// it is not appended here. `seen` is what the delivery rests on and, afterwards, has
    /// seen. The answer has the number of the revision that had it.
    pub async fn deliver(
        self: &Arc<Self>,
        export: &str,
        delivery: Arc<Delivery>,
        unit: Arc<Unit>,
        seen: &Watermark,
    ) -> (u64, Result<(), NotDelivered>) {
        let message = delivery.message.clone();
        let number = StableHash::of(&message.id.to_string()).bits();
        let revision = self.serving.load().of(number).clone();
        let at = revision.number();
        let Some(receiver) = revision.receivers.get(export).cloned() else {
            let (service, kind) = (self.name.clone(), message.kind.clone());
            return (at, Err(NotDelivered::NoReceiver { service, kind }));
        };
        let params = match receiver.params.decode(&message.data) {
            Ok(params) => params,
            Err(source) => return (at, Err(NotDelivered::Data { kind: message.kind.clone(), source })),
        };
        let caller = Caller { deadline: None, unit: Some(unit), delivery: Some(delivery), identity: None };
        let begun = self.begin_on(revision, Purpose::Delivery, Some(caller)).await;
        let mut call = match begun {
            Ok(call) => call,
            Err(error) => return (at, Err(error.into())),
        };
        let _shared = call.share(seen);
        let mut results = vec![Val::Bool(false); usize::from(receiver.has_result)];
        if let Err(error) = call.invoke(export, &params, &mut results).await {
            return (at, Err(error.into()));
        }
        let verdict = self.verdict(&receiver, results.into_iter().next());
        (
            at,
            verdict.map_err(
                |refused| if call.has_store_failed() { NotDelivered::Store(Box::new(refused)) } else { refused },
            ),
        )
    }

    /// What a function's result says of its delivery.
    fn verdict(&self, receiver: &Receiver, result: Option<Val>) -> Result<(), NotDelivered> {
        let Some(Val::Result(Err(value))) = result else { return Ok(()) };
        let is_final = match value.as_deref() {
            Some(Val::Variant(case, _) | Val::Enum(case)) => case == "reject",
            _ => false,
        };
        let json = value.as_deref().zip(receiver.error.as_ref()).map(|(value, ty)| {
            let json = serde_json::to_string(&Json { value, ty });
            json.unwrap_or_else(|error| error.to_string())
        });
        let error = json.unwrap_or_else(|| "null".into());
        Err(NotDelivered::Refused { service: self.name.clone(), error, is_final })
    }
}
