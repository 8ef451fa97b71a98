//! The same on the files of this machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::race;
use crate::Error;
use crate::bucket::Bucket;
use crate::disk::{File, Folder};

static NONCES: AtomicU64 = AtomicU64::new(0);

/// A folder that is removed after the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("keyvalue-fs-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder can be made");
        Self(folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct RealFolder(PathBuf);

#[derive(Debug)]
struct RealFile(fs::File);

impl RealFolder {
    fn try_open(&self, name: &str, create: bool) -> std::io::Result<RealFile> {
        fs::OpenOptions::new().read(true).append(true).create(create).open(self.0.join(name)).map(RealFile)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::disk("use", "a file", error)
}

impl Folder for RealFolder {
    type File = RealFile;

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(&self.0).map_err(failed)?;
        entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, name: &str) -> Result<Option<RealFile>, Error> {
        match self.try_open(name, false) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some).map_err(failed),
        }
    }

    fn create(&self, name: &str) -> Result<RealFile, Error> {
        self.try_open(name, true).map_err(failed)
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        fs::rename(self.0.join(from), self.0.join(to)).map_err(failed)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> Result<(), Error> {
        fs::File::open(&self.0).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    fn nonce(&self) -> u64 {
        NONCES.fetch_add(1, SeqCst)
    }
}

impl File for RealFile {
    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        let read = self.0.read_at(&mut bytes, offset).map_err(failed)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        (&self.0).write_all(bytes).map_err(failed)
    }

    fn length(&self) -> Result<u64, Error> {
        Ok(self.0.metadata().map_err(failed)?.len())
    }

    fn sync(&self) -> Result<(), Error> {
        self.0.sync_data().map_err(failed)
    }
}

fn open(folder: &Path) -> RealFolder {
    RealFolder(folder.to_owned())
}

#[test]
fn increments_are_dense_on_real_files() {
    let folder = Temporary::new("counting");
    race::count_densely(1500, 100, || open(&folder.0));
}

#[test]
fn large_values_are_kept_on_real_files() {
    let folder = Temporary::new("large");
    let value = |n: u64| (0..1 << 20).map(|at: u64| (at * n / 7) as u8).collect::<Vec<u8>>();
    race::all_at_once(|n| {
        let mut bucket = Bucket::new(open(&folder.0), 1 << 20);
        bucket.set_many(&[(format!("k{n}"), value(n)), (format!("e{n}"), Vec::new())]).expect("it is set");
    });
    race::all_at_once(|n| {
        let mut bucket = Bucket::new(open(&folder.0), 1 << 20);
        assert_eq!(bucket.get(&format!("k{n}")), Ok(Some(value(n))));
        assert_eq!(bucket.get(&format!("e{n}")), Ok(Some(Vec::new())));
    });
}
