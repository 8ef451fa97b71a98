//! A call of an event: its arguments become a message for each subscriber, durable with all
//! that the call which makes it writes.
//!
//! `ok` says as much, and no more: the host cannot invent an error of the function's own. A
//! message that cannot be kept ends the call.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{Linker, Val},
    format_err,
};

use super::Interface;
use crate::{
    message::{Key, KeyPath, Message, MessageId, Moment, Params, Queue, StableHash},
    service::{EmitFailed, NotEmitted, Outbox, State},
};

/// What a function of an import leads to.
struct Emitter {
    kind: Arc<str>,
    source: String,
    params: Params,
    schema: StableHash,
    key: Option<Key>,
    queues: Arc<[Arc<Queue>]>,
    has_result: bool,
}

/// Define every function of an import as one that leaves a message in each of these queues.
/// `source` says who does, and `key` what keeps them in order.
pub fn define(
    linker: &mut Linker<State>,
    import: &Interface,
    source: &str,
    key: Option<&str>,
    queues: &Arc<[Arc<Queue>]>,
) -> Result<()> {
    let concurrent = linker.engine().get_concurrency_support();
    let mut instance = linker.instance(&import.name.to_string())?;
    for (function, ty) in &import.functions {
        let params = Params::of(ty).map_err(|why| format_err!("`{function}` carries a {why}"))?;
        let key = key.map(|key| key.parse::<KeyPath>()?.resolve(&params)).transpose()?;
        let emitter = Arc::new(Emitter {
            kind: format!("{}#{function}", import.name).into(),
            source: source.to_owned(),
            schema: params.schema(),
            params,
            key,
            queues: queues.clone(),
            has_result: ty.results().next().is_some(),
        });
        match concurrent && ty.async_() {
            false => instance.func_new_async(function, move |caller, _, params, results| {
                let (emitter, outbox) = (emitter.clone(), caller.data().outbox());
                Box::new(async move { emitter.emit(&outbox, params, results).await })
            })?,
            true => instance.func_new_concurrent(function, move |caller, _, params, results| {
                let emitter = emitter.clone();
                Box::pin(async move {
                    let outbox = caller.with(|mut caller| caller.data_mut().outbox());
                    emitter.emit(&outbox, params, results).await
                })
            })?,
        }
    }
    Ok(())
}

impl Emitter {
    async fn emit(&self, outbox: &Outbox, params: &[Val], results: &mut [Val]) -> Result<()> {
        let emitted = match self.message(params) {
            Ok(message) => outbox.emit(message, &self.queues).await,
            Err(error) => Err(NotEmitted::Unwritable(error)),
        };
        emitted.map_err(|error| EmitFailed { kind: self.kind.clone(), error })?;
        if let (true, Some(result)) = (self.has_result, results.first_mut()) {
            *result = Val::Result(Ok(None));
        }
        Ok(())
    }

    fn message(&self, arguments: &[Val]) -> serde_json::Result<Message> {
        Ok(Message {
            id: MessageId::fresh(),
            kind: self.kind.to_string(),
            source: self.source.clone(),
            time: Moment::now(),
            key: self.key.as_ref().map(|key| key.of(arguments)),
            schema: Some(self.schema),
            trail: Vec::new(),
            not_before: None,
            data: self.params.encode(arguments)?,
        })
    }
}
