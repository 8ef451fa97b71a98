//! A schedule: time, which emits an event.

use super::{Invalid, Times};

/// One `[schedule.NAME]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleManifest {
    /// By what it is known in the log, in the store and in what it emits.
    pub name: String,
    /// When it emits.
    pub times: Times,
    /// The interface of the event, as its table has it.
    pub interface: String,
    /// The function of it that is called. Whether there is one, only components tell.
    pub function: String,
    /// What becomes of times that passed while no host ran.
    pub missed: Missed,
}

/// What becomes of times that passed while no host ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// As soon as a host runs, one event is emitted for all of them, with the last one's time.
    Once,
}

impl Missed {
    pub(super) fn parse(text: &str) -> Result<Missed, Invalid> {
        match text {
            "skip" => Ok(Missed::Skip),
            "once" => Ok(Missed::Once),
            _ => Err(Invalid::new(
                format!("is {text:?}"),
                "write \"skip\" for nothing to be emitted for times that passed while no host ran, or \"once\" for one \
                 event in their place",
            )),
        }
    }
}
