//! Output commit: what leaves the host on behalf of a call waits until all that the
//! call wrote or read is durable.
//!
//! A call goes on while its writes are on their way to the disk; they return their
//! place in the store's log, and so do reads of what others have written just before.
//! These places are the call's watermark. It goes with the call through links, both
//! ways, and is waited for where something leaves: an answer, each piece of one that
//! streams, a request to another host. It stays with the instance, whose memory may hold
//! what the call has seen, until that is durable: a later call of that instance waits for
//! it, too, and there is none if some of it is lost. What a component prints is for the
//! log, which may know more than a crash leaves.

use std::sync::Arc;

pub use self::held::Held;
use crate::store::{BucketStore, Durability};
pub use crate::store::{StoreError, Watermark};

mod held;

/// What must be durable before anybody is told of it.
#[derive(Clone)]
pub struct OutputCommit {
    seen: Arc<Watermark>,
    store: Arc<dyn BucketStore>,
}

impl OutputCommit {
    /// What this watermark says of this store.
    pub fn new(seen: Arc<Watermark>, store: Arc<dyn BucketStore>) -> OutputCommit {
        OutputCommit { seen, store }
    }

    /// Of somebody who has written and read nothing.
    #[cfg(test)]
    pub async fn none() -> Result<OutputCommit, StoreError> {
        let store = crate::store::open(&crate::manifest::StoreUrl::Memory).await?;
        Ok(OutputCommit::new(Arc::default(), store))
    }

    /// What was written or read.
    pub fn seen(&self) -> &Arc<Watermark> {
        &self.seen
    }

    /// Wait until all that was written or read by now is durable. Most reads meet
    /// nothing that is not: for them this is one look at a number.
    pub async fn done(&self) -> Result<(), StoreError> {
        match self.seen.is_empty() {
            true => Ok(()),
            false => self.store.durable(&self.seen).await,
        }
    }

    /// Make ready for the next call of an instance, if there may be one: none may be
    /// answered out of a memory that holds what is lost.
    pub fn renew(&mut self) -> bool {
        if self.seen.has_failed() {
            // That was another call.
            let seen = Watermark::new();
            seen.include(&self.seen);
            self.seen = Arc::new(seen);
        }
        if self.seen.is_empty() {
            return true;
        }
        match self.store.durability(&self.seen) {
            Durability::Durable => self.seen = Arc::default(),
            Durability::Pending => {}
            Durability::Lost => return false,
        }
        true
    }

    /// Whether an answer would wait for what was written or read before it.
    pub fn is_pending(&self) -> bool {
        !self.seen.is_empty() && self.store.durability(&self.seen) == Durability::Pending
    }

    /// Whether some of what was written or read is lost.
    pub fn is_lost(&self) -> bool {
        !self.seen.is_empty() && self.store.durability(&self.seen) == Durability::Lost
    }
}
