//! The part of a path behind its question mark.

use std::collections::BTreeSet;

/// The keys of a query with their values, as they were sent.
pub fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Refuses a parameter that is there more than once, and any where none is taken: whoever
/// sends one means something by it, and would not learn that something else was done.
pub fn check(query: &str, takes_some: bool) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (key, _) in parameters(query) {
        if !takes_some {
            return Err(format!("there is no parameter {key:?}; this takes none"));
        }
        if !seen.insert(key) {
            return Err(format!("{key} is there more than once"));
        }
    }
    Ok(())
}
