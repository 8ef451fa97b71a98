//! Output commit: what leaves the host on behalf of a call waits until all that the
//! call wrote or read is durable.
//!
//! A call goes on while its writes are on their way to the disk; they return their
//! place in the store's log, and so do reads of what others have written just before.
//! The highest of these places is the call's watermark. It goes with the call through
//! links, both ways, and is waited for where something leaves: an answer, each piece
//! of one that streams, a request to another host. What a component prints is for the
//! log, which may know more than a crash leaves.

use std::sync::Arc;

pub use self::held::Held;
use crate::store::BucketStore;
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

    /// Wait until all that was written or read by now is durable. Most reads meet
    /// nothing that is not: for them this is one look at a number.
    pub async fn done(&self) -> Result<(), StoreError> {
        let seen = self.seen.get();
        if seen.is_none() {
            return Ok(());
        }
        let durable = self.store.durable(seen).await;
        if durable.is_err() {
            self.seen.lose();
        }
        durable
    }
}

/// The watermark for a call, where `before` was that of the last one: the same if it
/// is still where it began.
pub fn renew(before: &mut Arc<Watermark>) {
    if !before.get().is_none() {
        *before = Arc::default();
    }
}
