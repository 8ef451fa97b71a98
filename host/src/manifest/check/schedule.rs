//! The schedules of a manifest.

use std::collections::BTreeMap;

use super::Checker;
use crate::manifest::key::KeyPath;
use crate::manifest::nearest::nearest;
use crate::manifest::{Invalid, Missed, ScheduleManifest, Times, names, schema, times};

impl Checker<'_> {
    /// The schedules that have nothing amiss, in the order of their names. `events` are the
    /// interfaces that are events.
    pub(super) fn schedules(
        &mut self,
        tables: BTreeMap<String, schema::Schedule>,
        events: &[String],
    ) -> Vec<ScheduleManifest> {
        let schedules = tables.into_iter();
        schedules.filter_map(|(name, table)| self.schedule(name, table, events)).collect()
    }

    fn schedule(&mut self, name: String, table: schema::Schedule, events: &[String]) -> Option<ScheduleManifest> {
        let at = KeyPath::root().child("schedule").child(&name);
        self.take_key(&at, "schedule", names::service(&name));
        let cron = table.cron.and_then(|cron| self.take(&at.child("cron"), times::cron(&cron)));
        let zone = self.take(&at.child("zone"), times::zone(&table.zone));
        let event = table.event.and_then(|event| self.take(&at.child("event"), emitted(&event, events)));
        let missed = self.take(&at.child("missed"), Missed::parse(&table.missed));
        let (interface, function) = event?;
        Some(ScheduleManifest { name, times: Times::new(cron?, zone?), interface, function, missed: missed? })
    }
}

/// The event that `acme:stock/events@0.1.0#checked` names, as its table has it, and the
/// function.
fn emitted(text: &str, events: &[String]) -> Result<(String, String), Invalid> {
    let help = "write an event and a function of it, as in \"acme:stock/events@0.1.0#checked\"";
    let Some((interface, function)) = text.split_once('#') else {
        return Err(Invalid::new("names no function", help));
    };
    if !names::is_kebab(function) {
        return Err(Invalid::new(format!("has {function:?}, which is no name in WIT"), help));
    }
    if let Some(event) = events.iter().find(|event| names::go_together(event, interface)) {
        return Ok((event.clone(), function.to_owned()));
    }
    let help = match nearest(interface, events.iter().map(String::as_str)) {
        Some(near) => format!("write \"{near}#{function}\""),
        None => format!("say who is delivered it, as in:\n[event.{interface:?}]\nsubscribers = [\"…\"]"),
    };
    Err(Invalid::new(format!("is of {interface:?}, which is no event of this app"), help))
}
