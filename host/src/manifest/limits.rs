//! What bounds a service.

use std::time::Duration;

use super::ByteSize;

/// The bounds of one service's calls and of its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most linear memory that one instance may have; 64 KiB to 4 GiB.
    pub memory: ByteSize,
    /// The longest a call may take, waiting for an instance included; 1 ms to 1 h.
    pub deadline: Duration,
    /// The most instances at once; 1 to 10,000.
    pub instances: u32,
    /// How many requests may wait for an instance, at the usual priority; 0 to 100,000.
    pub queue: u32,
    /// How many calls an instance of WASI 0.3 serves at once; 1 to 1,000. An
    /// instance of WASI 0.2 serves one.
    pub concurrency: u32,
    /// How many calls an instance serves before a fresh one takes its place;
    /// 1 to 1,000,000,000.
    pub reuse: u32,
    /// The longest request body.
    pub body: ByteSize,
    /// The largest value that it keeps in a bucket; up to 16 MiB.
    pub value: ByteSize,
    /// After how many failures in a row a server that it sends requests to is left alone for a
    /// while; 0 to 1,000, and never if it is 0.
    pub outbound_failures: u32,
    /// How long calls in flight may take when the component is replaced; 1 ms to 1 h.
    pub drain: Duration,
}

impl Limits {
    /// The most calls at once.
    pub fn calls(&self) -> u32 {
        self.instances.saturating_mul(self.concurrency)
    }
}
