//! Keeps a service to the buckets that the manifest grants it.
//!
//! In a composition all services share one store. A guard is a small component
//! between a service and the store: it opens the buckets it knows and denies all
//! others. It costs nothing afterwards, since a bucket that is open is the store's
//! own.

use std::collections::BTreeSet;

use super::{ComposeError, text};

/// The interface that a guard imports, and exports.
pub const STORE: &str = "wasi:keyvalue/store@0.2.0-draft";

/// Where the names begin in a guard's memory. What is before them is its answer.
const NAMES: usize = 32;

/// A guard of these buckets.
pub fn make(buckets: &BTreeSet<String>) -> Result<Vec<u8>, ComposeError> {
    let mut names = Vec::new();
    for name in buckets {
        names.extend((name.len() as u32).to_le_bytes());
        names.extend(name.as_bytes());
    }
    let end = NAMES + names.len();
    let text = include_str!("guard.wat")
        .replace("NAMES_BEGIN", &NAMES.to_string())
        .replace("NAMES_END", &end.to_string())
        .replace("NAMES_DATA", &text::escaped(&names))
        .replace("PAGES", &(end / text::PAGE + 1).to_string());
    text::parse("guard", &text)
}
