//! A clock on the wall that can be set while a process looks at it that this library is
//! preloaded into.
//!
//! It is ahead of the true time by the seconds that the file `CLOCK_AHEAD` says, which
//! is read at each look; behind it if they are negative. The clock by which periods are
//! measured goes on as it does.

#[path = "../disk/real.rs"]
#[macro_use]
mod real;

use std::ffi::c_int;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

const CLOCK_REALTIME: c_int = 0;

static AHEAD: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::var_os("CLOCK_AHEAD").map(PathBuf::from));

/// As the C library has it, on 64 bits.
#[repr(C)]
pub struct Time {
    seconds: i64,
    nanoseconds: i64,
}

/// By how many seconds the clock is ahead.
fn ahead() -> i64 {
    let text = AHEAD.as_ref().and_then(|file| fs::read_to_string(file).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    let real = real!(c"clock_gettime" as unsafe extern "C" fn(c_int, *mut Time) -> c_int);
    // SAFETY: as for the caller.
    let done = unsafe { real(clock, time) };
    if clock == CLOCK_REALTIME && done == 0 {
        // SAFETY: the C library wrote there just now.
        unsafe { (*time).seconds += ahead() };
    }
    done
}
