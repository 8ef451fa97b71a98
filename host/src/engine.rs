//! The engines: wasmtime configured for many small instances that are reused.
//!
//! One runs every WASI 0.2 component of the app. It has no support for the
//! component model's concurrency, which would make each call through a link cost
//! 1.4 us instead of 0.55 us. Another one, with that support, runs those of WASI
//! 0.3, and is made when the first of them comes: see [`Engines`]. Each allocates
//! from a pool sized from the manifest, so that an instance that was admitted can
//! always be made.
//!
//! An engine knows nothing of services. How long a call may run is decided in
//! `service`; here is only the clock that interrupts guest code so that somebody
//! can decide: [`TICK`].

use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

pub use self::cache::{CacheError, CodeCache};
pub use self::compile::{Compiled, Effort, compile};
pub use self::kind::{Engines, Kind, needs_concurrency};
pub use crate::defect::Defect;

mod cache;
mod compile;
mod kind;

/// How often running guest code is interrupted, in order to look at its
/// deadline and to let other tasks of its thread run.
pub const TICK: Duration = Duration::from_millis(5);

/// Linear memories that an instance has in most apps: its own, and one more for
/// a component that was composed of two.
pub const USUAL_MEMORIES: u32 = 2;

/// A revision and the one that it replaces hold instances at the same time.
const REVISIONS_AT_ONCE: u64 = 2;

/// Instances that are made beside those that serve, to see whether a component can, in
/// as many swaps at once. Where there are more, or the address space is short, they have
/// what room is left.
const CHECKS: u32 = 8;

/// The most that one component may hold of core instances and memories.
/// One of `wit-bindgen` has three core instances (itself and two shims of the
/// component model) and two tables; one of an interpreted language, linked of
/// many modules, some dozens. Core instances are only counted, so there is room
/// for this many of each instance.
const MAX_PER_COMPONENT: u32 = 64;

/// Tables that an instance may have, reserved for each, and elements of one. Both
/// are address space until they are used.
const TABLES_PER_INSTANCE: u32 = 16;
const TABLE_ELEMENTS: usize = 100_000;

/// Address space reserved for a linear memory. With all of 4 GiB reserved no
/// access needs a bounds check.
const RESERVATION: u64 = 4 << 30;
const GUARD: u64 = 32 << 20;

/// The address space that memories may take. x86-64 and AArch64 give a process
/// 2^47 bytes; half of it is left to everything else.
const ADDRESS_SPACE: u64 = 1 << 46;

/// Stacks for each call of a concurrent engine. A guest's task has one for as long
/// as it waits in a call that is not async, and may have tasks of its own.
const STACKS_PER_CALL: u32 = 4;

/// What the instances of an app need of its engines.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// How many instances there may be at once, over all services.
    pub instances: u32,
    /// How many calls these may serve at once.
    pub calls: u32,
    /// Linear memories that one instance has at most.
    pub memories: u32,
    /// The largest linear memory that any service may have, in bytes.
    pub memory: u64,
}

/// Why an app does not fit in an engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The instances of all services together exceed the address space.
    #[error(
        "{instances} instances reserve {} GiB of address space for their memories, {} GiB more than the {} GiB there are",
        reserved >> 30, (reserved - ADDRESS_SPACE) >> 30, ADDRESS_SPACE >> 30
    )]
    AddressSpace {
        /// Instances asked for.
        instances: u32,
        /// Bytes that they would reserve.
        reserved: u64,
        /// Instances that would fit.
        most: u64,
    },
    /// wasmtime refused its configuration, or the system the memory.
    #[error("wasmtime could not start with room for {instances} instances")]
    Wasmtime {
        /// Instances asked for.
        instances: u32,
        /// What it said.
        source: wasmtime::Error,
    },
    /// The thread that interrupts guests could not be started.
    #[error("the thread that interrupts guests could not be started")]
    Ticker(#[from] std::io::Error),
}

/// Make an engine with room for what the app needs, and start its clock. The
/// clock's thread ends with the engine.
fn start(needs: Needs, kind: Kind) -> Result<Engine, EngineError> {
    let each = u64::from(needs.memories) * REVISIONS_AT_ONCE;
    let checks = u64::from(needs.memories) * u64::from(CHECKS);
    let slots = u64::from(needs.instances) * each + checks;
    let reserved = slots * (RESERVATION + GUARD);
    if reserved > ADDRESS_SPACE {
        let most = (ADDRESS_SPACE / (RESERVATION + GUARD)).saturating_sub(checks) / each.max(1);
        return Err(EngineError::AddressSpace { instances: needs.instances, reserved, most });
    }
    // Where the address space is limited (`ulimit -v`, some containers), smaller
    // reservations with bounds checks are better than not to run. So they are for
    // the second engine of an app whose first one took more than half.
    let large = match kind {
        Kind::Plain => RESERVATION,
        Kind::Concurrent if reserved <= ADDRESS_SPACE / 2 => RESERVATION,
        Kind::Concurrent => needs.memory,
    };
    let engine = Engine::new(&config(needs, kind, large))
        .or_else(|error| {
            let smaller = Engine::new(&config(needs, kind, needs.memory)).map_err(|second| second.context(error))?;
            tracing::warn!(
                "the address space is too short to reserve 4 GiB for each memory (`ulimit -v`): components run slower, \
                 for their accesses are checked one by one"
            );
            Ok(smaller)
        })
        .map_err(|source| EngineError::Wasmtime { instances: needs.instances, source })?;
    start_ticking(&engine)?;
    Ok(engine)
}

fn config(needs: Needs, kind: Kind, reservation: u64) -> Config {
    let checks = if reservation == RESERVATION { CHECKS } else { 0 };
    let total = needs.instances.saturating_mul(REVISIONS_AT_ONCE as u32).saturating_add(checks);
    let stacks = match kind {
        Kind::Plain => total,
        Kind::Concurrent => {
            needs.calls.saturating_mul(REVISIONS_AT_ONCE as u32).saturating_add(checks).saturating_mul(STACKS_PER_CALL)
        }
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(total)
        .total_core_instances(total.saturating_mul(MAX_PER_COMPONENT))
        .total_memories(total.saturating_mul(needs.memories))
        .total_tables(total.saturating_mul(TABLES_PER_INSTANCE))
        .total_stacks(stacks)
        .max_core_instances_per_component(MAX_PER_COMPONENT)
        .max_memories_per_component(MAX_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_INSTANCE)
        .max_memories_per_module(MAX_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_INSTANCE)
        .table_elements(TABLE_ELEMENTS)
        // What a service may have of it is for `service` to say.
        .max_memory_size(usize::try_from(reservation).unwrap_or(usize::MAX))
        // Together these doubled the rate of fresh instances; either alone gave
        // nothing. On a kernel before 6.7 `Auto` is `No`.
        .linear_memory_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto)
        // Most tables fit in a page or two, which costs less to clear than to give back
        // and take again.
        .table_keep_resident(64 << 10);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(reservation)
        .memory_guard_size(GUARD)
        .concurrency_support(kind == Kind::Concurrent)
        .epoch_interruption(true);
    config
}

/// Tick from an OS thread: a guest that spins pins the worker that a timer of
/// tokio might be waiting for.
fn start_ticking(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("epoch".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    })?;
    Ok(())
}
