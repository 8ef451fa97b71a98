//! Header fields that a route's policy sets in answers, and takes out of them.

use http::HeaderMap;

use crate::manifest::HeaderChanges;

/// Change the head of an answer.
pub fn apply(changes: &HeaderChanges, headers: &mut HeaderMap) {
    for name in &changes.remove {
        headers.remove(name);
    }
    for (name, value) in &changes.set {
        headers.insert(name.clone(), value.clone());
    }
}
