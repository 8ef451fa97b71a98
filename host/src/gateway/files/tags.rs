//! What tells one content of a file from another: its `ETag`.
//!
//! A tag is of the content, since times do not tell: tools that build the same from the same set
//! them all to one. It is remembered by what the system knows of a file, its last change of any
//! kind included, which no program sets.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use hashlink::LruCache;
use http::HeaderValue;
use sha2::{Digest, Sha256};

/// How many are remembered.
const REMEMBERED: usize = 10_000;

/// Bytes of a file whose content is read for its tag: some 10 ms. The tag of a longer one is of
/// what the system knows of it.
const READ: u64 = 8 << 20;

/// How long ago a file must have changed for its tag to be remembered: clocks of file systems
/// have ticks, and within one a file may change again and look the same.
const SETTLED: Duration = Duration::from_secs(2);

/// The tags of files.
pub struct Tags {
    /// Protects what is remembered; no file is read meanwhile.
    known: Mutex<LruCache<Known, HeaderValue>>,
}

/// What the system knows of a file: where it is, its length, and when it changed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Known([i128; 5]);

impl Tags {
    /// The tag of an open file; `content` is all of it, if that has been read.
    pub fn of(&self, file: &File, metadata: &Metadata, content: Option<&[u8]>) -> io::Result<HeaderValue> {
        let known = Known::of(metadata);
        if let Some(tag) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&known) {
            return Ok(tag.clone());
        }
        let mut digest = Sha256::new();
        match content {
            Some(content) => digest.update(content),
            None if metadata.len() <= READ => read(file, metadata.len(), &mut digest)?,
            None => known.0.iter().for_each(|number| digest.update(number.to_le_bytes())),
        }
        let tag = digest.finalize().iter().take(16).fold(String::from("\""), |tag, byte| tag + &format!("{byte:02x}"));
        let tag = HeaderValue::try_from(tag + "\"").map_err(io::Error::other)?;
        if is_settled(metadata) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(known, tag.clone());
        }
        Ok(tag)
    }
}

impl Default for Tags {
    fn default() -> Tags {
        Tags { known: Mutex::new(LruCache::new(REMEMBERED)) }
    }
}

impl Known {
    fn of(metadata: &Metadata) -> Known {
        let nanoseconds = |seconds: i64, more: i64| i128::from(seconds) * 1_000_000_000 + i128::from(more);
        Known([
            metadata.dev().into(),
            metadata.ino().into(),
            metadata.size().into(),
            nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        ])
    }
}

fn read(file: &File, length: u64, digest: &mut Sha256) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; 64 << 10], 0);
    while at < length {
        let most = buffer.len().min(usize::try_from(length - at).unwrap_or(usize::MAX));
        match file.read_at(&mut buffer[..most], at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                digest.update(&buffer[..count]);
                at += count as u64;
            }
        }
    }
    Ok(())
}

fn is_settled(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime()).map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > SETTLED))
}
