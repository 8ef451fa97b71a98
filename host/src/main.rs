//! The `dovetail` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Requests come and go on all threads, with some hundred small allocations each.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    dovetail::cli::run()
}
