//! Why a swap did not happen.

use std::error::Error;

use crate::{
    history::HistoryError,
    manifest::{NoService, Report},
};

/// Why a service's component is what it was.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// No service has this name.
    #[error(transparent)]
    NoService(NoService),
    /// The component was refused, for each of these reasons.
    #[error("the component was refused")]
    Refused(Report),
    /// Something else must be done first.
    #[error("{0}")]
    Conflict(String),
    /// A canary could not be promoted, and answers no calls any more.
    #[error("the canary cannot be promoted, and was withdrawn")]
    Withdrawn(#[source] Box<SwapError>),
    /// The manifest changed meanwhile, and another app took this one's place.
    #[error("the manifest changed meanwhile; try again")]
    Over,
    /// What is recorded cannot be read, or nothing can be recorded now; what was live stays.
    #[error("{}", told(.0))]
    History(HistoryError),
    /// The host could not do it.
    #[error("the swap failed")]
    Failed(#[source] anyhow::Error),
}

impl SwapError {
    /// Whether it may go well at another time, with nothing else done first.
    pub fn is_disk(&self) -> bool {
        matches!(self, SwapError::History(error) if error.is_disk())
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
            SwapError::Withdrawn(_) => "withdrawn",
            SwapError::Conflict(_) | SwapError::Over => "in conflict",
            SwapError::History(_) | SwapError::Failed(_) => "failed",
        }
    }
}

/// What went wrong, with its causes: whoever swaps looks after the disk as well.
fn told(error: &HistoryError) -> String {
    let mut text = match error.is_disk() {
        true => format!("what is to be live cannot be recorded, and what was live stays: {error}"),
        false => error.to_string(),
    };
    let mut cause = error.source();
    while let Some(source) = cause {
        text += &format!(": {source}");
        cause = source.source();
    }
    if let Some(remedy) = error.remedy() {
        text += &format!("; {remedy}, and try again");
    }
    text
}
