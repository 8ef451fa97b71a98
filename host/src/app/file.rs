//! The file of a component, and what is in its way.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{LARGEST, SMALLER_HELP};
use crate::manifest::{Manifest, Problem, ServiceManifest};

/// Why a component cannot be read, as the rest of a sentence that begins with its file.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing is there.
    #[error("does not exist")]
    Missing,
    /// A link is there, and nothing where it leads.
    #[error("is a link to `{}`, which does not exist", .0.display())]
    Dangling(PathBuf),
    /// A folder is there.
    #[error("is a folder")]
    Folder,
    /// Something is there that can be read once, or never ends.
    #[error("is no file, but a pipe, a socket or a device")]
    Special,
    /// It is there, and not for this account.
    #[error("may not be read by this account")]
    Denied,
    /// What is in this folder is not for this account.
    #[error("is in `{}`, where this account may not look", .0.display())]
    Closed(PathBuf),
    /// A file is there, and the path leads over it as if it were a folder.
    #[error("leads over `{}`, which is a file", .0.display())]
    BelowFile(PathBuf),
    /// It is larger than [`LARGEST`].
    #[error("is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// The disk fails, or who wrote into a pipe.
    #[error("cannot be read: {0}")]
    Failed(#[from] io::Error),
}

/// Read a component's file.
pub fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let found = fs::metadata(path).map_err(|error| unreachable(path, error))?;
    match found.file_type() {
        kind if kind.is_dir() => Err(Unreadable::Folder),
        // To open a pipe would wait for who writes.
        kind if !kind.is_file() => Err(Unreadable::Special),
        _ => read_from(File::open(path).map_err(|error| denied(error, || Unreadable::Denied))?),
    }
}

/// Read a component to its end.
pub fn read_from(from: impl Read) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    // One byte more tells that there is more: what is large is not read whole.
    from.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() {
        0 => Err(Unreadable::Empty),
        length if length > LARGEST => Err(Unreadable::TooLarge),
        _ => Ok(bytes),
    }
}

impl Unreadable {
    /// What would be right, where that does not depend on how the file is made.
    pub fn help(&self) -> &'static str {
        match self {
            Unreadable::Missing => "make it, or name another file",
            Unreadable::Dangling(_) => "make the file that the link leads to, or name another",
            Unreadable::Folder | Unreadable::Special | Unreadable::BelowFile(_) => "name the component's file",
            Unreadable::Denied | Unreadable::Closed(_) => "let this account read it, or run this as one that may",
            Unreadable::TooLarge => SMALLER_HELP,
            Unreadable::Empty => "build it again",
            Unreadable::Failed(_) => {
                "look whether `cat` can read it; if the disk fails, which `dmesg` tells, build it again on another"
            }
        }
    }

    /// The problem of a service whose component this is.
    pub fn of(&self, manifest: &Manifest, service: &ServiceManifest) -> Problem {
        let (name, path) = (&service.name, service.component.file().display());
        let is_there = matches!(self, Unreadable::Denied | Unreadable::Closed(_) | Unreadable::Failed(_));
        let title = match self {
            Unreadable::TooLarge => format!("the component of service `{name}` {self}"),
            _ if is_there => format!("the component of service `{name}` cannot be read"),
            _ => format!("service `{name}` has no component"),
        };
        let help = if is_there || matches!(self, Unreadable::TooLarge) {
            self.help().to_owned()
        } else {
            self.help_to_make(service)
        };
        let problem = manifest.problem(name, Some("component"), title, help);
        if matches!(self, Unreadable::TooLarge) { problem } else { problem.label(format!("`{path}` {self}")) }
    }

    /// What would make the file.
    fn help_to_make(&self, service: &ServiceManifest) -> String {
        let name = &service.name;
        match &service.build {
            _ if service.component.reference().is_some() => "pull it again with `dovetail build`".to_owned(),
            Some(build) => {
                let makes = if matches!(self, Unreadable::Empty) { "made it so" } else { "did not make it" };
                format!("its build command, `{build}`, {makes}: mend that, or write the path of what it makes")
            }
            None if matches!(self, Unreadable::Folder | Unreadable::Special | Unreadable::BelowFile(_)) => {
                "write the path of the component's file".to_owned()
            }
            None if matches!(self, Unreadable::Empty) => "build it again: nothing is in it".to_owned(),
            None => format!("make that file, or add a build command to `[service.{name}]`: `build = \"…\"`"),
        }
    }
}

/// Why nothing is found at a path.
fn unreachable(path: &Path, error: io::Error) -> Unreadable {
    if error.kind() == ErrorKind::NotFound {
        return match fs::read_link(path) {
            Ok(to) => Unreadable::Dangling(to),
            Err(_) => Unreadable::Missing,
        };
    }
    if error.kind() == ErrorKind::NotADirectory {
        // Without a slash at its end.
        let path: PathBuf = path.components().collect();
        let file = path.ancestors().find(|above| fs::metadata(above).is_ok_and(|found| !found.is_dir()));
        return file.map_or_else(|| error.into(), |file| Unreadable::BelowFile(file.to_owned()));
    }
    // The first folder in which nothing may be looked for.
    let closed = path.ancestors().skip(1).find(|folder| fs::metadata(folder).is_ok());
    denied(error, || Unreadable::Closed(closed.unwrap_or(Path::new(".")).to_owned()))
}

fn denied(error: io::Error, what: impl FnOnce() -> Unreadable) -> Unreadable {
    if error.kind() == ErrorKind::PermissionDenied { what() } else { error.into() }
}
