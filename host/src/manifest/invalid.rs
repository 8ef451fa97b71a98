//! Why a value is refused.

/// A refusal of one value. Parsers of single values answer with it; whoever
/// knows the value's place makes a located problem of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {help}")]
pub struct Invalid {
    /// What is wrong, as the rest of a sentence that begins with the value.
    pub reason: String,
    /// What would be right.
    pub help: String,
}

impl From<route::Invalid> for Invalid {
    fn from(route::Invalid { reason, help }: route::Invalid) -> Self {
        Self { reason, help }
    }
}

impl Invalid {
    pub(super) fn new(reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self { reason: reason.into(), help: help.into() }
    }
}
