//! Whether what subscribers had is what was emitted: each event once, those of a key in
//! their order, and none that never was.

use std::collections::{BTreeMap, BTreeSet};

/// An event that somebody asked for.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// Those of one key have an order.
    pub key: String,
    /// It has no other of its key.
    pub number: u64,
    /// Before the call was asked for that emits it.
    pub begin: u64,
    /// What came of the call.
    pub end: End,
}

/// What came of a call that emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ended well before this moment: the event is had.
    Well(u64),
    /// It failed: nobody has it.
    Failed,
    /// Nobody knows: it is had, or it is not.
    Unknown,
}

/// What a subscriber had, by key, in the order in which it came.
pub type Had = BTreeMap<String, Vec<u64>>;

/// What is not as it should be.
pub fn faults(emitted: &[Emitted], had: &Had) -> Vec<String> {
    let mut faults = Vec::new();
    let known: BTreeMap<_, _> = emitted.iter().map(|event| ((event.key.as_str(), event.number), event)).collect();
    for (key, numbers) in had {
        let events: Vec<_> = numbers.iter().map(|number| (*number, known.get(&(key.as_str(), *number)))).collect();
        faults.extend(strays(key, &events));
        let events: Vec<_> = events.into_iter().filter_map(|(_, event)| event.copied()).collect();
        faults.extend(swapped(&events));
    }
    for Emitted { key, number, .. } in emitted.iter().filter(|event| matches!(event.end, End::Well(_))) {
        if !had.get(key).is_some_and(|numbers| numbers.contains(number)) {
            faults.push(format!("{number} of {key} was lost"));
        }
    }
    faults
}

/// Those that came twice, or should not have come.
fn strays(key: &str, events: &[(u64, Option<&&Emitted>)]) -> Vec<String> {
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    for (number, event) in events {
        match event {
            _ if !seen.insert(number) => faults.push(format!("{number} of {key} was had twice")),
            None => faults.push(format!("{number} of {key} was never emitted")),
            Some(event) if event.end == End::Failed => {
                faults.push(format!("{number} of {key} was had, and its call failed"));
            }
            Some(_) => {}
        }
    }
    faults
}

/// Those that came before another that had ended when they began. Of one call, whose events
/// began together, a greater number is later.
fn swapped(events: &[&Emitted]) -> Vec<String> {
    let mut faults = Vec::new();
    // Of those behind, the one that was over first.
    let mut first: Option<(u64, &Emitted)> = None;
    for (place, event) in events.iter().enumerate().rev() {
        let Emitted { key, number, begin, .. } = event;
        if let Some((end, earlier)) = first.filter(|(end, _)| end < begin) {
            faults.push(format!("{number} of {key} came before {}, over at {end}", earlier.number));
        }
        let is_earlier = |later: &&&Emitted| later.begin == *begin && later.number < *number;
        if let Some(earlier) = events[place..].iter().find(is_earlier) {
            faults.push(format!("{number} of {key} came before {}, of the same call", earlier.number));
        }
        if let End::Well(end) = event.end
            && first.is_none_or(|(over, _)| end < over)
        {
            first = Some((end, event));
        }
    }
    faults
}

#[cfg(test)]
mod tests;
