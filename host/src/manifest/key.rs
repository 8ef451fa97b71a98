//! Where a key is written in the file.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// The way to a value from the top of the manifest. An element of an array is
/// named by its index, and never shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyPath(Vec<String>);

/// The span of each key and its value, for everything that the manifest holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<KeyPath, Place>);

#[derive(Debug, Clone)]
struct Place {
    key: Range<usize>,
    value: Range<usize>,
}

impl KeyPath {
    pub(super) fn root() -> Self {
        Self(Vec::new())
    }

    pub(super) fn child(&self, key: impl ToString) -> Self {
        let mut path = self.0.clone();
        path.push(key.to_string());
        Self(path)
    }

    fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// The key itself, without the way to it.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

/// As one would write it in TOML: `service.web.links."acme:stock/shelf"`.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !key.is_empty() && key.chars().all(bare) {
                write!(f, "{dot}{key}")?;
            } else {
                write!(f, "{dot}{key:?}")?;
            }
        }
        Ok(())
    }
}

impl Places {
    pub(super) fn insert(&mut self, at: KeyPath, key: Range<usize>, value: Range<usize>) {
        self.0.insert(at, Place { key, value });
    }

    /// Whether it is written.
    pub(super) fn has(&self, at: &KeyPath) -> bool {
        self.0.contains_key(at)
    }

    /// The value at `at` (for a table its header), or the nearest table around
    /// it if it is not written; nothing for the file as a whole.
    pub(super) fn value(&self, at: &KeyPath) -> Option<Range<usize>> {
        match self.0.get(at) {
            Some(place) => Some(place.value.clone()),
            None => self.value(&at.parent()?),
        }
    }

    /// As [`value`](Self::value), but the key where there is one.
    pub(super) fn key(&self, at: &KeyPath) -> Option<Range<usize>> {
        match self.0.get(at) {
            Some(place) => Some(place.key.clone()),
            None => self.value(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_would_be_written() {
        let links = KeyPath::root().child("service").child("web").child("links");
        assert_eq!(links.to_string(), "service.web.links");
        let link = links.child("acme:stock/shelf@0.1.0");
        assert_eq!(link.to_string(), r#"service.web.links."acme:stock/shelf@0.1.0""#);
    }

    #[test]
    fn what_is_not_written_is_shown_at_the_table_around_it() {
        let service = KeyPath::root().child("service").child("web");
        let mut places = Places::default();
        places.insert(service.clone(), 9..14, 0..15);
        assert_eq!(places.value(&service.child("limits").child("memory")), Some(0..15));
        assert_eq!(places.value(&KeyPath::root().child("gateway")), None);
    }
}
