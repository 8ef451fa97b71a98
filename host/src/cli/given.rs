//! A component that a verb is given.

use std::{fmt, path::PathBuf};

use anyhow::Result;
use bytes::Bytes;

use super::{
    client::component,
    registries::{Registries, explained},
    terminal::Terminal,
};
use crate::manifest::{Invalid, Reference};

/// A file, or a reference to a registry.
#[derive(Clone)]
pub enum Given {
    /// A file.
    File(PathBuf),
    /// Taken as it is when it is read: the lock file is the manifest's.
    Reference(Reference),
}

impl Given {
    /// Reads an argument.
    pub fn parse(text: &str) -> Result<Given, Invalid> {
        match Reference::is_meant(text) {
            true => Reference::parse(text).map(Given::Reference),
            false => Ok(Given::File(text.into())),
        }
    }

    /// The component's bytes.
    pub fn read(&self, terminal: &Terminal) -> Result<Bytes> {
        let reference = match self {
            Given::File(file) => return component(file),
            Given::Reference(reference) => reference,
        };
        let registries = Registries::new(terminal)?;
        let artifact = registries.resolve(reference).map_err(explained)?;
        registries.component(reference.name().repository(), reference, &artifact).map_err(explained)
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::File(file) => write!(f, "{}", file.display()),
            Given::Reference(reference) => write!(f, "{reference}"),
        }
    }
}
