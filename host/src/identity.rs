//! Identity: who asks, by what a request brings.
//!
//! Each `[auth.NAME]` of the manifest becomes an [`Authenticator`], which says of what is
//! brought who that is, or why it is nobody. What is brought is in no message and no log. What
//! is read of files is read again when they change; an issuer is asked for its keys in a task
//! beside the requests, which wait for it together. Nothing opens by a failure: where it
//! cannot be known who asks, nobody is let in.
//!
//! Which routes ask, and what is answered, is left to the `gateway`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use self::defect::Defect;
pub use self::{
    api_keys::NewKey,
    authenticator::{Authenticator, Kind},
    care::Care,
};
use crate::manifest::{AuthManifest, Manifest, Problem, Report};

mod api_keys;
mod authenticator;
mod basic;
mod care;
mod claims;
mod defect;
mod fetch;
mod issuer;
mod jwt;
mod key;
mod key_file;
mod key_set;
mod memory;
mod tokens;

/// Those who know who asks, by their names in the manifest.
#[derive(Default)]
pub struct Identities(BTreeMap<String, Arc<Authenticator>>);

/// Why nobody is believed to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was brought is no good, with a sentence for whoever brought it.
    Invalid(&'static str),
    /// Whether it is good cannot be known now.
    Unknown,
}

impl Identities {
    /// Those of a manifest, and what looks after them; or what is wrong with their files, each
    /// at its key. One that was there `before`, and is described alike, goes on with what it
    /// knows: its issuer may be away now.
    pub fn open(manifest: &Manifest, before: &Identities) -> Result<(Identities, Care), Report> {
        let (mut identities, mut care, mut problems) = (Identities::default(), Care::default(), Vec::new());
        for auth in &manifest.auths {
            if let Some(same) = before.get(&auth.name).filter(|it| it.is_of(auth)) {
                identities.0.insert(auth.name.clone(), same.clone());
                continue;
            }
            match Authenticator::open(auth, &mut care) {
                Ok(opened) => drop(identities.0.insert(auth.name.clone(), Arc::new(opened))),
                Err(defect) => problems.push(located(manifest, auth, &defect)),
            }
        }
        Report::new(problems).into_result()?;
        Ok((identities, care))
    }

    /// Whether nobody is known at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Authenticator>> {
        self.0.get(name)
    }
}

fn located(manifest: &Manifest, auth: &AuthManifest, defect: &Defect) -> Problem {
    let Defect { key, file, reason, help } = defect;
    let title = format!("`{}` {reason}", file.display());
    manifest.table_problem("auth", &format!("{}.{key}", auth.name), title, help)
}

/// Seconds since 1970 began.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
