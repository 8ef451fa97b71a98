//! What answers a route in place of a service.

use std::fmt;

use super::{FilesManifest, Moved};

/// What the gateway answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Where else to ask.
    Moved(Moved),
    /// What is in a folder.
    Files(FilesManifest),
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Moved(moved) => moved.fmt(f),
            Content::Files(files) => files.fmt(f),
        }
    }
}
