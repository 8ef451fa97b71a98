//! The file with a server's password, which nobody else may read.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// Those bits of a file's mode that let others than its owner use it.
const OTHERS: u32 = 0o077;

/// What is in the file. The error names it and says what is wrong.
pub fn read(path: &Path) -> io::Result<String> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("the password file {path:?} {error}"));
    read_private(path).map_err(named)
}

fn read_private(path: &Path) -> io::Result<String> {
    let unreadable = |error: io::Error| io::Error::new(error.kind(), format!("cannot be read: {error}"));
    // To open a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(io::Error::other("is no file"));
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        let said = format!("is open to others than its owner (its mode is {:03o}); run chmod 600 on it", mode & 0o777);
        return Err(io::Error::other(said));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
