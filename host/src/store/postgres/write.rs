//! What is asked of an engine that gathers writes and commits them together.

use tokio::sync::oneshot;

use crate::store::{Entry, StoreError};

/// A change, and who waits for it.
pub struct Write {
    /// The bucket of all its keys.
    pub bucket: String,
    /// What to do.
    pub change: Change,
    /// Where the answer goes, once the change is durable.
    pub answer: oneshot::Sender<Answer>,
}

/// What a write does; each is applied whole or not at all.
pub enum Change {
    /// Sets these keys.
    Set(Vec<Entry>),
    /// Deletes these keys.
    Delete(Vec<String>),
    /// Adds to a counter.
    Increment {
        /// The key of the counter.
        key: String,
        /// How much to add.
        delta: u64,
    },
}

/// The new value of a counter, and 0 for what counts nothing.
pub type Answer = Result<u64, StoreError>;

impl Write {
    /// What was asked, for errors.
    pub fn operation(&self) -> String {
        let bucket = &self.bucket;
        match &self.change {
            Change::Set(entries) => match entries.as_slice() {
                [(key, _)] => format!("set key {key:?} of bucket {bucket:?}"),
                _ => format!("set {} keys of bucket {bucket:?}", entries.len()),
            },
            Change::Delete(keys) => match keys.as_slice() {
                [key] => format!("delete key {key:?} of bucket {bucket:?}"),
                _ => format!("delete {} keys of bucket {bucket:?}", keys.len()),
            },
            Change::Increment { key, .. } => format!("increment key {key:?} of bucket {bucket:?}"),
        }
    }
}
