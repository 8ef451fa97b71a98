//! Why a swap did not happen.

use crate::manifest::Report;

/// Why a service's component is what it was.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// No service has this name.
    #[error("there is no service `{0}`")]
    NoService(String),
    /// The component was refused, for each of these reasons.
    #[error("the component was refused")]
    Refused(Report),
    /// Something else must be done first.
    #[error("{0}")]
    Conflict(String),
    /// The manifest changed meanwhile, and another app took this one's place.
    #[error("the manifest changed meanwhile; try again")]
    Over,
    /// The host could not do it.
    #[error("the swap failed")]
    Failed(#[source] anyhow::Error),
}

impl SwapError {
    /// The host could not do it.
    pub(super) fn failed(error: impl Into<anyhow::Error>) -> SwapError {
        SwapError::Failed(error.into())
    }

    /// Others swapped at the same time.
    pub(super) fn busy(error: anyhow::Error) -> SwapError {
        match error.downcast::<Report>() {
            Ok(report) => SwapError::Refused(report),
            Err(error) => SwapError::Conflict(error.to_string()),
        }
    }

    /// A word for the log.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            SwapError::NoService(_) | SwapError::Refused(_) => "refused",
            SwapError::Conflict(_) | SwapError::Over => "in conflict",
            SwapError::Failed(_) => "failed",
        }
    }
}
