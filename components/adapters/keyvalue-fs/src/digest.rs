//! A digest of 64 bits, by which damage is noticed and keys are spread. It is
//! part of the format of the files, and no defence against who can write them.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// The digest of these bytes.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut state = mix(bytes.len() as u64 + 1);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(mix(state ^ u64::from_le_bytes(last)))
}

/// Each step can be undone, so that two states stay apart.
fn mix(state: u64) -> u64 {
    let product = state.wrapping_mul(FACTOR);
    (product ^ (product >> 32)).wrapping_mul(FACTOR)
}

#[cfg(test)]
mod tests {
    use super::digest;
    use std::collections::BTreeSet;

    #[test]
    fn it_never_changes() {
        assert_eq!(digest(b""), 0xa107db98c37856c2);
        assert_eq!(digest(b"user/1"), 0x50a52e5e5c457424);
        assert_eq!(digest(b"user/{id}/{position}"), 0x8a2cc8f381a20750);
    }

    #[test]
    fn like_keys_are_spread_evenly() {
        let keys = (0..100_000).map(|n| digest(format!("order/{n}").as_bytes()));
        let mut shares = [0; 16];
        let mut seen = BTreeSet::new();
        for digest in keys {
            shares[(digest >> 60) as usize] += 1;
            assert!(seen.insert(digest));
        }
        assert!(shares.iter().all(|share| (5800..6700).contains(share)), "{shares:?}");
    }
}
