//! Frames: how a payload lies in a log.
//!
//! A frame begins with a zero byte, and has no other: its payload is stuffed,
//! that is written as runs of bytes without a zero, each led by its length. So
//! a frame that is not whole (the disk was full, the power went) hides none that
//! follows, and nothing that a client stores can look like the start of one.
//! What is left over of a write that was split lies behind a whole frame, and
//! is not looked at.

use crate::digest::digest;

/// The most bytes of a payload whose frame is still written in one piece: hosts
/// take 64 KiB at once, and stuffing adds a byte to each 254.
pub const LARGEST_PAYLOAD: usize = 60_000;

/// What begins a frame.
const START: u8 = 0;

/// The longest run, and what is one more than its length.
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
pub fn read(bytes: &[u8], mut each: impl FnMut(std::ops::Range<usize>, Vec<u8>)) -> usize {
    let next = |from: usize| bytes[from..].iter().position(|byte| *byte == START).map(|found| from + found);
    let Some(mut start) = next(0) else { return bytes.len() };
    loop {
        let following = next(start + 1);
        let end = following.unwrap_or(bytes.len());
        match unstuff(&bytes[start + 1..end]) {
            Some(payload) => each(start..end, payload),
            None if following.is_none() => return start,
            None => {}
        }
        match following {
            Some(following) => start = following,
            None => return end,
        }
    }
}

fn stuff(mut plain: &[u8], stuffed: &mut Vec<u8>) {
    loop {
        let longest = plain.len().min(LONGEST_RUN);
        let run = plain[..longest].iter().position(|byte| *byte == START).unwrap_or(longest);
        stuffed.push(run as u8 + 1);
        stuffed.extend_from_slice(&plain[..run]);
        if run == plain.len() {
            return;
        }
        // A run ends before a zero, which is left out, unless it is the longest.
        plain = &plain[if run == LONGEST_RUN { run } else { run + 1 }..];
    }
}

/// The payload, if it is whole.
fn unstuff(mut stuffed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(stuffed.len());
    while let Some((lead, rest)) = stuffed.split_first() {
        let run = usize::from(*lead).checked_sub(1)?;
        let Some((bytes, rest)) = rest.split_at_checked(run) else {
            plain.extend_from_slice(rest);
            break;
        };
        plain.extend_from_slice(bytes);
        if run < LONGEST_RUN {
            plain.push(START);
        }
        stuffed = rest;
    }
    let (length, rest) = plain.split_first_chunk()?;
    let (expected, rest) = rest.split_first_chunk()?;
    let payload = rest.get(..u32::from_le_bytes(*length) as usize)?;
    (digest(payload) == u64::from_le_bytes(*expected)).then(|| payload.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let mut found = Vec::new();
        let seen = read(bytes, |_, payload| found.push(payload));
        (found, seen)
    }

    fn some() -> Vec<Vec<u8>> {
        let lengths = [0, 1, 2, 253, 254, 255, 507, 508, 509, 3000];
        let texts = lengths.map(|length| vec![b'x'; length]);
        let zeros = lengths.map(|length| vec![0; length]);
        let mixed = lengths.map(|length| (0..length).map(|n| n as u8).collect());
        [texts, zeros, mixed].concat()
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
                assert_eq!((&found[0][..], &found[found.len() - 1][..]), (&b"first"[..], &b"last"[..]));
                // The last byte of a frame may say nothing that is not known.
                assert!(found.len() == 2 || at + 1 == torn.len(), "cut at {at} of {}", torn.len());
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
            let bytes: Vec<u8> = (0..length).map(|n| (digest(&(seed << 20 | n).to_le_bytes()) % 9) as u8).collect();
            assert_eq!(payloads(&bytes).0, Vec::<Vec<u8>>::new());
        }
    }
}
