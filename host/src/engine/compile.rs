//! Compiling a component, at start and while the host serves.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use wasmtime::{Engine, Error, component::Component};

use super::CodeCache;
use crate::defect::contained;

/// The priority of the thread that compiles in the background, as `nice` counts:
/// a third of what a thread that serves gets. At the lowest, 19, it gave way almost
/// wholly: 0.2 s of work took 14 to 23 s while two spinning threads kept both cores
/// busy; at 5 it took about 1 s.
const NICE: i32 = 5;

/// What compiling may take of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Every core: nothing is served yet.
    Full,
    /// One thread of a low priority: the host serves meanwhile. What is
    /// asked for at once is compiled one after the other.
    Background,
}

/// A component that can be instantiated.
pub struct Compiled {
    /// The component, made for one engine.
    pub component: Component,
    /// Whether its code was found in the cache.
    pub from_cache: bool,
}

/// Compile a component in its binary form, or take its code from the cache.
/// `digest` is the SHA-256 of `bytes` in lower-case hexadecimal; with any other
/// text the cache is left aside.
///
/// It blocks until that is done: a task calls it in `spawn_blocking`.
///
/// Code is taken from the cache by the caller's thread whatever the effort: it
/// is the work of a millisecond, for which a thread of low priority may wait
/// long on a busy machine.
pub fn compile(
    engine: &Engine,
    cache: &CodeCache,
    digest: &str,
    bytes: &[u8],
    effort: Effort,
) -> wasmtime::Result<Compiled> {
    if let Some(component) = cache.get(engine, digest) {
        return Ok(Compiled { component, from_cache: true });
    }
    let compile = || {
        let component = contained(|| Component::from_binary(engine, bytes)).map_err(Error::new)??;
        cache.put(engine, digest, &component);
        Ok(Compiled { component, from_cache: false })
    };
    match effort {
        Effort::Full => compile(),
        Effort::Background => background()?.install(compile),
    }
}

/// The thread that compiles in the background.
///
/// wasmtime spreads its work by rayon's parallel iterators alone (read in its
/// version 48: `Engine::run_maybe_parallel` and `run_maybe_parallel_mut`), which
/// run in the pool that they are called from; the rest of it is done by the
/// caller. So all of what is called inside `install` stays on this thread.
fn background() -> wasmtime::Result<&'static ThreadPool> {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    // One that could not be made is tried again by the next who asks.
    if let Some(pool) = POOL.get() {
        return Ok(pool);
    }
    let builder = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "compile".into());
    let pool = builder.start_handler(|_| lower_priority()).build();
    let pool = pool.map_err(|error| Error::new(error).context("no thread could be started to compile"))?;
    Ok(POOL.get_or_init(|| pool))
}

/// Let all others of the machine go before this thread.
fn lower_priority() {
    // On Linux a priority is a thread's, and no process means the calling thread;
    // elsewhere it would be the whole host's.
    if cfg!(target_os = "linux") {
        // Refused only to a host whose own priority is lower still.
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use rustix::process::getpriority_process;
    use sha2::{Digest, Sha256};
    use wasmtime::{Store, component::Linker};

    use super::*;

    /// A component that answers with a number.
    fn answers(number: u32) -> (String, Vec<u8>) {
        let text = format!(
            r#"(component
                (core module $m (func (export "answer") (result i32) i32.const {number}))
                (core instance $i (instantiate $m))
                (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#
        );
        let bytes = wat::parse_str(text).expect("it is a component");
        (Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(), bytes)
    }

    fn ask(engine: &Engine, component: &Component) -> u32 {
        let mut store = Store::new(engine, ());
        let instance = Linker::new(engine).instantiate(&mut store, component).expect("it imports nothing");
        let answer = instance.get_typed_func::<(), (u32,)>(&mut store, "answer").expect("it is exported");
        answer.call(&mut store, ()).expect("it answers").0
    }

    #[test]
    fn what_was_compiled_is_found_by_the_next_cache_on_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        for effort in [Effort::Full, Effort::Background] {
            let (digest, bytes) = answers(effort as u32);
            for expected in [false, true, true] {
                let engine = Engine::default();
                let cache = CodeCache::open(folder.path()).expect("it is ours");
                let compiled = compile(&engine, &cache, &digest, &bytes, effort).expect("it is a component");
                assert_eq!(compiled.from_cache, expected, "{effort:?}");
                assert_eq!(ask(&engine, &compiled.component), effort as u32);
            }
        }
    }

    #[test]
    fn what_cannot_be_compiled_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
        let (digest, bytes) = answers(1);
        let expected = Component::from_binary(&engine, &bytes[..20]).expect_err("it is cut off");
        for effort in [Effort::Full, Effort::Background] {
            let error = compile(&engine, &cache, &digest, &bytes[..20], effort).err().expect("it is cut off");
            assert_eq!(format!("{error:#}"), format!("{expected:#}"), "{effort:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn a_cache_that_cannot_be_written_fails_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
        // Nor can it be made again.
        let path = folder.keep();
        std::fs::remove_dir(&path).expect("it is empty");
        std::fs::write(&path, "").expect("there is room");
        let (digest, bytes) = answers(7);
        let compiled = compile(&engine, &cache, &digest, &bytes, Effort::Full).expect("it is a component");
        assert_eq!(ask(&engine, &compiled.component), 7);
        std::fs::remove_file(&path).expect("it is ours");
    }

    #[test]
    fn several_may_compile_the_same_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (engine, cache) = (Engine::default(), CodeCache::open(folder.path()).expect("it is ours"));
        let (digest, bytes) = answers(7);
        let compiled = |effort| compile(&engine, &cache, &digest, &bytes, effort).expect("it is a component");
        std::thread::scope(|scope| {
            for effort in [Effort::Full, Effort::Background].repeat(4) {
                let (engine, compiled) = (&engine, &compiled);
                scope.spawn(move || assert_eq!(ask(engine, &compiled(effort).component), 7));
            }
        });
        assert!(compiled(Effort::Full).from_cache);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_background_has_one_thread_of_low_priority() {
        let priority = || getpriority_process(None).expect("it is there");
        let mine = priority();
        let pool = background().expect("there is room for a thread");
        assert_eq!(pool.current_num_threads(), 1);
        assert_eq!(pool.install(priority), NICE.max(mine));
        assert_eq!(priority(), mine, "it is the thread's own");
    }
}
