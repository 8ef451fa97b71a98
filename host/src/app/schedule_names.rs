//! What a schedule emits, and for whom.

use crate::manifest::Manifest;

/// A schedule by its name and those of what it emits.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ScheduleNames {
    /// As the manifest has it.
    pub name: String,
    /// The event.
    pub interface: String,
    /// The function of it that is called.
    pub function: String,
    /// Who is delivered it, or the broker that it goes by.
    pub to: Vec<String>,
}

impl ScheduleNames {
    /// All of an app, in the order of the manifest.
    pub fn all(manifest: &Manifest) -> Vec<ScheduleNames> {
        let schedules = manifest.schedules.iter().map(|schedule| {
            let event = manifest.events.iter().find(|event| event.interface == schedule.interface);
            let to = event.map(|event| event.outbox().map_or_else(|| event.subscribers.clone(), |outbox| vec![outbox]));
            ScheduleNames {
                name: schedule.name.clone(),
                interface: schedule.interface.clone(),
                function: schedule.function.clone(),
                to: to.unwrap_or_default(),
            }
        });
        schedules.collect()
    }
}
