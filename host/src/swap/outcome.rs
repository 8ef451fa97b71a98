//! What came of a swap, and how long each step took.

use std::time::Instant;

use serde::Serialize;

use crate::service::Revision;

/// What came of a swap that was not refused.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The service.
    pub service: String,
    /// `live`, `canary`, `unchanged` or `withdrawn`.
    pub outcome: &'static str,
    /// What was live.
    pub from: Replacement,
    /// What is, or is on trial.
    pub to: Replacement,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What the component does no more that the one before did, each with the service for
    /// its subject.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub no_more: Vec<String>,
}

/// One end of a swap.
#[derive(Clone, Debug, Serialize)]
pub struct Replacement {
    /// The place in the service's history.
    pub revision: u64,
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
}

/// Something that was done.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What.
    pub step: &'static str,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// More to know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// The steps so far.
pub(super) struct Steps {
    steps: Vec<Step>,
    since: Instant,
}

impl Replacement {
    /// The end that this revision is.
    pub(super) fn of(revision: &Revision) -> Replacement {
        Replacement { revision: revision.number(), digest: revision.digest().to_owned() }
    }
}

impl Steps {
    /// No step, from now on.
    pub fn start() -> Steps {
        Steps { steps: Vec::new(), since: Instant::now() }
    }

    /// A step that ends now.
    pub fn done(&mut self, step: &'static str) {
        self.noted(step, None);
    }

    /// A step that ends now, with more to know of it.
    pub fn noted(&mut self, step: &'static str, note: Option<&'static str>) {
        let now = Instant::now();
        let ms = (now - self.since).as_secs_f64() * 1000.0;
        // Microseconds are as fine as anybody reads.
        self.steps.push(Step { step, ms: (ms * 1000.0).round() / 1000.0, note });
        self.since = now;
    }
}

impl Outcome {
    pub(super) fn live(service: &str, from: Replacement, to: Replacement, steps: Steps) -> Outcome {
        Outcome { service: service.to_owned(), outcome: "live", from, to, steps: steps.steps, no_more: Vec::new() }
    }

    pub(super) fn canary(service: &str, from: Replacement, to: Replacement, steps: Steps) -> Outcome {
        Outcome { outcome: "canary", ..Outcome::live(service, from, to, steps) }
    }

    pub(super) fn withdrawn(service: &str, from: Replacement, to: Replacement) -> Outcome {
        Outcome { outcome: "withdrawn", ..Outcome::live(service, from, to, Steps::start()) }
    }

    pub(super) fn unchanged(service: &str, live: Replacement, steps: Steps) -> Outcome {
        Outcome { outcome: "unchanged", ..Outcome::live(service, live.clone(), live, steps) }
    }
}
