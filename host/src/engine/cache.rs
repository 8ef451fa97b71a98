//! Compiled code kept on disk, so that a restart, or a swap to what was live
//! before, need not compile again.
//!
//! An entry is one file, named by the component's digest and by the engine's
//! settings: for another wasmtime or other settings there is none. It holds
//! [`MARK`], a [`seal`] and the code. Whatever is wrong with an entry, it is
//! ignored, and the next [`CodeCache::put`] replaces it. A cache never fails its
//! caller: at worst it keeps nothing.

use std::{
    hash::{Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

use self::folder::{Bounds, Folder};
use crate::private::{NotPrivate, is_unwritable};

mod folder;
#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests;

/// What an entry begins with. The number is that of the format.
const MARK: &[u8] = b"dovetail code 1\n";

/// Bytes of a SHA-256.
const SEAL: usize = 32;

/// What a cache may hold, but for [`CodeCache::make_room`]. The shop's compiled code
/// is three times as large as its components, half a MiB each: the entries are three
/// revisions of some eighty such services. The bytes keep a few components of an
/// interpreted language, which are a hundred times as large, from filling a disk.
/// What is removed is compiled again when it is needed.
const BOUNDS: Bounds = Bounds { entries: 256, bytes: 1 << 30 };

/// How many revisions of each service there is room for.
const REVISIONS: usize = 3;

/// Compiled code kept on disk by digest and engine settings. It may be shared by
/// threads, and its folder by processes.
#[derive(Debug)]
pub struct CodeCache {
    /// Replaced by one that is made anew if it was removed.
    folder: Option<ArcSwap<Folder>>,
    /// The most entries.
    entries: AtomicUsize,
    /// Whether it is told what could not be read or kept.
    tells: bool,
}

/// Why a folder is no place for compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It could not be made or opened.
    #[error(
        "the folder {path:?} cannot be used for compiled code; make room for it, or name another folder with `--state DIR`"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could put code there that the host would run.
    #[error(transparent)]
    NotPrivate(#[from] NotPrivate),
}

impl CodeCache {
    /// A cache in this folder, which is made with mode 0700 if it is missing.
    /// Refused unless it belongs to this process's user and nobody else may write
    /// in it. Where this process may not make it, nothing is kept.
    pub fn open(dir: &Path) -> Result<CodeCache, CacheError> {
        match Folder::open(dir) {
            Err(CacheError::Folder { source, .. }) if is_unwritable(&source) => Ok(CodeCache::none()),
            opened => Ok(CodeCache { folder: Some(ArcSwap::from_pointee(opened?)), ..CodeCache::none() }),
        }
    }

    /// A cache in this folder if there can be one, for who does as well without: what
    /// cannot be made, read or written is not told. Refused only if others could put code
    /// there, which whoever serves from it must know.
    pub fn if_possible(dir: &Path) -> Result<CodeCache, NotPrivate> {
        match CodeCache::open(dir) {
            Ok(cache) => Ok(CodeCache { tells: false, ..cache }),
            Err(CacheError::NotPrivate(error)) => Err(error),
            Err(CacheError::Folder { .. }) => Ok(CodeCache::none()),
        }
    }

    /// A cache that keeps nothing.
    pub fn none() -> CodeCache {
        CodeCache { folder: None, entries: AtomicUsize::new(BOUNDS.entries), tells: true }
    }

    /// Have room for so many services. With less an app would at each start compile
    /// what the last one removed.
    pub fn make_room(&self, services: usize) {
        self.entries.fetch_max(services.saturating_mul(REVISIONS), Ordering::Relaxed);
    }

    /// The compiled code of the component with this digest, if it is there and
    /// whole.
    pub(super) fn get(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let folder = self.folder.as_ref()?.load();
        let name = entry_name(engine, digest)?;
        let found = match folder.read(&name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => Err(error.into()),
            Ok(entry) => load(engine, &name, &entry),
        };
        let tell = |error: &wasmtime::Error| {
            if self.tells {
                tracing::warn!("compiled code in {} is ignored: {error:#}", folder.show(&name));
            }
        };
        found.inspect_err(tell).ok()
    }

    /// Keep the compiled code of the component with this digest.
    pub(super) fn put(&self, engine: &Engine, digest: &str, component: &Component) {
        let (Some(folder), Some(name)) = (&self.folder, entry_name(engine, digest)) else { return };
        let put = || -> wasmtime::Result<()> {
            let code = component.serialize()?;
            let parts: [&[u8]; 3] = [MARK, &seal(&name, &code), &code];
            match folder.load().write(&name, &parts) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Somebody cleared what can be made again, and the folder with it.
                    folder.store(Arc::new(folder.load().again()?));
                    folder.load().write(&name, &parts)?;
                }
                written => written?,
            }
            let entries = self.entries.load(Ordering::Relaxed);
            Ok(folder.load().tidy(&name, Bounds { entries, ..BOUNDS })?)
        };
        match put() {
            Err(error) if error.downcast_ref().is_some_and(is_unwritable) => {
                tracing::debug!("compiled code is not kept in {}: {error:#}", folder.load().show(&name));
            }
            Err(error) if self.tells => {
                tracing::warn!("compiled code could not be kept in {}: {error:#}", folder.load().show(&name));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// The component whose compiled code an entry holds.
#[expect(unsafe_code, reason = "wasmtime cannot tell whether compiled code does what its compiler would have made")]
fn load(engine: &Engine, name: &str, entry: &[u8]) -> wasmtime::Result<Component> {
    let code = unseal(name, entry).ok_or_else(|| wasmtime::Error::msg("it is damaged, or of another format"))?;
    // SAFETY: `deserialize` wants the unmodified output of `Component::serialize`,
    // of any version of wasmtime, and is safe with that. This is such output:
    // - Nobody but this process's user (and root, who may do anything to it
    //   anyway) could write it. The folder belongs to this user and nobody else
    //   may write in it: that was seen on an open handle, by which all its files
    //   are reached, so no other folder can take its place. The file is no link,
    //   belongs to this user, and nobody else may write it.
    // - What this user's processes write under such a name is `put`'s: output of
    //   `serialize` behind a mark and a seal.
    // - It is whole and what was written under this name: `unseal` compared
    //   the seal, a SHA-256 of the name and the code. A file that was torn,
    //   damaged or renamed does not get here.
    // - It cannot change any more: `code` is a copy in memory, and wasmtime makes
    //   its own of it. (Mapping the file, as `deserialize_file` does, would be as
    //   safe only for as long as nobody writes to it.)
    // That it was made by this wasmtime with these settings is in the name, whose
    // second half is a hash of both; and `deserialize` compares them itself and
    // answers with an error if they differ.
    unsafe { Component::deserialize(engine, code) }
}

/// The code in an entry, if it is what was written under this name.
fn unseal<'a>(name: &str, entry: &'a [u8]) -> Option<&'a [u8]> {
    let (found, code) = entry.strip_prefix(MARK)?.split_first_chunk::<SEAL>()?;
    (seal(name, code) == *found).then_some(code)
}

/// Ties code to the name under which it is kept.
fn seal(name: &str, code: &[u8]) -> [u8; SEAL] {
    Sha256::new().chain_update(name).chain_update(code).finalize().into()
}

/// The name of an entry; none for a digest that is not in hexadecimal, and might
/// lead out of the folder.
fn entry_name(engine: &Engine, digest: &str) -> Option<String> {
    let mut settings = SettingsHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let name = format!("{digest}-{}{}", hex(&settings.0.finalize()), folder::ENTRY);
    folder::is_entry(&name).then_some(name)
}

/// Hashes an engine's settings. The standard library's own hasher may change
/// with its version, and has 64 bits.
struct SettingsHasher(Sha256);

impl Hasher for SettingsHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.clone().finalize().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
