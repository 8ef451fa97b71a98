//! When time emits next.

use std::time::SystemTime;

use serde::Serialize;

use crate::{manifest::Manifest, message::Moment};

/// A schedule, and its next time.
#[derive(Debug, Serialize)]
pub struct Upcoming {
    /// As the manifest has it.
    pub name: String,
    /// The event, as the manifest has it.
    pub event: String,
    /// The function that is called.
    pub function: String,
    /// The first time that has not come; none if there is no such time.
    pub next: Option<Moment>,
}

impl Upcoming {
    /// Those of all schedules, in the order of the manifest.
    pub fn all(manifest: &Manifest) -> Vec<Upcoming> {
        let now = SystemTime::now();
        let schedules = manifest.schedules.iter().map(|schedule| Upcoming {
            name: schedule.name.clone(),
            event: schedule.interface.clone(),
            function: schedule.function.clone(),
            next: schedule.times.after(now).map(Moment::from),
        });
        schedules.collect()
    }
}
