//! The keys of a bucket, page by page.

use super::{BucketStore, StoreError, Watermark};

/// What is left of a listing.
pub struct Pages<'a> {
    store: &'a dyn BucketStore,
    bucket: &'a str,
    cursor: Option<u64>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    /// All keys of a bucket.
    pub fn of(store: &'a dyn BucketStore, bucket: &'a str) -> Pages<'a> {
        Pages { store, bucket, cursor: None, is_over: false }
    }

    /// The keys of the next page; none behind the last one.
    pub async fn next(&mut self, seen: &Watermark) -> Result<Option<Vec<String>>, StoreError> {
        if self.is_over {
            return Ok(None);
        }
        let page = self.store.list_keys(self.bucket, self.cursor, seen).await?;
        self.cursor = page.cursor;
        self.is_over = page.cursor.is_none();
        Ok(Some(page.keys))
    }
}
