//! Panics of libraries that are given what somebody else made.
//!
//! A component is input, and input gets an error. But what reads components has
//! assertions that a valid one can break: wasmparser before 0.262 gives up where a
//! component is instantiated that imports two instances of one type which passes on a
//! resource. Such a panic ends here, and the host goes on.
//!
//! Only calls that leave nothing half changed belong here.

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

thread_local! {
    /// Whether a panic of this thread is caught, and not for the log.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
    /// What it said.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A library panicked.
#[derive(Debug, thiserror::Error)]
#[error("a library that reads components has a defect, and gave up on this one: {0}")]
pub struct Defect(String);

/// What this comes to, unless it panics.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Defect> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| match CONTAINED.get() {
            true => SAID.set(said(panic)),
            false => others(panic),
        }));
    });
    let before = CONTAINED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    done.map_err(|_| Defect(SAID.take()))
}

/// What a panic says in one line, and the file that it comes from.
fn said(panic: &PanicHookInfo) -> String {
    let text = panic.payload_as_str().unwrap_or("a panic").replace('\n', " ");
    let Some(place) = panic.location() else { return text };
    // Its crate and what is in it, not where that is on this machine.
    let file = match place.file().rsplit_once("/src/") {
        Some((folder, file)) => format!("{}/src/{file}", folder.rsplit('/').next().unwrap_or(folder)),
        None => place.file().to_owned(),
    };
    format!("{text} ({file}:{})", place.line())
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_what_and_where() {
        assert_eq!(contained(|| 7).expect("it does not panic"), 7);
        let error = contained(|| -> u32 { panic!("on\npurpose") }).expect_err("it panics").to_string();
        assert!(error.contains(" gave up on this one: on purpose (") && error.contains("defect.rs:"), "{error}");
        assert!(!CONTAINED.get(), "the next panic of this thread is told as any");
    }
}
