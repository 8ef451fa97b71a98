//! Frames: how a payload lies in a log.
//!
//! A frame begins with a byte of ones, and has no other: its payload is stuffed,
//! that is written as runs without that byte, each led by its length. So a frame
//! that is not whole (the disk was full, the power went) hides none that follows,
//! and nothing that a client stores can look like the start of one. What is left
//! over of a write that was split lies behind a whole frame, and is skipped.
//!
//! UTF-8 and small numbers do not have that byte, so most payloads are one run.

use std::ops::Range;

use crate::digest::digest;

/// The most bytes of a payload whose frame is still written in one piece: hosts
/// take 64 KiB at once, and stuffing adds a byte to each 254.
pub const LARGEST_PAYLOAD: usize = 60_000;

/// What begins a frame.
const START: u8 = 0xff;

/// The longest run. It alone is not followed by a byte of ones.
const LONGEST_RUN: usize = 254;

/// The payload's length and digest, which come before it.
const HEAD: usize = 4 + 8;

/// A frame of this payload.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(HEAD + payload.len());
    plain.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    plain.extend_from_slice(&digest(payload).to_le_bytes());
    plain.extend_from_slice(payload);
    let mut frame = Vec::with_capacity(plain.len() + plain.len() / LONGEST_RUN + 2);
    frame.push(START);
    stuff(&plain, &mut frame);
    frame
}

/// Calls `each` with the place and the payload of every whole frame, and says up
/// to where the bytes need not be looked at again: a last frame that is not
/// whole may be one that is being written.
pub fn read(bytes: &[u8], mut each: impl FnMut(Range<usize>, &[u8])) -> usize {
    let next = |from: usize| Some(from + bytes[from..].iter().position(|byte| *byte == START)?);
    let mut plain = Vec::new();
    let mut start = next(0);
    while let Some(at) = start {
        match unstuff(&bytes[at + 1..], &mut plain) {
            Some((payload, length)) => {
                let end = at + 1 + length;
                each(at..end, payload);
                start = next(end);
            }
            None => {
                start = next(at + 1);
                if start.is_none() {
                    return at;
                }
            }
        }
    }
    bytes.len()
}

fn stuff(mut plain: &[u8], stuffed: &mut Vec<u8>) {
    loop {
        let longest = plain.len().min(LONGEST_RUN);
        let run = plain[..longest].iter().position(|byte| *byte == START).unwrap_or(longest);
        stuffed.push(run as u8);
        stuffed.extend_from_slice(&plain[..run]);
        if run == plain.len() {
            return;
        }
        plain = &plain[if run == LONGEST_RUN { run } else { run + 1 }..];
    }
}

/// The payload that is stuffed here, and how many bytes it took, if it is whole.
fn unstuff<'a>(stuffed: &[u8], plain: &'a mut Vec<u8>) -> Option<(&'a [u8], usize)> {
    plain.clear();
    let mut at = 0;
    let wanted = loop {
        let run = usize::from(*stuffed.get(at)?);
        plain.extend_from_slice(stuffed.get(at + 1..at + 1 + run)?);
        at += 1 + run;
        let wanted = HEAD + plain.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        if plain.len() >= wanted {
            break wanted;
        }
        if run < LONGEST_RUN {
            plain.push(START);
        }
    };
    if stuffed[..at].contains(&START) {
        return None;
    }
    let (_, rest) = plain.split_first_chunk::<4>()?;
    let (expected, payload) = rest.split_first_chunk()?;
    let whole = plain.len() == wanted && digest(payload) == u64::from_le_bytes(*expected);
    whole.then_some((payload, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let mut found = Vec::new();
        let seen = read(bytes, |_, payload| found.push(payload.to_vec()));
        (found, seen)
    }

    fn some() -> Vec<Vec<u8>> {
        let lengths = [0, 1, 2, 253, 254, 255, 507, 508, 509, 3000];
        let texts = lengths.map(|length| vec![b'x'; length]);
        let ones = lengths.map(|length| vec![START; length]);
        let mixed = lengths.map(|length| (0..length).map(|n| n as u8).collect());
        [texts, ones, mixed].concat()
    }

    #[test]
    fn a_frame_gives_back_its_payload() {
        for payload in some() {
            let frame = frame(&payload);
            assert_eq!(frame.iter().filter(|byte| **byte == START).count(), 1);
            assert_eq!(payloads(&frame), (vec![payload], frame.len()));
        }
        assert!(frame(&vec![1; LARGEST_PAYLOAD]).len() <= 64 * 1024);
    }

    #[test]
    fn a_torn_frame_hides_no_other() {
        for torn in some() {
            let torn = frame(&torn);
            for at in 0..torn.len() {
                let (first, last) = (frame(b"first"), frame(b"last"));
                let bytes = [&first, &torn[..at], &last].concat();
                let (found, seen) = payloads(&bytes);
                assert_eq!(found, [&b"first"[..], b"last"], "cut at {at} of {}", torn.len());
                assert_eq!(seen, bytes.len());
            }
        }
    }

    #[test]
    fn what_is_left_of_a_split_write_is_no_frame() {
        let inner = frame(b"not stored as a frame");
        let outer = frame(&inner.repeat(3));
        for at in 1..outer.len() {
            let bytes = [&frame(b"first"), &outer[..at], &frame(b"between"), &outer[at..], &frame(b"last")].concat();
            let (found, _) = payloads(&bytes);
            let told: Vec<_> = found.iter().filter(|payload| payload.len() < inner.len() * 3).collect();
            assert_eq!(told, [&b"first"[..], b"between", b"last"], "cut at {at}");
        }
    }

    #[test]
    fn a_frame_that_is_being_written_is_looked_at_again() {
        let (first, last) = (frame(b"first"), frame(&[7; 1000]));
        for at in 1..last.len() {
            let bytes = [&first, &last[..at]].concat();
            assert_eq!(payloads(&bytes), (vec![b"first".to_vec()], first.len()));
        }
    }

    #[test]
    fn any_bytes_can_be_read() {
        for seed in 0..2000u64 {
            let length = digest(&seed.to_le_bytes()) % 300;
            let bytes: Vec<u8> =
                (0..length).map(|n| (digest(&(seed << 20 | n).to_le_bytes()) % 9).wrapping_sub(1) as u8).collect();
            assert_eq!(payloads(&bytes).0, Vec::<Vec<u8>>::new());
        }
    }
}
