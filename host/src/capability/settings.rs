//! What a service is told: its configuration and its environment, as their files have them now.
//!
//! An instance has what there was when it was made, all of one time, for as long as it serves
//! ([`Told`]). When something changes, instances of before serve no new call: a component may
//! have read its configuration once, and has its environment from its beginning. No message
//! quotes a value.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use arc_swap::ArcSwap;

use self::file::SettingSource;
pub use self::file::Unusable;
use crate::{
    manifest::{Secret, ServiceManifest, Setting},
    renewal::{Files, Kept, Renewal},
};

mod file;

/// The settings of one service, shared by its revisions.
#[derive(Default)]
pub struct Settings(ArcSwap<Values>);

/// Values by key.
pub type Table = BTreeMap<String, Secret>;

/// All that there is at one time.
#[derive(Clone, Default)]
struct Values {
    config: Table,
    env: Table,
}

/// What an instance is told.
#[derive(Clone)]
pub struct Told {
    from: Arc<Settings>,
    values: Arc<Values>,
}

impl Settings {
    /// Read what is in files, and have what reads it again if there are any; or all that is
    /// wrong with them.
    pub fn open(service: &ServiceManifest) -> Result<(Arc<Settings>, Option<Renewal>), Vec<Unusable>> {
        let (mut files, mut unusable) = (Vec::new(), Vec::new());
        for file in service.setting_files() {
            match Kept::open(SettingSource::new(&service.name, file)) {
                Ok(kept) => files.push(kept),
                Err(error) => unusable.push(error),
            }
        }
        if !unusable.is_empty() {
            return Err(unusable);
        }
        let mut values = Values { config: written(&service.config), env: written(&service.env) };
        files.iter().for_each(|file| values.take(file));
        let settings = Arc::new(Settings(ArcSwap::from_pointee(values)));
        let of = Arc::downgrade(&settings);
        let renewal = (!files.is_empty()).then(|| Renewal::of(SettingFiles { of, files }));
        Ok((settings, renewal))
    }

    /// What an instance is told that is made now.
    pub fn told(self: &Arc<Self>) -> Told {
        Told { from: self.clone(), values: self.0.load_full() }
    }
}

impl Told {
    /// What it reads through `wasi:config`.
    pub fn config(&self) -> &Table {
        &self.values.config
    }

    /// Its environment.
    pub fn env(&self) -> &Table {
        &self.values.env
    }

    /// Whether something has changed since.
    pub fn is_outdated(&self) -> bool {
        !Arc::ptr_eq(&self.from.0.load(), &self.values)
    }
}

/// The files of a service's settings.
struct SettingFiles {
    of: Weak<Settings>,
    files: Vec<Kept<SettingSource>>,
}

impl Files for SettingFiles {
    fn look(&mut self) -> bool {
        let Some(settings) = self.of.upgrade() else { return false };
        // All of them, and not only up to the first that is new.
        let new = self.files.iter_mut().filter_map(|file| file.look().then_some(())).count();
        if new > 0 {
            let mut values = Values::clone(&settings.0.load());
            self.files.iter().for_each(|file| values.take(file));
            settings.0.store(Arc::new(values));
        }
        true
    }
}

impl Values {
    fn take(&mut self, file: &Kept<SettingSource>) {
        let source = file.source();
        let table = if source.is_env() { &mut self.env } else { &mut self.config };
        table.insert(source.key.clone(), Secret::clone(&file.now()));
    }
}

/// Those of a table that are in no file.
fn written(table: &BTreeMap<String, Setting>) -> Table {
    let written = table.iter().filter_map(|(key, setting)| match setting {
        Setting::Written(value) => Some((key.clone(), value.clone())),
        Setting::File(_) => None,
    });
    written.collect()
}
