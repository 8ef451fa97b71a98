//! A store for tests, in which whatever has returned is durable.

use std::sync::Arc;

use super::{BucketStore, Change, Entry, KeyPage, StoreError, Watermark};

/// Waits after each operation, be it a write or a read.
pub struct Kept(pub Arc<dyn BucketStore>);

macro_rules! kept {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl Kept {
            $(pub async fn $name(&self, bucket: &str $(, $argument: $kind)*) -> Result<$answer, StoreError> {
                let seen = Watermark::default();
                let answer = self.0.$name(bucket $(, $argument)*, &seen).await;
                self.0.durable(&seen).await?;
                answer
            })+
        }
    };
}

kept! {
    get(key: &str) -> Option<Vec<u8>>;
    exists(key: &str) -> bool;
    set(key: String, value: Vec<u8>) -> ();
    delete(key: String) -> ();
    list_keys(cursor: Option<u64>) -> KeyPage;
    increment(key: String, delta: u64) -> u64;
    get_many(keys: Vec<String>, most: usize) -> Vec<Option<Entry>>;
    set_many(entries: Vec<Entry>) -> ();
    delete_many(keys: Vec<String>) -> ();
}

impl Kept {
    pub async fn write(&self, changes: Vec<Change<'_>>) -> Result<(), StoreError> {
        let seen = Watermark::default();
        let answer = self.0.write(changes, &seen).await;
        self.0.durable(&seen).await?;
        answer.map(drop)
    }

    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}
