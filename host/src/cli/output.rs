//! Where a verb writes what it makes.
//!
//! Each file that a verb is told to write is written through here: never over something
//! that the app is made of, and over anything else whole or not at all.

use std::{
    fs::File,
    io::{IsTerminal, Write, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::{belongings::Belongings, stdout::print_whole};
use crate::registry;

/// The permissions of an ordinary file.
const MODE: u32 = 0o666;

/// Where bytes go.
pub enum Output {
    /// Into a file, in the place of what is there.
    File(PathBuf),
    /// To whoever reads them: a pipe that has a path, a device.
    Stream(PathBuf),
    /// To standard output.
    Stdout,
}

impl Output {
    /// What a path means, `-` standard output. Whatever can be told to fail is told here,
    /// before anything is built.
    pub fn of(path: &Path, belongings: &Belongings) -> Result<Output> {
        if is_stdout(path) {
            if stdout().is_terminal() {
                bail!("a component is not for a terminal; write it to a file by `-o FILE`, or into a pipe");
            }
            return Ok(Output::Stdout);
        }
        if path.is_dir() {
            bail!("`{0}` is a folder; write a file in it, as in `-o {0}/NAME`", path.display());
        }
        belongings.refuse(path)?;
        if is_open(path) || path.metadata().is_ok_and(|found| !found.is_file()) {
            return Ok(Output::Stream(path.to_owned()));
        }
        has_folder(path)?;
        Ok(Output::File(path.to_owned()))
    }

    /// Write them all. Who reads a file meanwhile sees the old one or the new one, and
    /// where this fails the old one is there.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Output::Stdout => print_whole(bytes),
            Output::Stream(path) => {
                let written = File::options().write(true).open(path).and_then(|mut stream| stream.write_all(bytes));
                written.with_context(|| unwritten(path))
            }
            Output::File(path) => registry::write_whole(path, bytes, MODE).with_context(|| unwritten(path)),
        }
    }
}

/// Whether a path means standard output.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

/// Whether what has this name is open, whatever it is: nothing can take its place.
fn is_open(path: &Path) -> bool {
    let is_numbered = path.parent().is_some_and(|folder| folder.ends_with("fd"));
    path == Path::new("/dev/stderr") || is_numbered && (path.starts_with("/dev") || path.starts_with("/proc"))
}

/// Refuses a file for which there is no folder, and what would be one itself.
pub fn has_folder(path: &Path) -> Result<()> {
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        bail!("`{0}` would be a folder; write a file in one that is there, or leave out the `/`", path.display());
    }
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    match folder.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => bail!("{}: `{}` is no folder, but a file", unwritten(path), folder.display()),
        Err(_) => bail!("{}: there is no folder `{}`", unwritten(path), folder.display()),
    }
}

fn unwritten(path: &Path) -> String {
    format!("`{}` cannot be written", path.display())
}
