//! One order, served in the event loop of its instance.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tokio::sync::oneshot;
use wasmtime::{
    Result,
    component::{Accessor, AccessorTask, ComponentExportIndex, Val},
    format_err,
};
use wasmtime_wasi_http::WasiBody;

use super::{
    super::Reply,
    body::{Gathered, watch},
    driver::{Exported, Work},
    register::Register,
};
use crate::service::state::State;

/// How often the event loop turns for a response that is there, for its body to be
/// written to the end, before it is sent as it comes. A short one takes a dozen.
const TURNS: usize = 64;

/// Serves one order.
pub struct Serve {
    /// The call's number in the register.
    pub number: u64,
    /// What it wants.
    pub work: Work,
    /// The instance.
    pub exports: Arc<Exported>,
    /// Told of the call's end.
    pub register: Arc<Register>,
}

impl AccessorTask<State> for Serve {
    /// An error ends the instance.
    async fn run(self, accessor: &Accessor<State>) -> Result<()> {
        let exports = &self.exports;
        let clean = match self.work {
            Work::Invoke { export, params, count, results } => {
                let found = exports.invoke(accessor, &export, &params, count).await?;
                let _ = results.send(found);
                exports.is_clean(accessor)
            }
            Work::Handle { request, reply } => exports.handle(accessor, request, reply).await?,
        };
        self.register.end(self.number, clean);
        Ok(())
    }
}

impl Exported {
    /// Call a function, up to the end of all that it does.
    async fn invoke(
        &self,
        accessor: &Accessor<State>,
        export: &ComponentExportIndex,
        params: &[Val],
        count: usize,
    ) -> Result<Vec<Val>> {
        let function = accessor.with(|access| self.instance.get_func(access, export));
        let function = function.ok_or_else(|| format_err!("it does not export this function"))?;
        let mut results = vec![Val::Bool(false); count];
        function.call_concurrent(accessor, params, &mut results).await?;
        poll_fn(|cx| self.poll_quiet(accessor, cx)).await;
        Ok(results)
    }

    /// Answer a request, up to the end of all that the guest does for it and of its
    /// response's body, which may be another's that the guest only passes on.
    /// Whether it left nothing open.
    async fn handle(
        &self,
        accessor: &Accessor<State>,
        request: Request<WasiBody>,
        reply: oneshot::Sender<Reply>,
    ) -> Result<bool> {
        let http = self.http.as_ref().ok_or_else(|| format_err!("it exports no handler of HTTP"))?;
        let (request, mut upload) = watch(request);
        let Some(response) = http.answer(accessor, request).await? else { return Ok(false) };
        let (response, download) = match response {
            Ok(response) => watch(response),
            Err(code) => {
                let _ = reply.send(Err(code));
                poll_fn(|cx| self.poll_quiet(accessor, cx)).await;
                return Ok(self.is_clean(accessor));
            }
        };
        let (head, body) = response.into_parts();
        let mut body = Gathered::new(body);
        let mut ended = false;
        for _ in 0..TURNS {
            ended = poll_fn(|cx| {
                let whole = body.gather(cx);
                Poll::Ready(self.poll_quiet(accessor, cx).is_ready() && whole)
            })
            .await;
            if ended || body.is_full() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = reply.send(Ok(http::Response::from_parts(head, body.boxed())));
        if !ended {
            poll_fn(|cx| self.poll_quiet(accessor, cx)).await;
            download.over().await;
        }
        Ok(upload.is_over() && self.is_clean(accessor))
    }

    /// Whether the guest's tasks have ended. Of several calls at once none can tell
    /// its own, and none waits.
    fn poll_quiet(&self, accessor: &Accessor<State>, cx: &mut Context<'_>) -> Poll<()> {
        match self.alone {
            true => accessor.poll_no_interesting_tasks(cx),
            false => Poll::Ready(()),
        }
    }

    /// Whether another call would find nothing of this one.
    fn is_clean(&self, accessor: &Accessor<State>) -> bool {
        !self.alone || !accessor.with(|mut access| access.data_mut().holds_open_ends())
    }
}
