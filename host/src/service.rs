//! Services, and the one way to call one.
//!
//! HTTP from the gateway and calls through a link both go the way of [`Call`]:
//! lease an instance of the live revision, run one export until its deadline,
//! judge how it ended. What is true of every call (deadline, memory limit,
//! counters, what a trap does) is written here, once.
//!
//! Which service answers what is left to `gateway` and `link`; making and
//! replacing revisions to `app`.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use wasmtime::{PoolConcurrencyLimitError, component::Val};

use self::{
    commit::Commit,
    pool::{Patience, Unleased},
};
pub use self::{
    commit::Shared,
    conduct::{Conduct, Fault},
    delivery::{NotDelivered, Receiver, Receivers},
    error::{CallError, EmitFailed, LinkFailed},
    http::REQUEST_ID,
    instance::Instance,
    life::Life,
    over_tls::OverTls,
    reply_body::ReplyBody,
    revision::{HANDLERS, Revision, RevisionError},
    serving::{Canary, Serving, Share},
    state::{PACKAGES, State},
};
pub use crate::capability::{
    delivery::Delivery,
    identity::{FAMILY as IDENTITY, Identity},
    messaging::subject as messaging_subject,
    outbox::{NotEmitted, Outbox},
    output_commit::Watermark,
    unit::Unit,
};
use crate::{
    capability::output_commit::OutputCommit,
    manifest::{Limits, Priority},
    telemetry::ServiceLog,
};

mod commit;
mod conduct;
mod delivery;
mod error;
mod gathered;
mod http;
mod instance;
mod life;
mod limits;
mod over_tls;
pub mod pool;
mod question;
mod reply_body;
mod revision;
mod serving;
mod state;

/// A named part of the app, backed by its live revision.
pub struct Service {
    name: Arc<str>,
    limits: Limits,
    serving: ArcSwap<Serving>,
    calls: AtomicU64,
    traps: AtomicU64,
    failures: Arc<ServiceLog>,
}

impl Service {
    /// A service whose first revision is live.
    pub fn new(name: Arc<str>, limits: Limits, revision: Revision) -> Arc<Self> {
        let serving = ArcSwap::from_pointee(Serving::all(Arc::new(revision)));
        let failures = Arc::new(ServiceLog::new(name.clone()));
        Arc::new(Service { name, limits, serving, calls: AtomicU64::new(0), traps: AtomicU64::new(0), failures })
    }

    /// Its name in the manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its calls and instances may take.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Who answers new calls.
    pub fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }

    /// Have new calls answered by others. Calls in flight finish where they began.
    /// The answer is who served until now.
    pub fn publish(&self, serving: Serving) -> Arc<Serving> {
        self.serving.swap(Arc::new(serving))
    }

    /// Calls that were begun, through routes and links.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that the component did not end by itself: traps, exceeded limits.
    pub fn traps(&self) -> u64 {
        self.traps.load(Ordering::Relaxed)
    }

    /// Go on counting where another left off, whose place this one takes.
    pub fn count_on(&self, before: &Service) {
        self.calls.fetch_add(before.calls(), Ordering::Relaxed);
        self.traps.fetch_add(before.traps(), Ordering::Relaxed);
    }

    /// The log of its failed calls. It is not the one of what the component
    /// prints, so that none can hide its failures behind its chatter.
    pub fn failures(&self) -> &ServiceLog {
        &self.failures
    }

    /// Begin a call. It ends at the service's own deadline or at the caller's,
    /// whichever is earlier; waiting for an instance counts.
    pub async fn begin(self: &Arc<Self>, purpose: Purpose, caller: Option<Caller>) -> Result<Call, CallError> {
        let revision = self.serving.load().next().clone();
        self.begin_on(revision, purpose, caller).await
    }

    /// Begin a call of one revision, live or not.
    async fn begin_on(
        self: &Arc<Self>,
        revision: Arc<Revision>,
        purpose: Purpose,
        caller: Option<Caller>,
    ) -> Result<Call, CallError> {
        let now = Instant::now();
        let own = now + self.limits.deadline;
        let deadline = caller.as_ref().and_then(|caller| caller.deadline).map_or(own, |callers| callers.min(own));
        if purpose.is_clients() {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        let patience = match caller.as_ref().and_then(|caller| caller.priority) {
            Some(priority) => self.patience(priority, now, deadline),
            None => Patience::until(deadline),
        };
        let busy = |until: Instant| CallError::Busy {
            service: self.name.clone(),
            instances: self.limits.instances,
            waited: until - now,
        };
        let suits = |instance: &Instance| !instance.is_undecided() && (!purpose.is_read() || !instance.is_pending());
        let mut lease = revision.pool.lease(patience, suits).await.map_err(|unleased| match unleased {
            Unleased::InVain => busy(patience.until),
            Unleased::Behind(waiting) => CallError::Crowded { service: self.name.clone(), waiting },
        })?;
        if !lease.item().is_some_and(|instance| instance.begin(deadline)) {
            // Before another is made: there may be room for one alone.
            lease.clear();
            // In a box, for it is large and seldom, and whoever begins a call would have
            // room for it on the way.
            let fresh = Box::pin(revision.instantiate(deadline)).await.map_err(|error| {
                match error.is::<pool::Exhausted>() || error.is::<PoolConcurrencyLimitError>() {
                    true => busy(deadline),
                    false => {
                        let error = CallError::of(&self.name, &self.limits, error, None, deadline - now);
                        self.count(purpose.is_clients().then_some(&revision.life), Err(&error));
                        error
                    }
                }
            })?;
            lease.put(fresh);
        }
        let seen = lease.item().map(|instance| instance.seen().clone()).unwrap_or_default();
        let Caller { unit: callers, delivery, identity, .. } = caller.unwrap_or_default();
        let is_atomic = revision.is_atomic() || purpose == Purpose::Delivery;
        let unit = is_atomic.then(|| callers.map_or_else(Arc::default, |callers| Arc::new(Unit::within(callers))));
        if let Some(instance) = lease.item().filter(|_| is_atomic || delivery.is_some() || identity.is_some()) {
            instance.work_in(unit.clone(), delivery, identity);
        }
        Ok(Call { service: self.clone(), purpose, lease, revision, seen, unit, deadline, allowed: deadline - now })
    }

    /// How a call from outside waits, which nobody else waits for: in a line that is bounded, and
    /// for half of its time at most. It is no use to begin what cannot end any more; where each
    /// began at its last moment, none would end.
    fn patience(&self, priority: Priority, now: Instant, deadline: Instant) -> Patience {
        let line = match priority {
            Priority::Low => self.limits.queue / 2,
            Priority::Normal => self.limits.queue,
            Priority::High => self.limits.queue * 2,
        };
        Patience { until: now + (deadline - now) / 2, line: line as usize }
    }

    /// Count a call that has ended, for the service and for the revision that it was a
    /// call of; one that has no such is counted nowhere.
    fn count(&self, life: Option<&Arc<Life>>, outcome: Result<(), &CallError>) {
        let Some(life) = life else { return };
        match outcome {
            Err(error) if error.is_stores() => {}
            Ok(()) => life.count_call(),
            Err(CallError::Stopped { .. }) => life.count_stopped(),
            // What failed behind a link is no trap of this revision's.
            Err(CallError::Link { .. }) => {
                self.traps.fetch_add(1, Ordering::Relaxed);
                life.count_call();
                life.count_error();
            }
            Err(
                CallError::Trap { .. }
                | CallError::Memory { .. }
                | CallError::Deadline { .. }
                | CallError::CallersDeadline { .. },
            ) => {
                self.traps.fetch_add(1, Ordering::Relaxed);
                life.count_call();
                life.count_trap();
            }
            // Its component ended it: it is among the calls.
            Err(CallError::NotEmitted { .. } | CallError::NoResponse { .. } | CallError::BadResponse { .. }) => {
                life.count_error();
            }
            Err(
                CallError::Busy { .. }
                | CallError::Crowded { .. }
                | CallError::NoExport { .. }
                | CallError::Client { .. }
                | CallError::Store { .. }
                | CallError::NotKept { .. },
            ) => {}
        }
    }
}

/// What a call is for, as far as that is known before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see whether a revision works. It is nobody's call, reads, and is counted nowhere.
    Probe,
    /// To read. It has an instance that has written nothing lately, if there is one, and
    /// waits for no commit.
    Reading,
    /// Whatever it may be. It has the warmest instance.
    Any,
    /// To deliver an event: a unit of work, whether the service is atomic or not.
    Delivery,
}

impl Purpose {
    /// Whether somebody wants the answer, so that it is one of the service's calls.
    fn is_clients(self) -> bool {
        self != Purpose::Probe
    }

    fn is_read(self) -> bool {
        matches!(self, Purpose::Probe | Purpose::Reading)
    }
}

/// What makes a call: another call, or a dispatcher.
#[derive(Default)]
pub struct Caller {
    /// When the call must have ended that makes it; none if there is no such call.
    pub deadline: Option<Instant>,
    /// What it keeps until it ends; none if its service is not atomic.
    pub unit: Option<Arc<Unit>>,
    /// The delivery that it is, or was made in.
    pub delivery: Option<Arc<Delivery>>,
    /// How much it matters, of a call that may be refused where too many wait; none of one that
    /// others wait for, who hold an instance meanwhile.
    pub priority: Option<Priority>,
    /// Who sent the request that it answers, or was made for.
    pub identity: Option<Arc<Identity>>,
}

/// One invocation of an export: a leased instance and a deadline. Dropped before
/// it is judged, it was cancelled, and its instance goes with it.
pub struct Call {
    service: Arc<Service>,
    purpose: Purpose,
    lease: pool::Lease<Instance>,
    /// Kept, so that the revision is not gone before its last call has ended.
    revision: Arc<Revision>,
    /// What must be durable before anybody is told of it.
    seen: Arc<Watermark>,
    /// What it keeps until it ends; none if its service is not atomic.
    unit: Option<Arc<Unit>>,
    deadline: Instant,
    /// How long the call was given, for messages.
    allowed: Duration,
}

impl Call {
    /// The instance that serves it.
    pub fn instance(&mut self) -> &mut Instance {
        // `begin` fills the lease before it makes a call of it, and nothing
        // empties it before the call is dropped.
        #[expect(clippy::expect_used, reason = "see above")]
        self.lease.item().expect("a call has an instance")
    }

    /// Call an export with plain values. `key` is that of [`crate::link::export_key`].
    pub async fn invoke(&mut self, key: &str, params: &[Val], results: &mut [Val]) -> Result<(), CallError> {
        let Some(export) = self.revision.exports.get(key).copied() else {
            return Err(CallError::NoExport { service: self.service.name.clone(), export: key.into() });
        };
        let mut judged = self.judge(async |instance| instance.invoke(&export, params, results).await).await;
        if judged.is_ok() {
            judged = self.end_work().await;
        }
        // What it would have come to had the store not failed it is not known.
        let life = self.counts_on().filter(|_| judged.is_err() || !self.has_store_failed());
        self.service.count(life, judged.as_ref().copied());
        judged
    }

    /// Run one export to its end or to the deadline, and judge how it ended. An
    /// instance of a call that ended well is kept for the next. Whoever asks counts it, for
    /// how it ended may be its client's doing.
    pub async fn judge<T>(
        &mut self,
        run: impl AsyncFnOnce(&mut Instance) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let (deadline, revision) = (self.deadline, self.revision.clone());
        let outcome = {
            let mut run = pin!(run(self.instance()));
            // Made for a call that does not end when it is polled first, as most do.
            let mut cut_off = None;
            poll_fn(|cx| {
                if let Poll::Ready(outcome) = run.as_mut().poll(cx) {
                    return Poll::Ready(outcome);
                }
                let cut_off = cut_off.get_or_insert_with(|| Box::pin(revision.cut_off(deadline)));
                cut_off.as_mut().poll(cx).map(Err)
            })
            .await
        };
        match outcome {
            Ok(value) => {
                let reuse = self.service.limits.reuse;
                if self.instance().end(reuse) {
                    self.lease.keep();
                }
                Ok(value)
            }
            Err(error) => {
                let refused = self.instance().refused_memory();
                let Service { name, limits, .. } = &*self.service;
                let error = CallError::of(name, limits, error, refused, self.allowed);
                Err(error.of_store(self.has_store_failed()))
            }
        }
    }

    /// Append what it has kept, for it ended well; or, if its caller is atomic, have that
    /// append it. Where that fails its instance serves no more: it may remember what was
    /// never kept.
    async fn end_work(&mut self) -> Result<(), CallError> {
        let Some(unit) = &self.unit else { return Ok(()) };
        if unit.is_empty() {
            if unit.leaves_no_trace() {
                self.instance().forget_unit();
            }
            return Ok(());
        }
        let service = || self.service.name.clone();
        let kept = match unit.callers() {
            Some(callers) => {
                unit.join(callers).map_err(|refused| CallError::Trap { service: service(), source: refused.into() })
            }
            None => {
                let append = unit.append(&**self.revision.buckets(), &self.seen);
                match tokio::time::timeout_at(self.deadline.into(), append).await {
                    Ok(appended) => appended.map_err(|source| CallError::NotKept { service: service(), source }),
                    Err(_) => Err(CallError::Deadline { service: service(), allowed: self.allowed }),
                }
            }
        };
        if kept.is_err() {
            self.lease.forsake();
        }
        kept
    }

    /// Share what must be durable with the call that makes this one: what is given to
    /// it rests on what that one has seen, and the other way round, however it ends.
    pub fn share<'a>(&self, callers: &'a Watermark) -> Shared<'a> {
        self.seen.include(callers);
        Shared { seen: self.seen.clone(), callers }
    }

    /// Whether the store did not do what it, or a call that it made, asked for.
    fn has_store_failed(&self) -> bool {
        self.seen.has_failed()
    }

    /// What is waited for before anything leaves the host on its behalf.
    fn commit(&self) -> Commit {
        let output = OutputCommit::new(self.seen.clone(), self.revision.buckets().clone());
        Commit { output, service: self.service.clone(), deadline: self.deadline, allowed: self.allowed }
    }

    /// Where it is counted, if it is.
    fn counts_on(&self) -> Option<&Arc<Life>> {
        self.purpose.is_clients().then_some(&self.revision.life)
    }

    /// What ends it if it does not end by itself.
    fn cut_off(&self) -> impl Future<Output = wasmtime::Error> + Send + use<> {
        let (revision, deadline) = (self.revision.clone(), self.deadline);
        async move { revision.cut_off(deadline).await }
    }

    /// The call, unless its instance waits for the next.
    fn unless_kept(self) -> Option<Call> {
        (!self.lease.is_kept()).then_some(self)
    }
}
