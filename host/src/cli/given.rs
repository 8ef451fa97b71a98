//! A component that a verb is given.

use std::{
    fmt,
    fs::File,
    io::{self, IsTerminal},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;

use super::{
    registries::{Registries, explained},
    terminal::Terminal,
};
use crate::{
    app::{self, Contents, Unreadable},
    manifest::{Invalid, Reference},
};

/// A file, standard input, or a reference to a registry.
#[derive(Clone)]
pub enum Given {
    /// A file.
    File(PathBuf),
    /// Standard input, which is written `-`.
    Stdin,
    /// Taken as it is when it is read: the lock file is the manifest's.
    Reference(Reference),
}

impl Given {
    /// Reads an argument.
    pub fn parse(text: &str) -> Result<Given, Invalid> {
        match text {
            "" => Err(Invalid { reason: "is empty".to_owned(), help: "name the component's file".to_owned() }),
            "-" => Ok(Given::Stdin),
            text if Reference::is_meant(text) => Reference::parse(text).map(Given::Reference),
            text => Ok(Given::File(text.into())),
        }
    }

    /// The component's bytes, if they are on this machine: what is wrong with them is told
    /// before anybody is asked for anything.
    pub fn at_hand(&self) -> Result<Option<Bytes>> {
        match self {
            Given::File(file) => component(file).map(Some),
            Given::Stdin if io::stdin().is_terminal() => {
                bail!("a component is not for a keyboard; name its file, or pipe it into standard input")
            }
            Given::Stdin | Given::Reference(_) => Ok(None),
        }
    }

    /// The component's bytes.
    pub fn read(&self, terminal: &Terminal) -> Result<Bytes> {
        if let Some(bytes) = self.at_hand()? {
            return Ok(bytes);
        }
        let Given::Reference(reference) = self else {
            let read = app::read_component_from(io::stdin().lock());
            if matches!(read, Err(Unreadable::Empty)) {
                bail!("standard input is empty; look whether what writes into it did: it is read up to its end");
            }
            return is_one(self, read);
        };
        let registries = Registries::new(terminal)?;
        let artifact = registries.resolve(reference).map_err(explained)?;
        let pulled = registries.component(reference.name().repository(), reference, &artifact).map_err(explained)?;
        is_one(self, Ok(pulled))
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::File(file) => write!(f, "{}", file.display()),
            Given::Stdin => write!(f, "standard input"),
            Given::Reference(reference) => write!(f, "{reference}"),
        }
    }
}

/// The component in a file, or in a pipe that has a path, as `<(…)` has.
pub fn component(file: &Path) -> Result<Bytes> {
    let read = match file.metadata().is_ok_and(|found| found.file_type().is_fifo()) {
        true => File::open(file).map_err(Into::into).and_then(app::read_component_from),
        false => app::read_component(file),
    };
    is_one(&format!("`{}`", file.display()), read)
}

/// What was read of `what`, if it is a component: neither the host nor a registry takes
/// anything else.
fn is_one(what: &impl fmt::Display, read: Result<impl Into<Bytes>, Unreadable>) -> Result<Bytes> {
    let bytes = read.map_err(|unreadable| anyhow!("{what} {unreadable}; {}", unreadable.help()))?.into();
    match Contents::instead(&bytes) {
        Some(Contents { what: contents, help }) => bail!("{what} is {contents}; {help}"),
        None => Ok(bytes),
    }
}
