//! Components of our own that are composed around those of an app. `build.rs`
//! builds them from `components/adapters`.

/// Answers HTTP, and gives each request to the service of its route.
pub const ROUTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/router.wasm"));
