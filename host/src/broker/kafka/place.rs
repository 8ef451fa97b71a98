//! Where a subscriber is in a topic.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// By partition, the offset of what is to be read next. A partition that is not named is read
/// from its beginning.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The topic's id, as the broker has it: another has other offsets.
    topic: String,
    pub offsets: BTreeMap<i32, i64>,
}

impl Place {
    /// One in the topic with this id.
    pub fn new(topic: String, offsets: BTreeMap<i32, i64>) -> Place {
        Place { topic, offsets }
    }

    /// What [`Self::write`] wrote.
    pub fn read(text: &str) -> Option<Place> {
        serde_json::from_str(text).ok()
    }

    /// As JSON.
    pub fn write(&self) -> String {
        // Texts and numbers have a form in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether it is one in the topic with this id. Old brokers give none, and then the name
    /// has to do.
    pub fn is_of(&self, topic: &str) -> bool {
        self.topic == topic
    }
}

/// How many are gone between the one that was to be next and the first that there is. None if
/// nobody knows: the partition ends before it, so its log is another.
pub fn lost(next: i64, first: i64, end: i64) -> Option<i64> {
    (next <= end).then(|| (first - next).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let place = Place::new("a".into(), BTreeMap::from([(0, 7), (12, 1 << 40)]));
        assert_eq!(place.write(), r#"{"topic":"a","offsets":{"0":7,"12":1099511627776}}"#);
        assert_eq!(Place::read(&place.write()), Some(place));
    }

    #[test]
    fn what_is_lost_is_counted_where_that_can_be() {
        for (next, first, end, expected) in [(3, 10, 20, Some(7)), (3, 20, 20, Some(17)), (30, 0, 20, None)] {
            assert_eq!(lost(next, first, end), expected, "{next}, {first}, {end}");
        }
    }
}
