//! `wasi:keyvalue` in files: an adapter for hosts that lend a component a folder
//! and have no store, such as `wasmtime serve --dir DATA::/data`.
//!
//! There each request may have a fresh instance, many run at once, and any may be
//! ended in the middle. WASI has no file locks, and a lock file would stay behind
//! when its owner is ended. What it has is an append that is one write of the
//! system, of up to 64 KiB, so that appends of many never mix. That is enough:
//!
//! - A bucket is a folder. Writes are records, appended to its [log](mod@log) and made
//!   durable. The order in the log is the order in which they happened, for
//!   everybody who reads it: an increment knows its sum by reading the log up to
//!   its own record.
//! - When the log is long, a record that [seals](record::seal) it is appended. What
//!   is behind the seal does not count; its writer sees that and goes on to the
//!   next log. A sealed log never changes, so anybody may [merge] it into the
//!   [table](table) before it.
//! - A [view](view) is the newest table and the logs behind it.
//!
//! A read sees what was acknowledged before it, and may see what is being written:
//! that is acknowledged when it is durable.
//!
//! All this holds for the processes of one machine, on a file system of its own
//! whose appends and listings are each of one moment, as Linux's are.

mod adapter;
mod bounds;
mod bucket;
mod changes;
mod counter;
mod digest;
mod disk;
mod error;
mod frame;
mod log;
mod merge;
mod names;
mod preopen;
mod record;
mod table;
mod view;

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests;

use error::Error;

/// What the host calls: `adapter` says what it answers.
struct Adapter;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Adapter;

    wit_bindgen::generate!({
        inline: "
            package dovetail:keyvalue-fs;
            world adapter {
                export wasi:keyvalue/store@0.2.0-draft;
                export wasi:keyvalue/atomics@0.2.0-draft;
                export wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        path: "../../../wit/deps/keyvalue.wit",
        generate_all,
    });

    export!(Adapter);
}
