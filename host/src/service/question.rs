//! A question to a service: one call of an export, by the host itself.

use std::sync::Arc;

use wasmtime::component::Val;

use super::{CallError, Caller, Purpose, Service};

impl Service {
    /// Call an export, by [`crate::link::export_key`], with plain values. What is answered is
    /// durable, and so is all that it rests on.
    pub async fn ask(self: &Arc<Self>, export: &str, params: &[Val], caller: Caller) -> Result<Val, CallError> {
        let mut call = self.begin(Purpose::Reading, Some(caller)).await?;
        let commit = call.commit();
        let mut results = [Val::Bool(false)];
        let asked = call.invoke(export, params, &mut results).await;
        // That it failed may rest on what it read, too.
        commit.done().await?;
        let [answer] = results;
        asked.map(|()| answer)
    }
}
