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
    body::watch,
    driver::{Exported, Work},
    handler::{Http, handle, handle_incoming},
    register::{End, Register},
};
use crate::service::{gathered::Gathered, state::State};

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
        let end = match self.work {
            Work::Invoke { export, params, count, results } => {
                let found = exports.invoke(accessor, &export, &params, count).await?;
                let _ = results.send(found);
                End { clean: exports.is_clean(accessor), answer: None }
            }
            Work::Handle { request, reply } => exports.handle(accessor, request, reply).await?,
        };
        self.register.end(self.number, end);
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

    /// Answer a request, up to the end of all that the guest does for it.
    async fn handle(
        &self,
        accessor: &Accessor<State>,
        request: Request<WasiBody>,
        reply: oneshot::Sender<Reply>,
    ) -> Result<End> {
        let (request, mut upload) = watch(request);
        let answer = match &self.http {
            Some(Http::Handler(service)) => {
                let answer = handle(service, accessor, request).await?;
                self.send(accessor, answer, reply).await
            }
            Some(Http::IncomingHandler(proxy)) => {
                handle_incoming(proxy, accessor, request, reply).await?;
                None
            }
            None => return Err(format_err!("it exports no handler of HTTP")),
        };
        poll_fn(|cx| self.poll_quiet(accessor, cx)).await;
        Ok(End { clean: upload.is_over() && self.is_clean(accessor), answer })
    }

    /// Send what the guest answers, up to the end of the body, which may be another's
    /// that the guest only passes on. What is whole when the guest has ended is given
    /// back, to be sent with the end.
    async fn send(
        &self,
        accessor: &Accessor<State>,
        answer: Reply,
        reply: oneshot::Sender<Reply>,
    ) -> Option<(oneshot::Sender<Reply>, Reply)> {
        let (response, body_over) = match answer {
            Ok(response) => watch(response),
            Err(code) => return Some((reply, Err(code))),
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
        let response = Ok(http::Response::from_parts(head, body.boxed()));
        if ended {
            return Some((reply, response));
        }
        let _ = reply.send(response);
        body_over.over().await;
        None
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
