//! A call through a link: values out of one store, into another and back.

use std::sync::Arc;

use tokio::task::JoinSet;
use wasmtime::{
    Result,
    component::{Linker, Val},
    format_err,
};

use super::{Interface, export_key};
use crate::service::{CallError, Caller, LinkFailed, Purpose, Service, State, Watermark};

/// What a function of an import leads to.
struct Target {
    service: Arc<Service>,
    /// See [`export_key`].
    export: Arc<str>,
}

/// Define every function of an import as a call of the service that exports it.
pub fn define(linker: &mut Linker<State>, import: &Interface, exporter: &Arc<Service>) -> Result<()> {
    let concurrent = linker.engine().get_concurrency_support();
    let mut instance = linker.instance(&import.name.to_string())?;
    for (function, ty) in &import.functions {
        let export = export_key(&import.name, function).into();
        let target = Arc::new(Target { service: exporter.clone(), export });
        match (concurrent, ty.async_()) {
            (false, _) => instance.func_new_async(function, move |caller, _, params, results| {
                let target = target.clone();
                Box::new(async move {
                    let state = caller.data();
                    target.forward(&state.seen, state.as_caller(), params, results).await
                })
            })?,
            // It holds up whatever else its instance does, as WebAssembly has it.
            (true, false) => instance.func_new_async(function, move |caller, _, params, results| {
                let target = target.clone();
                Box::new(async move {
                    let (seen, caller) = (caller.data().seen.clone(), caller.data().as_caller());
                    target.forward_from_task(seen, caller, params, results).await
                })
            })?,
            (true, true) => instance.func_new_concurrent(function, move |caller, _, params, results| {
                let target = target.clone();
                Box::pin(async move {
                    let (seen, caller) = caller.with(|mut caller| {
                        let state = caller.data_mut();
                        (state.seen.clone(), state.as_caller())
                    });
                    target.forward_from_task(seen, caller, params, results).await
                })
            })?,
        }
    }
    Ok(())
}

impl Target {
    /// Call the exporter with what is left of the caller's deadline. A failure
    /// there traps the caller, and says through which link it came.
    async fn forward(&self, seen: &Watermark, caller: Caller, params: &[Val], results: &mut [Val]) -> Result<()> {
        let called = self.call(seen, caller, params, results).await;
        called.map_err(|error| LinkFailed { export: self.export.clone(), error }.into())
    }

    /// The same from the event loop of a store, where wasmtime 48 lets no other
    /// store run: the call has a task of its own, which ends with its caller.
    async fn forward_from_task(
        self: &Arc<Self>,
        seen: Arc<Watermark>,
        caller: Caller,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<()> {
        let (target, params, mut found) = (self.clone(), params.to_vec(), results.to_vec());
        let mut task = JoinSet::new();
        task.spawn(async move { target.forward(&seen, caller, &params, &mut found).await.map(|()| found) });
        let found = task.join_next().await.ok_or_else(|| format_err!("the call has no task"))???;
        results.clone_from_slice(&found);
        Ok(())
    }

    async fn call(
        &self,
        seen: &Watermark,
        caller: Caller,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), CallError> {
        let mut call = self.service.begin(Purpose::Any, Some(caller)).await?;
        let _shared = call.share(seen);
        call.invoke(&self.export, params, results).await
    }
}
