//! The servers of the tests' own, which those through the binary use, too.
#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

#[path = "../../tests/it/support/certificates.rs"]
pub mod certificates;
#[path = "../../tests/it/support/daemon.rs"]
pub mod daemon;
#[path = "../../tests/it/support/postgres.rs"]
pub mod postgres;
#[path = "../../tests/it/support/redis.rs"]
pub mod redis;
