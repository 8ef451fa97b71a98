//! `wasi:keyvalue@0.2.0-draft`, which our components import, on the version of it
//! that Spin has, `0.2.0-draft2`.
//!
//! All buckets lie in Spin's store `default`, the only one that is there without
//! configuration: each key is led by its bucket's name (`key`). What else differs:
//!
//! - Spin's `list-keys` takes no cursor, and knows no order. The keys come in an
//!   order of their own here, in which a cursor stays true while keys come and go
//!   (`listing`). Each page reads all keys of the store.
//! - Spin's counters are signed, and on SQLite, its default, they are 8 bytes
//!   that end its process's access to the store if other bytes are there; so what
//!   is there is looked at first (`counter`).
//! - Spin promises no `set-many` that is atomic. On SQLite and Redis it is; elsewhere the
//!   entries are set one after the other, as they are given. The shop gives the
//!   order before its place in the user's list: if only the first is written, the
//!   order is there under its id and missing in the list, and its client was told
//!   that it failed.
//! - What one call may carry is up to Spin.

mod adapter;
mod counter;
mod key;
mod listing;

/// What the host calls: `adapter` says what it answers.
struct Adapter;

#[allow(missing_docs, unsafe_code)]
mod bindings {
    use super::Adapter;

    wit_bindgen::generate!({
        inline: "
            package dovetail:keyvalue-spin;
            world adapter {
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                export wasi:keyvalue/store@0.2.0-draft;
                export wasi:keyvalue/atomics@0.2.0-draft;
                export wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        path: ["wit/keyvalue.wit", "../../../wit/deps/keyvalue.wit"],
        generate_all,
    });

    export!(Adapter);
}
