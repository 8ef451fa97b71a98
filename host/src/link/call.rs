//! A call through a link: values out of one store, into another and back.

use std::sync::Arc;

use wasmtime::{
    Result, StoreContextMut,
    component::{Linker, Val},
};

use super::{Interface, export_key};
use crate::service::{CallError, LinkFailed, Service, State};

/// What a function of an import leads to.
struct Target {
    service: Arc<Service>,
    /// See [`export_key`].
    export: Arc<str>,
}

/// Define every function of an import as a call of the service that exports it.
pub fn define(linker: &mut Linker<State>, import: &Interface, exporter: &Arc<Service>) -> Result<()> {
    let mut instance = linker.instance(&import.name.to_string())?;
    for (function, _) in &import.functions {
        let export = export_key(&import.name, function).into();
        let target = Arc::new(Target { service: exporter.clone(), export });
        instance.func_new_async(function, move |caller, _, params, results| {
            let target = target.clone();
            Box::new(async move { target.forward(caller, params, results).await })
        })?;
    }
    Ok(())
}

impl Target {
    /// Call the exporter with what is left of the caller's deadline. A failure
    /// there traps the caller, and says through which link it came.
    async fn forward(&self, caller: StoreContextMut<'_, State>, params: &[Val], results: &mut [Val]) -> Result<()> {
        let deadline = caller.data().deadline;
        let called = self.call(deadline.into(), params, results).await;
        called.map_err(|error| LinkFailed { export: self.export.clone(), error }.into())
    }

    async fn call(
        &self,
        deadline: Option<std::time::Instant>,
        params: &[Val],
        results: &mut [Val],
    ) -> Result<(), CallError> {
        let mut call = self.service.begin(deadline).await?;
        call.invoke(&self.export, params, results).await
    }
}
