//! A disk that can lose its power, for a process that this library is preloaded into.
//!
//! What the process writes to files in the folder `DISK_WRITTEN` goes there, and is
//! noted. When it syncs such a file, what was noted of it is written to the file of that
//! name in the folder `DISK_SYNCED`, too. So the second folder has what a disk would have
//! kept at least, whenever the power fails; the first has what it may have kept. To
//! delete a file is taken for durable at once.
//!
//! While somebody holds a lock on the file `.hold` beside what is synced, syncs wait. A
//! sync of a file whose name ends in `DISK_LIES` does nothing and says that it did.
//!
//! What goes to a file by a mapping is not noted: of SQLite's files that is the `-shm`
//! alone, which it makes anew after a crash.

#[macro_use]
mod real;

use std::collections::HashMap;
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

static DISK: LazyLock<Option<Disk>> = LazyLock::new(Disk::new);

struct Disk {
    written: PathBuf,
    synced: PathBuf,
    lies: Option<OsString>,
    /// What was written since the last sync, by the name of the file. Held while a
    /// change is made, so that they are noted in their order.
    noted: Mutex<HashMap<OsString, Vec<Change>>>,
}

enum Change {
    /// These bytes, at this place.
    Write(u64, Vec<u8>),
    /// The length.
    Resize(u64),
}

impl Disk {
    fn new() -> Option<Disk> {
        let folder = |name| std::env::var_os(name).map(PathBuf::from);
        let (written, synced) = (folder("DISK_WRITTEN")?, folder("DISK_SYNCED")?);
        Some(Disk { written, synced, lies: std::env::var_os("DISK_LIES"), noted: Mutex::default() })
    }

    /// The disk, if the file of this path is on it, and the file's name.
    fn of(path: &Path) -> Option<(&'static Disk, OsString)> {
        let disk = DISK.as_ref()?;
        let name = path.strip_prefix(&disk.written).ok()?.as_os_str();
        // The folder itself is synced for the names in it.
        (!name.is_empty() && !name.as_bytes().ends_with(b"-shm")).then(|| (disk, name.to_owned()))
    }

    fn of_open(file: c_int) -> Option<(&'static Disk, OsString)> {
        DISK.as_ref()?;
        Disk::of(&fs::read_link(format!("/proc/self/fd/{file}")).ok()?)
    }

    fn change(&self, name: OsString, change: impl FnOnce() -> isize, made: impl FnOnce(usize) -> Change) -> isize {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let done = change();
        if let Ok(done) = usize::try_from(done) {
            noted.entry(name).or_default().push(made(done));
        }
        done
    }

    fn sync(&self, name: &OsStr, sync: impl FnOnce() -> c_int) -> c_int {
        let done = sync();
        let is_lie = self.lies.as_ref().is_some_and(|end| name.as_bytes().ends_with(end.as_bytes()));
        if done == 0
            && !is_lie
            && let Err(error) = self.keep(name)
        {
            eprintln!("the test's disk failed: {error}");
            std::process::abort();
        }
        done
    }

    fn keep(&self, name: &OsStr) -> io::Result<()> {
        let hold = File::options().create(true).append(true).open(self.synced.join(".hold"))?;
        hold.lock_shared()?;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let file = File::options().create(true).truncate(false).write(true).open(self.synced.join(name))?;
        for change in noted.remove(name).unwrap_or_default() {
            match change {
                Change::Write(at, bytes) => file.write_all_at(&bytes, at)?,
                Change::Resize(length) => file.set_len(length)?,
            }
        }
        Ok(())
    }

    fn delete(&self, name: &OsStr, delete: impl FnOnce() -> c_int) -> c_int {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.remove(name);
        // It may never have been synced.
        let _ = fs::remove_file(self.synced.join(name));
        delete()
    }
}

macro_rules! pwrite {
    ($name:ident, $text:literal) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(file: c_int, bytes: *const u8, count: usize, at: i64) -> isize {
            let real = real!($text as unsafe extern "C" fn(c_int, *const u8, usize, i64) -> isize);
            // SAFETY: as for the caller.
            let write = || unsafe { real(file, bytes, count, at) };
            let Some((disk, name)) = Disk::of_open(file) else { return write() };
            disk.change(name, write, |done| {
                // SAFETY: the caller has `count` bytes there, of which `done` were written.
                let bytes = unsafe { std::slice::from_raw_parts(bytes, done) };
                Change::Write(at.cast_unsigned(), bytes.to_owned())
            })
        }
    };
}

macro_rules! ftruncate {
    ($name:ident, $text:literal) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(file: c_int, length: i64) -> c_int {
            let real = real!($text as unsafe extern "C" fn(c_int, i64) -> c_int);
            // SAFETY: as for the caller.
            let resize = || unsafe { real(file, length) };
            let Some((disk, name)) = Disk::of_open(file) else { return resize() };
            disk.change(name, || resize() as isize, |_| Change::Resize(length.cast_unsigned())) as c_int
        }
    };
}

macro_rules! sync {
    ($name:ident, $text:literal) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(file: c_int) -> c_int {
            let real = real!($text as unsafe extern "C" fn(c_int) -> c_int);
            // SAFETY: as for the caller.
            let sync = || unsafe { real(file) };
            match Disk::of_open(file) {
                Some((disk, name)) => disk.sync(&name, sync),
                None => sync(),
            }
        }
    };
}

pwrite!(pwrite, c"pwrite");
pwrite!(pwrite64, c"pwrite64");
ftruncate!(ftruncate, c"ftruncate");
ftruncate!(ftruncate64, c"ftruncate64");
sync!(fsync, c"fsync");
sync!(fdatasync, c"fdatasync");

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let real = real!(c"unlink" as unsafe extern "C" fn(*const c_char) -> c_int);
    // SAFETY: as for the caller.
    let (delete, path) = (|| unsafe { real(path) }, unsafe { CStr::from_ptr(path) });
    match Disk::of(Path::new(OsStr::from_bytes(path.to_bytes()))) {
        Some((disk, name)) => disk.delete(&name, delete),
        None => delete(),
    }
}
