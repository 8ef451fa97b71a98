//! A file with something that others must not know, or not change.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// What is wrong with a file, as the rest of a sentence that begins with it, and what would be
/// right.
pub type Wrong = (String, String);

/// Those bits of a file's mode that let everybody read it. Groups are for those who may.
const EVERYBODY: u32 = 0o004;

/// All that is in a file of at most so many bytes.
pub fn read(file: &Path, longest: u64) -> Result<Vec<u8>, Wrong> {
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => {
            wrong("is not there", "write the path of a file that is, seen from the manifest's folder")
        }
        _ => wrong(format!("cannot be read: {error}"), "let this account read it"),
    };
    let found = fs::metadata(file).map_err(unreadable)?;
    if found.is_dir() {
        return Err(wrong("is a folder", "name a file in it"));
    }
    // To open a pipe would wait for a writer.
    if !found.is_file() {
        return Err(wrong("is no file", "name a file"));
    }
    let mut text = Vec::new();
    File::open(file).and_then(|opened| opened.take(longest + 1).read_to_end(&mut text)).map_err(unreadable)?;
    match text.len() as u64 > longest {
        true => Err(wrong(format!("is longer than {}", shown(longest)), "leave in it what is needed")),
        false => Ok(text),
    }
}

/// Whether whoever is on this machine may read a file.
pub fn is_open_to_all(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.permissions().mode() & EVERYBODY != 0)
}

/// What is wrong, and what would be right.
pub fn wrong(reason: impl Into<String>, help: &str) -> Wrong {
    (reason.into(), help.to_owned())
}

fn shown(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}
