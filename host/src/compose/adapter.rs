//! Components of our own that are composed around those of an app. `build.rs`
//! builds them from `components/adapters`.

/// Answers HTTP, and gives each request to the service of its route.
pub const ROUTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/router.wasm"));

/// `wasi:keyvalue` in a folder that the host lends.
pub const KEYVALUE_FS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keyvalue_fs.wasm"));

/// `wasi:keyvalue` on the version of it that Spin has.
pub const KEYVALUE_SPIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/keyvalue_spin.wasm"));
