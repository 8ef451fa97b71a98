//! Dovetail: microservices as WebAssembly components, linked by one host.
//!
//! The rooms, in reading order; `ARCHITECTURE.md` has the map.

pub mod acme;
pub mod admin;
pub mod app;
pub mod asyncapi;
pub mod broker;
pub mod capability;
pub mod cli;
pub mod compose;
pub mod defect;
pub mod engine;
pub mod event;
pub mod gateway;
pub mod history;
pub mod identity;
pub mod link;
pub mod listener;
pub mod manifest;
pub mod message;
pub mod openapi;
pub mod private;
pub mod registry;
pub mod renewal;
pub mod service;
pub mod store;
pub mod swap;
pub mod systemd;
pub mod telemetry;
pub mod tls;
pub mod upstream;
