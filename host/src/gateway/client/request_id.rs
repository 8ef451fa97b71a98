//! By what a request is known: in the log, to its component and to its client.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use uuid::{Builder, fmt::Hyphenated};

use super::REQUEST_ID;

/// The longest that is taken from others, in bytes.
const LONGEST: usize = 128;

/// The id that a request brings, if that is one: visible ASCII, and not too long.
pub fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut given = headers.get_all(REQUEST_ID).iter();
    let (Some(id), None) = (given.next(), given.next()) else { return None };
    let is_one = (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    is_one.then(|| id.clone())
}

/// A UUID of version 7 that no other request has: its time, and chance. Unlike those of
/// messages they are not in order within a millisecond, for which workers would have to wait
/// for each other.
pub fn fresh() -> HeaderValue {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut chance = [0; 10];
    fastrand::fill(&mut chance);
    let id = Builder::from_unix_timestamp_millis(now.as_millis() as u64, &chance).into_uuid();
    let mut text = [0; Hyphenated::LENGTH];
    id.hyphenated().encode_lower(&mut text);
    // Shared from the start, since it is told to several.
    HeaderValue::from_maybe_shared(Bytes::from_owner(text)).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn fresh_ids_are_uuids_of_version_7_and_all_differ() {
        let ids: HashSet<_> = (0..10_000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            let read = id.to_str().ok().and_then(|id| uuid::Uuid::try_parse(id).ok());
            assert!(read.is_some_and(|read| read.get_version_num() == 7 && read.to_string() == id), "{id:?}");
        }
    }

    #[test]
    fn what_is_no_id_is_not_taken() {
        let long = "x".repeat(LONGEST + 1);
        let taken = |values: &[&str]| {
            let values = values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
            given(&values.map(|value| (REQUEST_ID, value)).collect())
        };
        for id in ["x", "4711", "a/b=c;d\"e", &long[1..]] {
            assert!(taken(&[id]).is_some_and(|taken| taken == id), "{id}");
        }
        for ids in [&[""][..], &[&long], &["a b"], &["a\tb"], &["\u{e4}"], &["a", "b"], &["a", "a"], &[]] {
            assert_eq!(taken(ids), None, "{ids:?}");
        }
    }
}
