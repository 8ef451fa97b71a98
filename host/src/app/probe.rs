//! The path that tells whether a component works: its service's `probe`.

use std::sync::Arc;

use anyhow::anyhow;

use super::App;
use crate::{manifest::Report, service::Revision};

/// Why a probe was not answered as it must be.
#[derive(Clone, Debug)]
pub struct FailedProbe {
    /// What happened.
    pub why: String,
    /// Whether that is the store's doing, and says nothing of the component.
    pub is_stores: bool,
}

impl App {
    /// Have a revision, live or not, answer the probe of the service at `place`, or say
    /// why it does not. None if the service has no probe.
    pub async fn probe(&self, place: usize, revision: Arc<Revision>) -> Option<Result<(), FailedProbe>> {
        let path = self.service_manifest(place).probe.clone()?;
        Some(match self.services[place].probe(revision, path).await {
            Ok((status, _)) if status.as_u16() < 400 => Ok(()),
            Ok((status, false)) => Err(FailedProbe { why: format!("it answered {status}"), is_stores: false }),
            Ok((status, true)) => {
                Err(FailedProbe { why: format!("it answered {status}, because the store failed"), is_stores: true })
            }
            Err(error) => Err(FailedProbe { is_stores: error.is_stores(), why: format!("{:#}", anyhow!(error)) }),
        })
    }

    /// The service's probe, when it was not answered as it must be.
    pub fn failed_probe(&self, place: usize, failed: &FailedProbe) -> Report {
        let service = self.service_manifest(place);
        let path = service.probe.as_ref().map(ToString::to_string).unwrap_or_default();
        let title = format!("the probe of service `{}`, GET {path}, failed", service.name);
        let help = match failed.is_stores {
            true => "see to the store, of which the host's log tells more, and try again",
            false => "mend the component, or the probe",
        };
        let problem = self.manifest().problem(&service.name, Some("probe"), title, help);
        Report::new(vec![problem.label(&failed.why)])
    }
}
