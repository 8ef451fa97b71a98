//! What was read of files, until they are others.

use std::{fmt, fs, mem, os::unix::fs::MetadataExt, path::Path, sync::Arc};

/// Files, and what is made of them.
pub trait Source {
    /// What is made of them.
    type Read;

    /// What may be wrong with them. It says nothing of what is in them.
    type Defect: fmt::Display;

    /// The files.
    fn files(&self) -> Vec<&Path>;

    /// Make it, if they are good.
    fn read(&self) -> Result<Self::Read, Self::Defect>;

    /// What there is before they are good for the first time, if that may take a while.
    fn before(&self) -> Option<Self::Read> {
        None
    }

    /// Who has what is new, as the rest of a sentence.
    fn effect(&self) -> String;
}

/// What was last good of some files.
pub struct Kept<S: Source> {
    source: S,
    now: Arc<S::Read>,
    /// The files as they were when they were read last, with whatever outcome.
    read: Vec<Option<Stamp>>,
    /// The files as they were when they were looked at last.
    seen: Vec<Option<Stamp>>,
    /// What was said of them, if they are no good.
    refused: Option<String>,
}

/// What tells a file from what was there before: device, number, length, and when it was
/// written, in seconds and nanoseconds. A link is followed, so that it is another file's when
/// the link of a folder above it is swapped.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(u64, u64, u64, i64, i64);

impl<S: Source> Kept<S> {
    /// Read for the first time. Where files may be missing for a while, that is no defect.
    pub fn open(source: S) -> Result<Kept<S>, S::Defect> {
        let stamps = stamps(&source);
        let (now, refused) = match (source.read(), source.before()) {
            (Ok(now), _) => (now, None),
            (Err(defect), Some(before)) => (before, Some(defect.to_string())),
            (Err(defect), None) => return Err(defect),
        };
        Ok(Kept { source, now: Arc::new(now), read: stamps.clone(), seen: stamps, refused })
    }

    /// What was good last.
    pub fn now(&self) -> Arc<S::Read> {
        self.now.clone()
    }

    /// Where it is from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Read again, if the files are others than those that were read, and stay as they are from
    /// one look to the next: who writes several takes a while. Those that are no good are tried
    /// again as they are, for a day may come before which they were not, or a permission.
    /// Whether there is something new.
    pub fn look(&mut self) -> bool {
        let found = stamps(&self.source);
        let is_still = mem::replace(&mut self.seen, found.clone()) == found;
        if !is_still || (found == self.read && self.refused.is_none()) {
            return false;
        }
        self.read = found;
        match self.source.read() {
            Ok(read) => {
                self.now = Arc::new(read);
                self.refused = None;
                tracing::info!("{} changed: {}", self.named(), self.source.effect());
                true
            }
            Err(defect) => {
                let defect = defect.to_string();
                if self.refused.as_ref() != Some(&defect) {
                    tracing::warn!(
                        "{} changed, and cannot be used: {defect}. What was there goes on serving",
                        self.named()
                    );
                    self.refused = Some(defect);
                }
                false
            }
        }
    }

    fn named(&self) -> String {
        let mut files = self.source.files();
        files.dedup();
        files.iter().map(|file| format!("`{}`", file.display())).collect::<Vec<_>>().join(" or ")
    }
}

/// The files as they are, those apart that are not there.
fn stamps<S: Source>(source: &S) -> Vec<Option<Stamp>> {
    let stamp = |file: &Path| {
        let found = fs::metadata(file).ok()?;
        Some(Stamp(found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    };
    source.files().into_iter().map(stamp).collect()
}
