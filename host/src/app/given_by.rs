//! Who gave a component, so that what is wrong with it is said where it can be mended.

use crate::manifest::{Manifest, Problem};

/// Who gave a component of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GivenBy {
    /// The manifest names it.
    Manifest,
    /// Somebody sent it for a swap.
    Sender,
    /// It was live before, and was kept.
    History,
}

impl GivenBy {
    /// What to call it.
    pub fn named(self, service: &str) -> String {
        match self {
            GivenBy::Manifest => format!("the component of service `{service}`"),
            GivenBy::Sender => format!("the component that was sent for service `{service}`"),
            GivenBy::History => format!("the component of service `{service}` that was live before"),
        }
    }

    /// A problem of the component alone: shown at its key if the manifest names it, for
    /// the manifest has nothing to do with another one. `detail` says more.
    pub fn problem(
        self,
        manifest: &Manifest,
        service: &str,
        title: String,
        detail: Option<String>,
        help: impl Into<String>,
    ) -> Problem {
        match (self, detail) {
            (GivenBy::Manifest, detail) => {
                let problem = manifest.problem(service, Some("component"), title, help);
                match detail {
                    Some(detail) => problem.label(detail),
                    None => problem,
                }
            }
            (_, Some(detail)) => Problem::new(format!("{title}: {detail}")).help(help),
            (_, None) => Problem::new(title).help(help),
        }
    }
}
