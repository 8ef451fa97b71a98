//! Dovetail: microservices as WebAssembly components, linked by one host.
//!
//! The rooms, in reading order; `ARCHITECTURE.md` has the map.

pub mod manifest;
pub mod app;
pub mod service;
pub mod link;
pub mod capability;
pub mod store;
pub mod engine;
pub mod gateway;
pub mod admin;
pub mod listener;
pub mod telemetry;
