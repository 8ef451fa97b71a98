//! A file that is there.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use http::HeaderValue;
use mime_guess::mime;
use rustix::{fs::OFlags, io::Errno};

use super::tags::Tags;
use crate::manifest::Coding;

/// Bytes of a file that is read at once, with its tag.
const SHORT: u64 = 64 << 10;

/// An open file, and what is said of it.
pub struct Found {
    pub content: Content,
    pub length: u64,
    /// Never in the future.
    pub modified: SystemTime,
    /// Strong.
    pub tag: HeaderValue,
    /// What it is, whatever it is encoded by.
    pub kind: HeaderValue,
    pub coding: Option<Coding>,
    /// Whether others may be answered with another file in its place.
    pub varies: bool,
}

/// What is in a file.
#[derive(Clone)]
pub enum Content {
    /// All of it.
    Read(Bytes),
    /// Still to be read.
    Open(Arc<File>),
}

impl Found {
    /// The file at a path below the folder, or in its place the first of these codings of it
    /// that lies beside it, unless that is older. None if there is no such file.
    pub fn open(folder: &Dir, path: &str, codings: &[Coding], tags: &Tags) -> io::Result<Option<Found>> {
        let Some((file, metadata)) = open(folder, path)? else { return Ok(None) };
        let is_fresh = |(_, other): &(File, Metadata)| {
            other.modified().ok().zip(metadata.modified().ok()).is_some_and(|(other, own)| other >= own)
        };
        let (mut varies, mut encoded) = (false, Vec::new());
        for coding in Coding::ALL {
            let beside = open(folder, &format!("{path}.{}", coding.extension()))?.filter(is_fresh);
            varies |= beside.is_some();
            encoded.extend(beside.map(|beside| (coding, beside)));
        }
        let chosen = codings.iter().find_map(|coding| encoded.iter().position(|(other, _)| other == coding));
        let (coding, (file, metadata)) = match chosen {
            Some(at) => {
                let (coding, beside) = encoded.swap_remove(at);
                (Some(coding), beside)
            }
            None => (None, (file, metadata)),
        };
        Found::of(file, &metadata, (path, coding, varies), tags).map(Some)
    }

    fn of(
        mut file: File,
        metadata: &Metadata,
        (path, coding, varies): (&str, Option<Coding>, bool),
        tags: &Tags,
    ) -> io::Result<Found> {
        let (mut length, mut short) = (metadata.len(), None);
        if length <= SHORT {
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            // One that grows meanwhile is answered as long as it was.
            Read::take(&mut file, length).read_to_end(&mut bytes)?;
            length = bytes.len() as u64;
            short = Some(Bytes::from(bytes));
        }
        let tag = tags.of(&file, metadata, short.as_deref())?;
        let modified = metadata.modified()?.min(SystemTime::now());
        let content = short.map_or_else(|| Content::Open(Arc::new(file)), Content::Read);
        Ok(Found { content, length, modified, tag, kind: kind(path), coding, varies })
    }

    /// Whether it is a page, which names other files.
    pub fn is_page(&self) -> bool {
        self.kind.as_bytes().starts_with(b"text/html")
    }
}

/// Open a file, and nothing that is none: not to block is for pipes, which would wait for who
/// writes.
fn open(folder: &Dir, path: &str) -> io::Result<Option<(File, Metadata)>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let opened = folder.open_with(path, &options).and_then(|file| {
        let file = file.into_std();
        let metadata = file.metadata()?;
        Ok((file, metadata))
    });
    match opened {
        Ok((file, metadata)) => Ok(metadata.is_file().then_some((file, metadata))),
        Err(error) if is_defect(&error) => Err(error),
        // Whatever else is in its way: no file, a link that leads out, a name that is too long.
        Err(_) => Ok(None),
    }
}

/// Whether an error says nothing of the path.
fn is_defect(error: &io::Error) -> bool {
    let defects = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO, Errno::STALE];
    defects.iter().any(|defect| error.raw_os_error() == Some(defect.raw_os_error()))
}

/// What a file is by its name. Text is taken to be UTF-8.
fn kind(path: &str) -> HeaderValue {
    let guessed = mime_guess::from_path(path).first_or_octet_stream();
    let is_text = guessed.type_() == mime::TEXT && guessed.get_param(mime::CHARSET).is_none();
    let kind = if is_text { format!("{guessed}; charset=utf-8") } else { guessed.to_string() };
    HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
