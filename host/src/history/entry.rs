//! One line of a service's history.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The longest `by`, in characters: whoever swaps names himself, and is written
/// down with every change of any service.
const BY: usize = 200;

/// A component that was made live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number, counted from 1 for each service.
    pub revision: u64,
    /// The component's SHA-256, in lowercase hexadecimal digits.
    pub digest: String,
    /// The component's length in bytes.
    pub size: u64,
    /// When it was made live.
    pub since: Timestamp,
    /// Who made it live; what goes beyond 200 characters is cut off.
    pub by: String,
    /// What made it live.
    pub how: How,
}

/// What makes a component live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It is the manifest's file.
    Manifest,
    /// Somebody put it in place of another.
    Swap,
    /// It was live before, and somebody took back what replaced it.
    Rollback,
    /// It had a share of the calls first, and did well.
    Canary,
}

/// As it is recorded.
impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Manifest => "manifest",
            How::Swap => "swap",
            How::Rollback => "rollback",
            How::Canary => "canary",
        })
    }
}

impl Entry {
    /// Live from now on, its number still to be given.
    pub(super) fn new(digest: String, size: u64, by: &str, how: How) -> Entry {
        Entry { revision: 0, digest, size, since: Timestamp::now(), by: by.chars().take(BY).collect(), how }
    }
}
