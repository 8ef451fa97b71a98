//! A call of an event: its arguments become a message for each subscriber, durable with all
//! that the call which makes it writes.
//!
//! `ok` says as much, and no more: the host cannot invent an error of the function's own. A
//! message that cannot be kept ends the call.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{Linker, Val, types::ComponentFunc},
    format_err,
};

use super::{Interface, InterfaceName};
use crate::{
    message::{Origin, Params, Queue},
    service::{EmitFailed, NotEmitted, Outbox, State},
};

/// What a function of an import leads to.
struct Emitter {
    origin: Origin,
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
        let emitter = Arc::new(Emitter {
            origin: origin(&import.name, function, ty, source, key)?,
            queues: queues.clone(),
            has_result: ty.results().next().is_some(),
        });
        match concurrent && ty.async_() {
            false => instance.func_new_async(function, move |mut caller, _, params, results| {
                let (emitter, outbox) = (emitter.clone(), caller.data_mut().outbox());
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

/// What the calls of this function by `source` have in common, of an event with this `key`.
pub fn origin(
    interface: &InterfaceName,
    function: &str,
    ty: &ComponentFunc,
    source: &str,
    key: Option<&str>,
) -> Result<Origin> {
    let params = Params::of(ty).map_err(|why| format_err!("`{function}` carries a {}", why.what()))?;
    Ok(Origin::new(&format!("{interface}#{function}"), source, params, key)?)
}

impl Emitter {
    async fn emit(&self, outbox: &Outbox, params: &[Val], results: &mut [Val]) -> Result<()> {
        let emitted = match self.origin.message(params) {
            Ok(message) => outbox.emit(message, &self.queues).await,
            Err(error) => Err(NotEmitted::Unwritable(error)),
        };
        emitted.map_err(|error| EmitFailed { kind: self.origin.kind().clone(), error })?;
        if let (true, Some(result)) = (self.has_result, results.first_mut()) {
            *result = Val::Result(Ok(None));
        }
        Ok(())
    }
}
