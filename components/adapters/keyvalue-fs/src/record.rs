//! Records: what one call writes, as the payloads of frames.

use crate::frame::{self, LARGEST_PAYLOAD};

/// One change to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    pub key: &'a str,
    pub step: Step<'a>,
}

/// What a change does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Give it this value.
    Set(&'a [u8]),
    /// Leave it without a value.
    Delete,
    /// Add to the counter that it has.
    Add(u64),
}

/// A part of a record, the payload of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// What the parts of one record have in common, and with no other.
    pub nonce: u64,
    pub kind: Kind,
    pub bytes: &'a [u8],
}

/// Which part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Others follow.
    More = 1,
    /// The last or only one: the record counts from here.
    Last = 2,
    /// No record: nothing that follows in this log counts.
    Seal = 3,
}

const SET: u8 = 1;
const DELETE: u8 = 2;
const ADD: u8 = 3;

/// What comes before a part's bytes.
const HEAD: usize = 1 + 8;

/// The frames of a record, each to be appended by itself, in this order.
pub fn frames<'a>(nonce: u64, changes: impl IntoIterator<Item = Change<'a>>) -> Vec<Vec<u8>> {
    let bytes = write(changes);
    let parts = bytes.chunks(LARGEST_PAYLOAD - HEAD);
    let last = parts.len().saturating_sub(1);
    let kind = |index| if index < last { Kind::More } else { Kind::Last };
    parts.enumerate().map(|(index, part)| framed(nonce, kind(index), part)).collect()
}

/// The frame that seals a log.
pub fn seal(nonce: u64) -> Vec<u8> {
    framed(nonce, Kind::Seal, &[])
}

/// The part in the payload of a frame; `None` if this version knows no such.
pub fn part(payload: &[u8]) -> Option<Part<'_>> {
    let (kind, rest) = payload.split_first()?;
    let kind = [Kind::More, Kind::Last, Kind::Seal].into_iter().find(|known| *known as u8 == *kind)?;
    let (nonce, bytes) = rest.split_first_chunk()?;
    Some(Part { nonce: u64::from_le_bytes(*nonce), kind, bytes })
}

/// The changes of a record whose parts were put together.
pub fn changes(mut bytes: &[u8]) -> impl Iterator<Item = Change<'_>> {
    std::iter::from_fn(move || {
        let (kind, rest) = bytes.split_first()?;
        bytes = rest;
        let key = str::from_utf8(run(&mut bytes)?).ok()?;
        let step = match *kind {
            SET => Step::Set(run(&mut bytes)?),
            DELETE => Step::Delete,
            ADD => {
                let (delta, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Step::Add(u64::from_le_bytes(*delta))
            }
            _ => return None,
        };
        Some(Change { key, step })
    })
}

fn write<'a>(changes: impl IntoIterator<Item = Change<'a>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Change { key, step } in changes {
        bytes.push(match step {
            Step::Set(_) => SET,
            Step::Delete => DELETE,
            Step::Add(_) => ADD,
        });
        push(&mut bytes, key.as_bytes());
        match step {
            Step::Set(value) => push(&mut bytes, value),
            Step::Delete => {}
            Step::Add(delta) => bytes.extend_from_slice(&delta.to_le_bytes()),
        }
    }
    bytes
}

fn framed(nonce: u64, kind: Kind, bytes: &[u8]) -> Vec<u8> {
    frame::frame(&[&[kind as u8], &nonce.to_le_bytes()[..], bytes].concat())
}

fn push(bytes: &mut Vec<u8>, run: &[u8]) {
    bytes.extend_from_slice(&(run.len() as u32).to_le_bytes());
    bytes.extend_from_slice(run);
}

fn run<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (run, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *bytes = rest;
    Some(run)
}
