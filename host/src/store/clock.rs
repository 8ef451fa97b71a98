//! Whether this host and the server of its store agree on the time.
//!
//! Hosts that share a store know of each other by it alone, and what their guests keep there
//! may depend on the time: how long it counts, and who is at it now. A host whose clock is
//! right by the server's is right by that of all others.

use std::time::{Duration, SystemTime};

/// By how much two clocks may differ: half of what their guests bear with, for the other
/// host's may differ as much.
const MOST: Duration = Duration::from_secs(5);

/// A question about the time that is on its way.
pub struct Asked(SystemTime);

impl Asked {
    /// Just before the server is asked.
    pub fn now() -> Asked {
        Asked(SystemTime::now())
    }

    /// Logs that the clocks differ too much, if the answer says so.
    pub fn answered(&self, place: &str, server: SystemTime) {
        if let Some(apart) = apart([self.0, SystemTime::now()], server) {
            tracing::warn!(
                store = place,
                "the clock of this host is {apart} the clock of its store's server: set it right, for hosts that share \
                 a store need the time to tell who is at what"
            );
        }
    }
}

/// How far a clock is from the server's, which was looked at between these two times.
fn apart([before, after]: [SystemTime; 2], server: SystemTime) -> Option<String> {
    let ahead = before.duration_since(server).unwrap_or_default();
    let behind = server.duration_since(after).unwrap_or_default();
    match (ahead > MOST, behind > MOST) {
        (true, _) => Some(format!("{} s ahead of", ahead.as_secs())),
        (_, true) => Some(format!("{} s behind", behind.as_secs())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_apart_by_more_than_the_answer_took() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (asked, server, told) in [
            ([100, 100], 100, None),
            ([100, 100], 105, None),
            ([100, 100], 106, Some("6 s behind")),
            ([100, 100], 94, Some("6 s ahead of")),
            ([100, 130], 125, None),
            ([100, 130], 3730, Some("3600 s behind")),
            // It was set back meanwhile.
            ([100, 50], 100, Some("50 s behind")),
        ] {
            assert_eq!(apart(asked.map(at), at(server)).as_deref(), told, "{asked:?} {server}");
        }
    }
}
