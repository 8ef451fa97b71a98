//! What a rollback is meant for.
//!
//! A trial may end by itself and a swap may be done by others, while somebody
//! decides and while a request is on its way; and one that got no answer is sent
//! again. So whoever asks can say what is to be taken back.

use super::SwapError;
use crate::service::{Revision, Service};

/// The revision that a rollback is to take back: the canary, if one is on trial,
/// else the live one.
#[derive(Clone, Debug)]
pub struct Meant {
    /// Its number.
    pub revision: u64,
    /// SHA-256 of its component, in hexadecimal. A canary that was withdrawn leaves
    /// its number to the next revision, which this tells from it.
    pub digest: Option<String>,
}

impl Meant {
    /// Refuse what would take back another.
    pub(super) fn check(&self, service: &Service) -> Result<(), SwapError> {
        let serving = service.serving();
        let canary = serving.canary.as_ref().map(|canary| &canary.revision);
        if self.is(canary.unwrap_or(&serving.live)) {
            return Ok(());
        }
        let on_trial = canary.map_or("none is".to_owned(), |canary| format!("{} is", shown(canary)));
        Err(SwapError::Conflict(format!(
            "revision {} of service `{}`{} is not what a rollback would take back now: {} is live, and {on_trial} on \
             trial",
            self.revision,
            service.name(),
            self.digest.as_ref().map(|digest| sha256(digest)).unwrap_or_default(),
            shown(&serving.live),
        )))
    }

    fn is(&self, revision: &Revision) -> bool {
        self.revision == revision.number() && self.digest.as_ref().is_none_or(|digest| digest == revision.digest())
    }
}

fn shown(revision: &Revision) -> String {
    format!("revision {}{}", revision.number(), sha256(revision.digest()))
}

/// As much of a digest as tells components apart.
fn sha256(digest: &str) -> String {
    format!(" (sha256 {})", digest.chars().take(12).collect::<String>())
}
