//! What services serve that is not the manifest's file, but was made live since.

use super::{client::printable, swapped::short, time::date};
use crate::{
    app::Plan,
    history::{Entry, History},
    manifest::{Manifest, ServiceManifest},
};

/// A line for each service of a plan of which this is so: what is live, since when, by
/// whom, and how to go back.
pub fn lines(plan: &Plan, history: &History) -> Vec<String> {
    let recorded = plan.recorded().filter_map(|(service, file)| {
        let live = history.live(&service.name)?;
        let leads_back = history.before_live(&service.name).is_some_and(|before| before.digest == file);
        Some(line(plan.manifest(), service, &live, leads_back))
    });
    recorded.collect()
}

/// `leads_back` says whether a rollback makes the file live.
fn line(manifest: &Manifest, service: &ServiceManifest, live: &Entry, leads_back: bool) -> String {
    let (name, file) = (&service.name, service.component.file().display());
    let mut back = match leads_back {
        true => format!("dovetail rollback {name}"),
        false => format!("dovetail swap {name} {file}"),
    };
    if manifest.path.as_os_str() != "dovetail.toml" {
        back += &format!(" --manifest {}", manifest.path.display());
    }
    format!(
        "{name}, revision {} (sha256 {}), and not `{}`: by {} of {}, since {} UTC; `{back}` goes back",
        live.revision,
        short(&live.digest),
        service.component,
        live.how,
        printable(&live.by),
        date(&live.since.to_string()),
    )
}
