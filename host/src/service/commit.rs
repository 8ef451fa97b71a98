//! What a call must wait for before anybody is told of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{CallError, Service};
use crate::capability::output_commit::{OutputCommit, Watermark};

/// All that a call wrote or read, on its way to the disk.
pub struct Commit {
    /// What is waited for.
    pub output: OutputCommit,
    /// The service that was called.
    pub service: Arc<Service>,
    /// When the call must have ended.
    pub deadline: Instant,
    /// How long it was given.
    pub allowed: Duration,
}

impl Commit {
    /// Wait for it, up to the call's deadline.
    pub async fn done(&self) -> Result<(), CallError> {
        let service = || self.service.name.clone();
        match tokio::time::timeout_at(self.deadline.into(), self.output.done()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(CallError::NotKept { service: service(), source }),
            Err(_) => Err(CallError::Deadline { service: service(), allowed: self.allowed }),
        }
    }
}

/// Two calls, one of which made the other. When this is dropped the caller has seen all
/// that the other has, and has been failed by the store if the other was.
pub struct Shared<'a> {
    pub(super) seen: Arc<Watermark>,
    pub(super) callers: &'a Watermark,
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        self.callers.include(&self.seen);
        if self.seen.has_failed() {
            self.callers.fail();
        }
    }
}
