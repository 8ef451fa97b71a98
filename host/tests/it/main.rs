//! Promises of Dovetail, each shown through the real binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

mod admin;
mod admin_client;
mod admin_guard;
mod bad_input;
mod bounds;
mod building;
mod canary;
mod capabilities;
mod cli;
mod compose;
mod composed_stores;
mod concurrency;
mod disk_full;
mod durability;
mod foreign;
mod history;
mod languages;
mod leaks;
mod linking;
mod links;
mod outbound;
mod pool;
mod postgres;
mod refused_swaps;
mod registry;
mod reliability;
mod request_limits;
mod rooms;
mod shop;
mod stop;
mod streaming;
mod support;
mod swap;
mod wasi03;
mod watch;
