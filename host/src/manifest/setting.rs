//! What a service is told under a key of `config` or `env`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ServiceManifest;

/// A value, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// It stands in the manifest.
    Written(Secret),
    /// It is all that this file has, but for the end of the last line.
    File(PathBuf),
}

/// A text that is nobody's but the service's. It is not shown for debugging.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

/// A file that a setting is in.
#[derive(Clone, Copy, Debug)]
pub struct SettingFile<'a> {
    /// `config` or `env`.
    pub table: &'static str,
    /// The key in it.
    pub key: &'a str,
    /// The file, seen from where the host runs.
    pub path: &'a Path,
}

impl Secret {
    /// The text itself, for the service.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Secret {
    fn from(text: T) -> Secret {
        Secret(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Setting {
    /// The file that it is in, if it is in one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Setting::Written(_) => None,
            Setting::File(path) => Some(path),
        }
    }
}

impl ServiceManifest {
    /// The files that its settings are in.
    pub fn setting_files(&self) -> impl Iterator<Item = SettingFile<'_>> {
        let tables = [("config", &self.config), ("env", &self.env)];
        tables.into_iter().flat_map(|(table, settings)| {
            settings.iter().filter_map(move |(key, setting)| Some(SettingFile { table, key, path: setting.file()? }))
        })
    }
}
