//! Records: what one call writes, as the payloads of frames.

use crate::frame::{self, LARGEST_PAYLOAD};

/// One change to a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Give the key this value.
    Set(String, Vec<u8>),
    /// Leave the key without a value.
    Delete(String),
    /// Add to the counter at the key.
    Add(String, u64),
}

/// A part of a record, the payload of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
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
pub fn frames(nonce: u64, changes: &[Change]) -> Vec<Vec<u8>> {
    let bytes = write(changes);
    let parts = bytes.chunks(LARGEST_PAYLOAD - HEAD);
    let count = parts.len();
    parts
        .enumerate()
        .map(|(index, part)| framed(nonce, if index + 1 < count { Kind::More } else { Kind::Last }, part))
        .collect()
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
pub fn read(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        bytes = rest;
        let key = String::from_utf8(run(&mut bytes)?.to_vec()).ok()?;
        changes.push(match *kind {
            SET => Change::Set(key, run(&mut bytes)?.to_vec()),
            DELETE => Change::Delete(key),
            ADD => {
                let (delta, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Change::Add(key, u64::from_le_bytes(*delta))
            }
            _ => return None,
        });
    }
    Some(changes)
}

fn write(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for change in changes {
        let (kind, key) = match change {
            Change::Set(key, _) => (SET, key),
            Change::Delete(key) => (DELETE, key),
            Change::Add(key, _) => (ADD, key),
        };
        bytes.push(kind);
        push(&mut bytes, key.as_bytes());
        match change {
            Change::Set(_, value) => push(&mut bytes, value),
            Change::Delete(_) => {}
            Change::Add(_, delta) => bytes.extend_from_slice(&delta.to_le_bytes()),
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
