//! What a write does to a key, and what it may depend on.

/// A key's next value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The bucket of the key.
    pub bucket: &'a str,
    /// The key.
    pub key: String,
    /// What it has then; none if it is deleted.
    pub value: Option<Vec<u8>>,
}

/// What a key must have for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard<'a> {
    /// The bucket of the key.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// Its value; none if it must have none.
    pub value: Option<&'a [u8]>,
}

impl Change<'_> {
    /// The bytes of key and value.
    pub fn size(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Vec::len)
    }

    /// What several of them are to do, for errors.
    pub fn operation(changes: &[Change]) -> String {
        let count = changes.len();
        match changes {
            [Change { bucket, key, value: Some(_) }] => format!("set key {key:?} of bucket {bucket:?}"),
            [Change { bucket, key, value: None }] => format!("delete key {key:?} of bucket {bucket:?}"),
            [Change { bucket, .. }, ..] if changes.iter().all(|change| change.bucket == *bucket) => {
                let sets = changes.iter().filter(|change| change.value.is_some()).count();
                let verb = match sets {
                    0 => "delete",
                    _ if sets == count => "set",
                    _ => "change",
                };
                format!("{verb} {count} keys of bucket {bucket:?}")
            }
            _ => format!("change {count} keys of several buckets"),
        }
    }
}
