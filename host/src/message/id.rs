//! By what a message is known.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// A UUID, shown as 36 characters in lower case.
///
/// Those made here are of version 7 (RFC 9562, section 5.7): they begin with the
/// time, and of one host a later one is greater. Two hosts agree as far as their
/// clocks do, so that no promise of order rests on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl MessageId {
    /// One that nobody else has.
    pub fn fresh() -> MessageId {
        MessageId(Uuid::now_v7())
    }

    /// That of a message from elsewhere, which has any text for its id, unique
    /// with its source: the same one for the same message. A UUID stays as it is;
    /// of anything else one of version 8 is made.
    pub fn of_foreign(source: &str, id: &str) -> MessageId {
        id.parse().unwrap_or_else(|_| {
            let digest = Sha256::new().chain_update(source).chain_update([0]).chain_update(id).finalize();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            MessageId(Builder::from_custom_bytes(bytes).into_uuid())
        })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// As it is shown, in either case.
impl FromStr for MessageId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        // A UUID has shorter forms, and one in braces: nobody needs them here.
        match Uuid::try_parse(text) {
            Ok(id) if text.len() == 36 => Ok(MessageId(id)),
            _ => Err(NoId),
        }
    }
}

/// Not the id of a message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID, as 0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f is")]
pub struct NoId;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::message::Moment;

    #[test]
    fn ids_are_of_version_7_and_grow() {
        let before = Moment::now();
        let ids: Vec<_> = (0..10_000).map(|_| MessageId::fresh()).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        for id in [ids[0], ids[9_999]] {
            let shown = id.to_string();
            assert_eq!(shown.parse(), Ok(id));
            assert_eq!(shown.to_uppercase().parse(), Ok(id));
            assert_eq!((shown.len(), &shown[14..15]), (36, "7"), "{shown}");
            assert!(matches!(&shown[19..20], "8" | "9" | "a" | "b"), "{shown}");
        }
        let made = ids[0].0.get_timestamp().map(|time| {
            let (seconds, nanos) = time.to_unix();
            Moment::from(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos))
        });
        assert!(made >= Some(before), "{made:?}");
    }

    #[test]
    fn ids_of_others_are_the_same_each_time() {
        let kept = "0194F8C6-7d2a-4b3c-9e4f-5a6b7c8d9e0f";
        assert_eq!(MessageId::of_foreign("/python", kept).to_string(), kept.to_lowercase());
        let made = MessageId::of_foreign("/python", "A234-1234-1234");
        assert_eq!(made, MessageId::of_foreign("/python", "A234-1234-1234"));
        assert_eq!(made.to_string().parse(), Ok(made));
        assert_eq!(&made.to_string()[14..15], "8");
        assert_ne!(made, MessageId::of_foreign("/go", "A234-1234-1234"));
        assert_ne!(MessageId::of_foreign("a", "bc"), MessageId::of_foreign("ab", "c"));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "7", "0194f8c67d2a7b3c9e4f5a6b7c8d9e0f", "0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0g"] {
            assert_eq!(text.parse::<MessageId>(), Err(NoId), "{text}");
        }
    }
}
