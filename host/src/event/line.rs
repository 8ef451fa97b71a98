//! Whether a broker can be reached, for people to see.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::chain;

/// The way to a broker, or from it.
#[derive(Debug)]
pub struct Line {
    /// Which broker: scheme, host and port.
    pub place: String,
    /// Protects what keeps it from being of use, in words; held for one operation.
    broken: Mutex<Option<String>>,
}

impl Line {
    /// One that is of use as soon as somebody says so.
    pub fn new(place: String, broken: Option<&str>) -> Line {
        Line { place, broken: Mutex::new(broken.map(Into::into)) }
    }

    /// It is of use.
    pub fn works(&self) {
        self.broken().take();
    }

    /// It is not, for this reason. Whether that is new.
    pub fn breaks(&self, error: &dyn std::error::Error) -> bool {
        self.broken().replace(chain(error)).is_none()
    }

    /// What keeps it from being of use.
    pub fn why(&self) -> Option<String> {
        self.broken().clone()
    }

    // It is replaced whole.
    fn broken(&self) -> MutexGuard<'_, Option<String>> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
