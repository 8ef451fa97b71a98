//! A folder that the gateway serves.

use std::{fmt, path::PathBuf};

use http::HeaderValue;

/// The `files` of a route, which ends with `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesManifest {
    /// As it was written.
    pub text: String,
    /// The folder, joined to the manifest's.
    pub folder: PathBuf,
    /// The file in it that is the answer where there is none of a page's name.
    pub fallback: Option<String>,
    /// What caches are told, but of pages.
    pub cache_control: Option<HeaderValue>,
}

impl fmt::Display for FilesManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files {}", self.text)
    }
}
