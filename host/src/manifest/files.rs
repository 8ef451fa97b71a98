//! A folder that the gateway serves.

use std::{fmt, path::PathBuf};

use http::HeaderValue;

use super::Invalid;

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

impl FilesManifest {
    /// What is missing of it, if anything is.
    pub(super) fn missing(&self) -> Option<String> {
        if !self.folder.is_dir() {
            return Some(format!("there is no folder `{}`", self.folder.display()));
        }
        let fallback = self.fallback.as_ref().map(|fallback| self.folder.join(fallback));
        let missing = fallback.filter(|fallback| !fallback.is_file());
        missing.map(|fallback| format!("there is no file `{}`", fallback.display()))
    }
}

impl fmt::Display for FilesManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files {}", self.text)
    }
}

/// The path of a file inside of a folder.
pub(super) fn inside(path: &str) -> Result<(), Invalid> {
    let is_name = |name: &str| !name.is_empty() && name != "." && name != "..";
    match path.split('/').all(is_name) {
        true => Ok(()),
        false => {
            Err(Invalid::new("is no file inside of the folder", "write a path without `..`, as in \"index.html\""))
        }
    }
}
