//! The components of a manifest that are in registries: pulled once, pinned by
//! the lock file, and kept.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;

use super::{registries::Registries, terminal::Terminal};
use crate::{
    manifest::{Manifest, Problem, Reference, Report, ServiceManifest},
    registry::{Artifact, Lock, RegistryError, is_kept, keep, look},
};

/// What may become of the lock file.
#[derive(Args, Clone, Copy)]
pub struct Pinning {
    /// Refuse to pin a reference that the lock file does not pin.
    #[arg(long)]
    locked: bool,
}

/// A service whose component is in a registry.
pub struct Wanted<'a> {
    /// The service.
    pub service: &'a ServiceManifest,
    /// Where others have its component.
    pub reference: &'a Reference,
    /// Where it is kept.
    file: &'a Path,
}

/// A component that was pulled for a service.
pub struct Pulled<'a> {
    wanted: &'a Wanted<'a>,
    artifact: Artifact,
    component: Bytes,
}

/// Have the components that the lock file pins. What it does not pin is taken as
/// its tag says now, and pinned. Registries are asked only for what is not kept.
pub fn have(manifest: &Manifest, pinning: Pinning, terminal: &Terminal) -> Result<()> {
    let wanted = wanted(manifest)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let lock = Lock::read(&manifest.lock_file())?;
    let mut missing = Vec::new();
    let mut problems = Vec::new();
    for wanted in &wanted {
        match lock.pin(wanted.reference) {
            Some(pin) if is_kept(wanted.file, pin) => {}
            None if pinning.locked => problems.push(unlocked(manifest, wanted, &lock)),
            pin => missing.push((wanted, pin)),
        }
    }
    let mut pulled: Vec<Pulled> = Vec::new();
    if !missing.is_empty() {
        let registries = Registries::new(terminal)?;
        for (wanted, pin) in missing {
            // Services may share a component.
            if !pulled.iter().any(|pulled| pulled.wanted.reference == wanted.reference) {
                match pull(&registries, wanted, pin) {
                    Ok(new) => pulled.push(new),
                    Err(error) => problems.push(cannot_pull(manifest, wanted, pin, &error)),
                }
            }
        }
    }
    Report::new(problems).into_result()?;
    note(lock, &wanted, pulled, !pinning.locked, terminal)
}

/// The services whose components are in registries, unless others may write where
/// those are kept.
pub fn wanted(manifest: &Manifest) -> Result<Vec<Wanted<'_>>> {
    let services = manifest.services.iter();
    let wanted = services.filter_map(|service| {
        Some(Wanted { service, reference: service.component.reference()?, file: service.component.file() })
    });
    let wanted: Vec<_> = wanted.collect();
    if !wanted.is_empty() && manifest.lock_file() == manifest.path {
        let path = manifest.path.display();
        bail!("`{path}` would be its own lock file; let the manifest end in `.toml`");
    }
    wanted.iter().try_for_each(|wanted| look(wanted.file))?;
    Ok(wanted)
}

/// Pull a service's component: the one that is pinned, or what its reference
/// stands for now.
pub fn pull<'a>(
    registries: &Registries,
    wanted: &'a Wanted,
    pin: Option<&Artifact>,
) -> Result<Pulled<'a>, RegistryError> {
    let reference = match pin {
        Some(pin) => wanted.reference.pinned(&pin.digest),
        None => wanted.reference.clone(),
    };
    let artifact = registries.resolve(&reference)?;
    if let Some(pin) = pin.filter(|pin| pin.component != artifact.component) {
        return Err(RegistryError::Digest {
            registry: reference.registry().to_owned(),
            expected: pin.component.to_string(),
            found: artifact.component.to_string(),
        });
    }
    let component = registries.component(&wanted.service.name, &reference, &artifact)?;
    Ok(Pulled { wanted, artifact, component })
}

/// Pull a service's component if its reference stands for another than it did.
pub fn renew<'a>(
    registries: &Registries,
    wanted: &'a Wanted,
    lock: &Lock,
    terminal: &Terminal,
) -> Result<Option<Pulled<'a>>, RegistryError> {
    let (name, before) = (&wanted.service.name, lock.pin(wanted.reference));
    let artifact = registries.resolve(wanted.reference)?;
    if before == Some(&artifact) && is_kept(wanted.file, &artifact) {
        terminal.say("Unchanged", &format!("{name} (sha256 {})", artifact.component.short()));
        return Ok(None);
    }
    let component = registries.component(name, wanted.reference, &artifact)?;
    if let Some(before) = before.filter(|before| **before != artifact) {
        let (before, now) = (before.component.short(), artifact.component.short());
        terminal.say("Moved", &format!("{name} (sha256 {before} → {now})"));
    }
    Ok(Some(Pulled { wanted, artifact, component }))
}

/// Keep what was pulled, and write the lock file if that changes it.
pub fn note(lock: Lock, wanted: &[Wanted], pulled: Vec<Pulled>, may_change: bool, terminal: &Terminal) -> Result<()> {
    let mut next = lock.clone();
    next.retain(&wanted.iter().map(|wanted| wanted.reference).collect::<Vec<_>>());
    for Pulled { wanted, artifact, component } in pulled {
        let kept = keep(wanted.file, &component);
        kept.with_context(|| {
            format!("`{}` cannot be written; name a folder that can be with `--state DIR`", wanted.file.display())
        })?;
        next.set(wanted.reference, artifact);
    }
    if next != lock && may_change {
        let verb = if fs::exists(next.path())? { "Updated" } else { "Wrote" };
        next.write()?;
        terminal.say(verb, &next.path().display().to_string());
    }
    Ok(())
}

/// Why a service's component is not there, at its line.
pub fn cannot_pull(manifest: &Manifest, wanted: &Wanted, pin: Option<&Artifact>, error: &RegistryError) -> Problem {
    let name = &wanted.service.name;
    let title = format!("the component of service `{name}` cannot be pulled");
    let problem = manifest.problem(name, Some("component"), title, error.help()).label(error.to_string());
    let differs = matches!(error, RegistryError::Digest { .. } | RegistryError::Missing { .. });
    match pin {
        Some(_) if differs && wanted.reference.tag().is_some() => {
            let lock = manifest.lock_file();
            let help = format!(
                "`{}` pins this digest; `dovetail update {name}` pins what the tag stands for now",
                lock.display()
            );
            problem.help(help)
        }
        _ => problem,
    }
}

fn unlocked(manifest: &Manifest, wanted: &Wanted, lock: &Lock) -> Problem {
    let title = format!("the component of service `{}` is not pinned", wanted.service.name);
    let help = format!("run `dovetail build` without --locked, and keep `{}`", lock.path().display());
    let label = format!("`{}` does not have this reference, and --locked keeps it as it is", lock.path().display());
    manifest.problem(&wanted.service.name, Some("component"), title, help).label(label)
}
