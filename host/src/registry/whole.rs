//! Files that are on the disk whole, or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Put a file in the place of what has its name. With its name it is on the disk
/// when this returns. Of the permissions in `mode` the umask takes some, as usual.
pub fn write(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // Of its own for each process: two may write the same file.
    let unfinished = file.with_added_extension(format!("{}.tmp", std::process::id()));
    let written = File::options().write(true).create(true).truncate(true).mode(mode).open(&unfinished);
    let written = written.and_then(|mut written| {
        written.write_all(bytes)?;
        written.sync_all()?;
        fs::rename(&unfinished, file)
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
