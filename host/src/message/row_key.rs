//! Where a message waits in its bucket.

use std::{fmt, str::FromStr};

use super::{Message, MessageId, StableHash};

/// The key of the row that keeps a message for a subscriber: `ID`, or `ID/HASH`
/// where it has a key. So whoever lists a bucket knows which messages wait for
/// each other without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey {
    /// Which message.
    pub id: MessageId,
    /// Of its key. Two keys of one hash wait for each other in vain, which is
    /// rare and harms no order.
    pub hash: Option<StableHash>,
}

impl RowKey {
    /// Where this message is.
    pub fn of(message: &Message) -> RowKey {
        RowKey { id: message.id, hash: message.key.as_deref().map(StableHash::of) }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hash {
            Some(hash) => write!(f, "{}/{hash}", self.id),
            None => self.id.fmt(f),
        }
    }
}

impl FromStr for RowKey {
    type Err = NoRowKey;

    fn from_str(text: &str) -> Result<Self, NoRowKey> {
        let wrong = || NoRowKey(text.to_owned());
        let (id, hash) = match text.split_once('/') {
            Some((id, hash)) => (id, Some(hash.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        Ok(RowKey { id: id.parse().map_err(|_| wrong())?, hash })
    }
}

/// Not the key of a message's row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no row of an event: its key is an id, or an id, a slash and a hash")]
pub struct NoRowKey(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_id_and_hash() {
        let id = MessageId::fresh();
        for hash in [None, Some(StableHash::of("7"))] {
            let key = RowKey { id, hash };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let key = RowKey { id, hash: Some(StableHash::of("abc")) };
        assert_eq!(key.to_string(), format!("{id}/ba7816bf8f01cfea"));
        for text in [String::new(), "7".into(), format!("{id}/"), format!("{id}/7"), format!("{key}/")] {
            assert_eq!(text.parse::<RowKey>(), Err(NoRowKey(text.clone())));
        }
    }
}
