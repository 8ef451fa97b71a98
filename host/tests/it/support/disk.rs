//! A disk that loses its power with the host that writes to it, or that lies to it.

use std::{
    fs,
    fs::File,
    hash::{BuildHasher, RandomState},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use tempfile::TempDir;

use super::{Host, preload, up};

/// What a disk keeps or loses as a whole.
const SECTOR: usize = 512;

/// The disk of an app's folder `data`. What of it was synced is kept track of by
/// `tests/disk/shim.rs`, which is loaded into the host.
pub struct Disk {
    data: PathBuf,
    synced: TempDir,
    lies_about: Option<&'static str>,
}

/// What becomes of that which was written and not synced when the power fails.
#[derive(Clone, Copy, Debug)]
pub enum Unsynced {
    /// All of it is lost.
    Lost,
    /// Some sectors are kept: a disk writes when, and in what order, it likes.
    SomeKept,
}

/// As long as this is there, no sync ends.
pub struct Held(File);

impl Disk {
    /// One that keeps what it says.
    pub fn of(folder: &Path) -> Disk {
        let data = folder.join("data");
        fs::create_dir_all(&data).expect("the folder is ours");
        let data = data.canonicalize().expect("it is there");
        Disk { data, synced: tempfile::tempdir().expect("a temporary folder"), lies_about: None }
    }

    /// One that does not sync files whose names end so, and says that it did.
    pub fn lying_about(folder: &Path, end: &'static str) -> Disk {
        Disk { lies_about: Some(end), ..Disk::of(folder) }
    }

    /// Serve the folder's manifest from this disk.
    pub fn up(&self) -> Host {
        let folder = self.data.parent().expect("it is in a folder");
        let mut up = up(folder);
        up.env("LD_PRELOAD", shim()).env("DISK_WRITTEN", &self.data).env("DISK_SYNCED", self.synced.path());
        if let Some(end) = self.lies_about {
            up.env("DISK_LIES", end);
        }
        Host::start(up.stderr(Stdio::piped()))
    }

    /// Let no sync end from now on.
    pub fn hold(&self) -> Held {
        let hold = File::options().create(true).append(true).open(self.synced.path().join(".hold"));
        let hold = hold.expect("the folder is ours");
        hold.lock().expect("it can be locked");
        Held(hold)
    }

    /// Leave what a host, which was killed, finds when the power comes back.
    pub fn cut_power(&self, unsynced: Unsynced) {
        let files = fs::read_dir(&self.data).expect("the folder is there").map(|file| file.expect("an entry").path());
        for written in files.collect::<Vec<_>>() {
            let name = written.file_name().expect("a file has a name");
            if name.as_encoded_bytes().ends_with(b"-shm") {
                fs::remove_file(&written).expect("it is ours");
                continue;
            }
            let synced = self.synced.path().join(name);
            let kept = match (fs::read(&synced), unsynced) {
                (Ok(kept), Unsynced::Lost) => Some(kept),
                (Ok(kept), Unsynced::SomeKept) => Some(mixed(kept, &fs::read(&written).expect("it can be read"))),
                (Err(error), _) if error.kind() == io::ErrorKind::NotFound => None,
                (Err(error), _) => panic!("{}: {error}", synced.display()),
            };
            match kept {
                None => fs::remove_file(&written).expect("it is ours"),
                Some(kept) => [&written, &synced].into_iter().for_each(|file| fs::write(file, &kept).expect("room")),
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.unlock().expect("it was locked");
    }
}

/// Each sector as it was synced or as it was written later, and one of the two lengths.
fn mixed(mut kept: Vec<u8>, written: &[u8]) -> Vec<u8> {
    let toss = || RandomState::new().hash_one(0).is_multiple_of(2);
    if toss() {
        kept.resize(written.len(), 0);
    }
    for (sector, written) in kept.chunks_mut(SECTOR).zip(written.chunks(SECTOR)) {
        if sector.len() == written.len() && sector != written && toss() {
            sector.copy_from_slice(written);
        }
    }
    kept
}

/// The library, built by the first who asks.
fn shim() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| preload::build("disk"))
}
