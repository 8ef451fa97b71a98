//! Where a service's component comes from.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::load::joined;
use super::{Invalid, Reference};

/// A file, or a component in a registry and the file where it is kept once it was
/// pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentSource {
    /// It need not exist yet, since `build` may make it.
    File(PathBuf),
    /// What this means at the time is noted in the lock file.
    Registry {
        /// Where others have it.
        reference: Reference,
        /// Where it is kept.
        file: PathBuf,
    },
}

impl ComponentSource {
    /// Reads what a manifest says whose folder, and that of what was pulled for it, are
    /// these.
    pub(super) fn parse(text: &str, dir: &Path, pulled: &Path) -> Result<ComponentSource, Invalid> {
        if !Reference::is_meant(text) {
            return Ok(ComponentSource::File(joined(dir, text)));
        }
        let reference = Reference::parse(text)?;
        // By its hash: as it is, a reference may be longer than a file's name, or
        // need a folder where another needs a file.
        let name = Sha256::digest(reference.to_string());
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(ComponentSource::Registry { reference, file: pulled.join(format!("{name}.wasm")) })
    }

    /// The file that is read.
    pub fn file(&self) -> &Path {
        match self {
            ComponentSource::File(file) | ComponentSource::Registry { file, .. } => file,
        }
    }

    /// The reference, if it comes from a registry.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            ComponentSource::File(_) => None,
            ComponentSource::Registry { reference, .. } => Some(reference),
        }
    }
}

/// As people know it.
impl fmt::Display for ComponentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComponentSource::File(file) => write!(f, "{}", file.display()),
            ComponentSource::Registry { reference, .. } => write!(f, "{reference}"),
        }
    }
}
