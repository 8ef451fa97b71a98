//! What the host keeps beside an instance: the `T` of its `Store<T>`.

use std::{sync::Arc, time::Instant};

use tokio::task::yield_now;
use wasmtime::{
    Engine, Result, Store, StoreContextMut, UpdateDeadline,
    component::{Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    WasiHttpCtx, WasiHttpCtxView, WasiHttpView,
    p2::{
        body::{HostFutureTrailers, HostIncomingBody, HostOutgoingBody},
        types::{
            HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest,
            HostOutgoingResponse, HostResponseOutparam,
        },
    },
    p3,
};

use super::{Caller, limits::MemoryLimit};
use crate::capability::{
    Grants, config,
    delivery::{self, Delivery},
    emission,
    identity::{self, Identity},
    keyvalue, messaging,
    outbound::Outbound,
    outbox::Outbox,
    output::Output,
    output_commit::{OutputCommit, Watermark},
    settings::Told,
    unit::Unit,
};
use crate::message::Moment;

/// Host objects (streams, bodies, buckets, requests) that a component may hold at
/// once. One that leaks them is stopped here and not by the host's memory, of
/// which each takes up to tens of KiB.
const MOST_OBJECTS: usize = 2_000;

/// Bytes of headers in one `wasi:http/types.fields`.
const MOST_FIELDS: usize = 32 << 10;

/// Bytes that one call of the host may take from a component; wasmtime's own
/// limit is 128 MiB. A byte of a list costs 1 in a call of WASI, and 40 in a
/// call through a link, where it becomes a value of its own.
const MOST_TAKEN: usize = 32 << 20;

/// Random bytes that a component may ask for at once: making them is not
/// interrupted.
const MOST_RANDOM: u64 = 64 << 10;

/// Handles that a component of WASI 0.3 may have, the ends of streams and futures
/// among them, of which the host keeps the other side.
const MOST_HANDLES: usize = 10_000;

/// The packages behind [`State::linker`], those of WASI 0.3 for components that
/// run on the concurrent engine. Other versions go with these by the
/// rules of [`crate::link::InterfaceName::goes_with`].
pub const PACKAGES: [&str; 18] = [
    "dovetail:events@0.1.0",
    "dovetail:gateway@0.1.0",
    "wasi:cli@0.2.0",
    "wasi:cli@0.3.0",
    "wasi:clocks@0.2.0",
    "wasi:clocks@0.3.0",
    "wasi:config@0.2.0-rc.1",
    "wasi:filesystem@0.2.0",
    "wasi:filesystem@0.3.0",
    "wasi:http@0.2.0",
    "wasi:http@0.3.0",
    "wasi:io@0.2.0",
    "wasi:keyvalue@0.2.0-draft",
    "wasi:random@0.2.0",
    "wasi:random@0.3.0",
    "wasi:sockets@0.2.0",
    "wasi:sockets@0.3.0",
    "wasmcloud:messaging@0.2.0",
];

/// The host's side of one instance.
pub struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    outbound: Outbound,
    grants: Arc<Grants>,
    /// Its configuration and its environment.
    pub told: Told,
    /// What its memories may take.
    pub memory: MemoryLimit,
    /// When the call that it serves, or the last of them, must have ended.
    pub deadline: Instant,
    /// What must be durable before anybody is told of the calls that it serves.
    pub seen: Arc<Watermark>,
    /// What the call that it serves, or the last one, keeps until it ends; none if its
    /// service is not atomic.
    pub unit: Option<Arc<Unit>>,
    /// The delivery that the call is, or was made in.
    pub delivery: Option<Arc<Delivery>>,
    /// Who sent the request that the call answers, or was made for.
    pub identity: Option<Arc<Identity>>,
    /// Before when the next event that it emits is not delivered.
    not_before: Option<Moment>,
    /// Whether it serves several calls at once, of which nothing tells who asks.
    pub is_shared: bool,
}

/// A guest was still running at its deadline.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed")]
pub struct DeadlinePassed;

/// A call was still running when its revision was to be gone.
#[derive(Debug, thiserror::Error)]
#[error("its revision was replaced, and the time for its last calls has passed")]
pub struct Stopped;

impl State {
    /// A store for one instance: no files, no sockets, no arguments, and of the
    /// rest what is granted.
    pub fn store(engine: &Engine, grants: &Arc<Grants>, memory: u64, deadline: Instant) -> Store<State> {
        let mut wasi = WasiCtx::builder();
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(MOST_RANDOM)
            .stdout(Output { log: grants.log.clone(), stream: "stdout" })
            .stderr(Output { log: grants.log.clone(), stream: "stderr" });
        let told = grants.settings.told();
        for (name, value) in told.env() {
            wasi.env(name, value.reveal());
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(MOST_OBJECTS);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(MOST_FIELDS);
        let seen = Arc::<Watermark>::default();
        let state = State {
            wasi: wasi.build(),
            http,
            table,
            outbound: Outbound::new(grants.clone(), seen.clone()),
            grants: grants.clone(),
            told,
            memory: MemoryLimit::new(memory),
            deadline,
            seen,
            unit: None,
            delivery: None,
            identity: None,
            not_before: None,
            is_shared: false,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(at_tick);
        store.set_epoch_deadline(1);
        store.set_hostcall_fuel(MOST_TAKEN);
        if engine.get_concurrency_support() {
            store.set_max_component_handles(MOST_HANDLES);
        }
        store
    }

    /// What the instance has seen since it was made, and where it is kept.
    pub fn output_commit(&self) -> OutputCommit {
        OutputCommit::new(self.seen.clone(), self.grants.store.clone())
    }

    /// Where the call that it serves leaves the next event that it emits. Of calls beside each other
    /// none is told apart: a circle of events is to end, even if another was taken for it.
    pub fn outbox(&mut self) -> Outbox {
        let (seen, unit, delivery) = (self.seen.clone(), self.unit.clone(), self.delivery.clone());
        Outbox { store: self.grants.store.clone(), seen, unit, delivery, not_before: self.not_before.take() }
    }

    /// The call that it serves, for one that this makes. Which of several calls beside each
    /// other makes it cannot be told, so that it is made in no delivery then, and for nobody.
    pub fn as_caller(&self) -> Caller {
        let delivery = self.delivery.clone().filter(|_| !self.is_shared);
        let identity = self.identity.clone().filter(|_| !self.is_shared);
        Caller { deadline: Some(self.deadline), unit: self.unit.clone(), delivery, priority: None, identity }
    }

    /// Make ready for another call.
    pub fn begin(&mut self, deadline: Instant, seen: &Arc<Watermark>) {
        self.deadline = deadline;
        self.seen.clone_from(seen);
        self.outbound.begin(seen);
        (self.delivery, self.identity, self.not_before) = (None, None, None);
        // A refusal that the last call survived is not this one's.
        self.memory.take_refused();
    }

    /// Make ready for a call beside others. Which of them runs cannot be told, so
    /// the last deadline is all of theirs here; the call's own ends it from outside.
    pub fn join(&mut self, deadline: Instant, seen: &Arc<Watermark>) {
        self.deadline = self.deadline.max(deadline);
        self.seen.clone_from(seen);
        self.outbound.begin(seen);
    }

    /// Whether the component still holds a body, a request or a response of the call
    /// that it ended. Another call must not find it: it would write into the answer of
    /// somebody else, or keep a connection waiting. And what is written into bodies is
    /// bounded call by call.
    pub fn holds_open_ends(&mut self) -> bool {
        self.table.iter_mut().any(|object| {
            object.is::<HostIncomingRequest>()
                || object.is::<HostIncomingBody>()
                || object.is::<HostOutgoingBody>()
                || object.is::<HostResponseOutparam>()
                || object.is::<HostFutureIncomingResponse>()
                || object.is::<HostFutureTrailers>()
                || object.is::<HostIncomingResponse>()
                || object.is::<HostOutgoingRequest>()
                || object.is::<HostOutgoingResponse>()
                || object.is::<p3::Request>()
                || object.is::<p3::Response>()
        })
    }

    /// Everything that the host offers to components that run on this engine;
    /// links come on top.
    pub fn linker(engine: &Engine) -> Result<Linker<State>> {
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        keyvalue::link::<State>(&mut linker, |state| keyvalue::View {
            grants: &state.grants,
            table: &mut state.table,
            seen: &state.seen,
            unit: state.unit.as_deref(),
        })?;
        config::link::<State>(&mut linker, |state| &state.told)?;
        messaging::link::<State>(&mut linker, |state| messaging::View {
            outbox: state.outbox(),
            grants: &state.grants,
        })?;
        delivery::link::<State>(&mut linker, |state| state.delivery.as_deref().filter(|_| !state.is_shared))?;
        identity::link::<State>(&mut linker, |state| state.identity.as_deref().filter(|_| !state.is_shared))?;
        emission::link::<State>(&mut linker, |state| Some(&mut state.not_before).filter(|_| !state.is_shared))?;
        if engine.get_concurrency_support() {
            wasmtime_wasi::p3::add_to_linker(&mut linker)?;
            p3::add_to_linker(&mut linker)?;
        }
        Ok(linker)
    }
}

/// At each tick of the engine: stop a guest whose deadline has passed, and let
/// other tasks run otherwise, with a look at the sockets between.
fn at_tick(store: StoreContextMut<'_, State>) -> Result<UpdateDeadline> {
    if Instant::now() >= store.data().deadline {
        return Err(DeadlinePassed.into());
    }
    Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())))
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
