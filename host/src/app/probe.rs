//! The path that tells whether a component works: its service's `probe`.

use std::sync::Arc;

use anyhow::anyhow;

use super::App;
use crate::{manifest::Report, service::Revision};

impl App {
    /// Have a revision, live or not, answer the probe of the service at `place`, or say
    /// why it does not. None if the service has no probe.
    pub async fn probe(&self, place: usize, revision: Arc<Revision>) -> Option<Result<(), String>> {
        let path = self.service_manifest(place).probe.clone()?;
        Some(match self.services[place].probe(revision, path).await {
            Ok(status) if status.as_u16() < 400 => Ok(()),
            Ok(status) => Err(format!("it answered {status}")),
            Err(error) => Err(format!("{:#}", anyhow!(error))),
        })
    }

    /// The service's probe, when it was not answered as it must be.
    pub fn failed_probe(&self, place: usize, why: &str) -> Report {
        let service = self.service_manifest(place);
        let path = service.probe.as_ref().map(ToString::to_string).unwrap_or_default();
        let title = format!("the probe of service `{}`, GET {path}, failed", service.name);
        let help = "mend the component, or the probe";
        let problem = self.manifest().problem(&service.name, Some("probe"), title, help);
        Report::new(vec![problem.label(why)])
    }
}
