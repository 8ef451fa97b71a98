//! Files that are on the disk whole, or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

/// A file beside the one whose place it takes once it is whole. Until then that one is as
/// it was; what is not finished is removed.
pub struct Unfinished {
    path: PathBuf,
    file: File,
    /// What it replaces: where there is a link, the file that this leads to.
    target: PathBuf,
}

/// Put a file in the place of what has its name: see [`Unfinished`].
pub fn write(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut unfinished = Unfinished::beside(file, mode)?;
    unfinished.file().write_all(bytes)?;
    unfinished.finish()
}

impl Unfinished {
    /// An empty file in the folder of `file`. It has the owner and the permissions of the
    /// one that it is to replace; where there is none those of `mode`, of which the umask
    /// takes some, as usual.
    pub fn beside(file: &Path, mode: u32) -> io::Result<Unfinished> {
        let before = match fs::metadata(file) {
            Ok(before) => Some(before),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) if file.is_symlink() => {
                return Err(io::Error::new(io::ErrorKind::NotFound, "it is a link to nothing"));
            }
            Err(_) => None,
        };
        let target = if before.is_some() { fs::canonicalize(file)? } else { file.to_owned() };
        if before.is_some() {
            // Who may not write to a file may not replace it, though the folder be theirs.
            File::options().write(true).open(&target)?;
        }
        let Some(name) = target.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file"));
        };
        // Of its own for each process: two may write the same file.
        let own = format!(".{}.{}.tmp", name.display(), std::process::id());
        let path = target.with_file_name(own);
        // One that was killed may have had this number.
        let _ = fs::remove_file(&path);
        let created = File::options().write(true).create_new(true).mode(mode).open(&path)?;
        let unfinished = Unfinished { path, file: created, target };
        if let Some(before) = before {
            // Only root may give a file away.
            let _ = fchown(&unfinished.file, Some(before.uid()), Some(before.gid()));
            unfinished.file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))?;
        }
        Ok(unfinished)
    }

    /// What is to be written.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Its path, for who opens it anew.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Take the place. With its name it is on the disk when this returns.
    pub fn finish(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It has its name, if it is not there.
        let _ = fs::remove_file(&self.path);
    }
}
