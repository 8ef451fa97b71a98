//! What the services of an app are told by `config` and `env`.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    capability::settings::{Settings, Unusable},
    manifest::{Manifest, Problem, Report},
    renewal::Renewal,
};

/// Those of all services, by name.
pub type AllSettings = BTreeMap<String, Arc<Settings>>;

/// Read what is in files, and have what reads it again; or all that is wrong with them, each at
/// its key.
pub fn open(manifest: &Manifest) -> Result<(AllSettings, Vec<Renewal>), Report> {
    let (mut settings, mut renewals, mut problems) = (BTreeMap::new(), Vec::new(), Vec::new());
    for service in &manifest.services {
        match Settings::open(service) {
            Ok((of_service, renewal)) => {
                settings.insert(service.name.clone(), of_service);
                renewals.extend(renewal);
            }
            Err(unusable) => problems.extend(unusable.iter().map(|it| located(manifest, &service.name, it))),
        }
    }
    Report::new(problems).into_result()?;
    Ok((settings, renewals))
}

fn located(manifest: &Manifest, service: &str, unusable: &Unusable) -> Problem {
    let Unusable { table, key, path, reason, help } = unusable;
    let title = format!("the file `{}` of `service.{service}.{table}.{key}` {reason}", path.display());
    manifest.problem(service, Some(&format!("{table}.{key}")), title, help)
}
