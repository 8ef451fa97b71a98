//! What services serve that is not the manifest's file, but was made live since.

use std::fmt;

use super::{client::printable, swapped::short, time::date};
use crate::{
    app::Plan,
    history::{Entry, History},
    manifest::{ComponentSource, Manifest, ServiceManifest},
};

/// A service of which this is so, for people: what is live, since when, by whom, and how
/// to go back.
pub struct Recorded {
    /// The service.
    pub service: String,
    live: Entry,
    file: ComponentSource,
    /// The command that makes the file live.
    back: String,
}

impl Recorded {
    /// Those of a plan.
    pub fn of(plan: &Plan, history: &History) -> Vec<Recorded> {
        let recorded = plan.recorded().filter_map(|(service, file)| {
            let live = history.live(&service.name)?;
            let leads_back = history.before_live(&service.name).is_some_and(|before| before.digest == file);
            let back = back(plan.manifest(), service, leads_back);
            Some(Recorded { service: service.name.clone(), live, file: service.component.clone(), back })
        });
        recorded.collect()
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recorded { service, live, file, back } = self;
        let (revision, digest, how, by) = (live.revision, short(&live.digest), live.how, printable(&live.by));
        let since = date(&live.since.to_string());
        write!(f, "{service}, revision {revision} (sha256 {digest}), and not `{file}`: ")?;
        write!(f, "by {how} of {by}, since {since} UTC; `{back}` goes back")
    }
}

/// How the file is made live: by a rollback only if that leads there.
fn back(manifest: &Manifest, service: &ServiceManifest, leads_back: bool) -> String {
    let name = &service.name;
    let mut back = match leads_back {
        true => format!("dovetail rollback {name}"),
        false => format!("dovetail swap {name} {}", service.component.file().display()),
    };
    if manifest.path.as_os_str() != "dovetail.toml" {
        back += &format!(" --manifest {}", manifest.path.display());
    }
    back
}
