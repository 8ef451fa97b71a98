//! What a unit of work holds.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use hashlink::LinkedHashMap;

use super::{MOST_BYTES, MOST_KEYS, Refused};
use crate::message::{Queue, RowKey};
use crate::store::Change;

/// A message as it is in a queue: its row, and what it is.
pub type Row = (RowKey, Bytes);

/// What is written and emitted.
#[derive(Debug, Default)]
pub struct Kept {
    /// By bucket, in the order in which keys were first set: that of listings.
    buckets: HashMap<Arc<str>, LinkedHashMap<String, Next>>,
    /// What the call emits, by the queue that it goes to.
    pub emitted: Vec<(Arc<Queue>, Vec<Row>)>,
    /// How much that is.
    pub size: Size,
    /// Why it takes nothing any more.
    pub closed: Option<Refused>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// Keys that are changed, and messages.
    pub keys: usize,
    /// Of keys and values together.
    pub bytes: usize,
}

/// What becomes of a key.
#[derive(Clone, Debug)]
pub struct Next {
    /// None if it is deleted.
    pub value: Option<Vec<u8>>,
    /// Whether it was deleted before it was set, so that its place in listings is the last.
    pub anew: bool,
}

impl Kept {
    /// Nothing, and nothing to come.
    pub fn closed(why: Refused) -> Kept {
        Kept { closed: Some(why), ..Kept::default() }
    }

    /// How much it keeps, beside what others do; unless it takes nothing any more.
    pub fn open(&self, beside: Size) -> Result<Size, Refused> {
        match self.closed {
            Some(why) => Err(why),
            None => Ok(Size { keys: beside.keys + self.size.keys, bytes: beside.bytes + self.size.bytes }),
        }
    }

    /// Count so many keys, of so many bytes with their values, if there is room for them.
    /// Keys that are there already count again: what is bounded need not be exact.
    pub fn admit(&mut self, beside: Size, keys: usize, bytes: usize) -> Result<(), Refused> {
        let all = self.open(beside)?;
        if all.keys + keys > MOST_KEYS {
            return Err(Refused::Keys);
        }
        if all.bytes + bytes > MOST_BYTES {
            return Err(Refused::Bytes);
        }
        self.size.bytes += bytes;
        Ok(())
    }

    /// What becomes of a bucket's keys.
    pub fn of(&self, bucket: &str) -> Option<&LinkedHashMap<String, Next>> {
        self.buckets.get(bucket)
    }

    /// Change a key.
    pub fn put(&mut self, Change { bucket, key, value }: Change<'_>) {
        let keys = match self.buckets.get_mut(bucket) {
            Some(keys) => keys,
            None => self.buckets.entry(bucket.into()).or_default(),
        };
        match keys.get_mut(&key) {
            Some(next) => {
                let anew = value.is_some() && (next.anew || next.value.is_none());
                let moved = anew && next.value.is_none();
                *next = Next { value, anew };
                if moved {
                    keys.to_back(&key);
                }
            }
            None => {
                self.size.keys += 1;
                keys.insert(key, Next { value, anew: false });
            }
        }
    }

    /// Put messages into a queue.
    pub fn emit(&mut self, queue: &Arc<Queue>, messages: impl IntoIterator<Item = Row>) {
        let before = self.emitted.iter().position(|(other, _)| Arc::ptr_eq(other, queue));
        let place = before.unwrap_or_else(|| {
            self.emitted.push((queue.clone(), Vec::new()));
            self.emitted.len() - 1
        });
        let rows = &mut self.emitted[place].1;
        let count = rows.len();
        rows.extend(messages);
        self.size.keys += rows.len() - count;
    }

    /// What is to be done to the store, or to another unit, that the same becomes of the keys.
    pub fn changes(&self) -> Vec<Change<'_>> {
        let mut changes = Vec::with_capacity(self.size.keys);
        for (bucket, keys) in &self.buckets {
            for (key, next) in keys {
                if next.anew {
                    changes.push(Change { bucket, key: key.clone(), value: None });
                }
                changes.push(Change { bucket, key: key.clone(), value: next.value.clone() });
            }
        }
        changes
    }
}
