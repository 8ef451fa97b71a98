//! How a rate stands for whoever asks.

use std::time::Duration;

/// What came of counting a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Whether it is one too many.
    pub is_over: bool,
    /// How many more may come now.
    pub left: u64,
    /// When one more may come than that.
    pub more_in: Duration,
}

impl Count {
    /// The same in whole seconds, of which the last has passed then.
    pub fn seconds(&self) -> u64 {
        self.more_in.as_secs() + u64::from(self.more_in.subsec_nanos() > 0)
    }
}
