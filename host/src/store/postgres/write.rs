//! What is asked of an engine that gathers writes and commits them together.

use tokio::sync::oneshot;

use crate::store::{Change, StoreError};

/// Something to do, and who waits for it.
pub struct Write {
    /// What to do; applied whole or not at all.
    pub work: Work,
    /// Where the answer goes, once it is durable.
    pub answer: oneshot::Sender<Answer>,
}

/// What a write does.
pub enum Work {
    /// Sets and deletes keys, if the guard is held that there may be.
    Change(Vec<OwnedChange>, Option<OwnedChange>),
    /// Adds to a counter.
    Increment {
        /// The bucket of the counter.
        bucket: String,
        /// Its key.
        key: String,
        /// How much to add.
        delta: u64,
    },
}

/// A change that outlives its caller; or a guard, which has the value that there must be.
#[derive(PartialEq, Eq)]
pub struct OwnedChange {
    /// The bucket of the key.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// What it has then; none if it is deleted.
    pub value: Option<Vec<u8>>,
}

impl From<Change<'_>> for OwnedChange {
    fn from(Change { bucket, key, value }: Change<'_>) -> OwnedChange {
        let bucket = bucket.to_owned();
        OwnedChange { bucket, key, value }
    }
}

/// The new value of a counter; of changes 1, or 0 if their guard was not held.
pub type Answer = Result<u64, StoreError>;

impl Write {
    /// What was asked, for errors.
    pub fn operation(&self) -> String {
        match &self.work {
            Work::Change(rows, _) => {
                let changes = rows.iter().map(|OwnedChange { bucket, key, value }| {
                    // What is set does not matter here.
                    Change { bucket, key: key.clone(), value: value.is_some().then(Vec::new) }
                });
                Change::operation(&changes.collect::<Vec<_>>())
            }
            Work::Increment { bucket, key, .. } => format!("increment key {key:?} of bucket {bucket:?}"),
        }
    }

    /// The bucket and the key that it depends on.
    pub fn guard(&self) -> Option<(&str, &str)> {
        match &self.work {
            Work::Change(_, Some(guard)) => Some((&guard.bucket, &guard.key)),
            _ => None,
        }
    }

    /// The buckets and keys that it may change.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let (changes, counter) = match &self.work {
            Work::Change(changes, _) => (&changes[..], None),
            Work::Increment { bucket, key, .. } => (&[][..], Some((bucket.as_str(), key.as_str()))),
        };
        changes.iter().map(|change| (change.bucket.as_str(), change.key.as_str())).chain(counter)
    }

    /// A bucket that it is about, for errors.
    pub fn bucket(&self) -> &str {
        match &self.work {
            Work::Change(rows, _) => rows.first().map_or("", |row| &row.bucket),
            Work::Increment { bucket, .. } => bucket,
        }
    }

    /// How many rows it has, and bytes in them.
    pub fn size(&self) -> (usize, usize) {
        match &self.work {
            Work::Change(rows, _) => {
                (rows.len(), rows.iter().map(|row| row.key.len() + row.value.as_ref().map_or(0, Vec::len)).sum())
            }
            Work::Increment { key, .. } => (1, key.len()),
        }
    }
}
