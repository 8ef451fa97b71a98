//! What is known in memory of the messages that wait: which may be delivered next.
//!
//! Those of one key have a lane, in which one is delivered at a time and the others wait
//! behind it. Of a lane that is long, or stands still, some are kept here and the others
//! passed by, from a [`Place`] on: when none is left of it, it is [dry](Backlog::dry), and
//! catches up from there. So a backlog of any length takes bounded memory, is read about once,
//! and one key that stands still holds up no other.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use crate::message::{Moment, RowKey, StableHash};

#[cfg(test)]
mod tests;

/// The most messages that are kept here. Each is its row's key, of some 40 bytes.
const MOST: usize = 8192;

/// How many of one lane stay where room is made for others.
const MOST_BEHIND: usize = 32;

/// With so many known nothing more is looked for.
const ENOUGH: usize = MOST / 2;

/// Behind which a part of the store's rows begins: where a page of them did, or at the first.
pub type Place = Option<u64>;

/// The most that wait for another attempt. With so many nothing new is begun: a subscriber
/// that fails whatever it is given needs no more of it.
const MOST_RETRIED: usize = 1024;

/// Messages on their way to one subscriber.
#[derive(Debug, Default)]
pub struct Backlog {
    /// All that are here, those on delivery among them, but for what waits for its time.
    known: HashSet<RowKey>,
    /// What may be delivered now.
    ready: VecDeque<RowKey>,
    /// By the hash of their key, those that have one.
    lanes: HashMap<StableHash, Lane>,
    /// What is tried again, and when.
    retried: BinaryHeap<Reverse<(Instant, RowKey)>>,
    /// What waits for its time. They are as many as the queue may have, and are not counted among
    /// those that are known: what is meant for next week is in nobody's way today.
    later: HashSet<RowKey>,
    /// Their times, by the clock, which may be set. Some may be of rows that are there no more.
    times: BinaryHeap<Reverse<(Moment, RowKey)>>,
    /// Lanes of which none is here, and some were passed by.
    dry: Vec<StableHash>,
}

/// Messages of one key.
#[derive(Debug, Default)]
struct Lane {
    /// Behind the one that is on delivery, ready, or tried again.
    behind: VecDeque<RowKey>,
    /// Behind which all of it are that are here.
    since: Place,
    /// Behind which there are more in the store, which come after those.
    passed_by: Option<Place>,
    /// Whether a parked one is at its head.
    is_blocked: bool,
}

impl Lane {
    /// There are some behind this place that are not here.
    fn misses(&mut self, place: Place) {
        self.passed_by = Some(self.passed_by.map_or(place, |before| before.min(place)));
    }

    /// Leave those behind to the store, but for so many.
    fn pass_by(&mut self, but: usize, known: &mut HashSet<RowKey>) {
        if self.behind.len() > but {
            self.misses(self.since);
        }
        for behind in self.behind.drain(but.min(self.behind.len())..) {
            known.remove(&behind);
        }
    }
}

impl Backlog {
    /// Whether nothing is known of any.
    pub fn is_empty(&self) -> bool {
        self.knows_none() && self.lanes.is_empty()
    }

    /// Whether none is here, though some may be passed by.
    pub fn knows_none(&self) -> bool {
        self.known.is_empty() && self.later.is_empty()
    }

    /// Whether it is here.
    pub fn knows(&self, row: RowKey) -> bool {
        self.known.contains(&row) || self.later.contains(&row)
    }

    /// Whether no more are taken now.
    pub fn is_full(&self) -> bool {
        self.known.len() >= MOST
    }

    /// How many may be delivered now.
    pub fn ready(&self) -> usize {
        if self.retried.len() >= MOST_RETRIED { 0 } else { self.ready.len() }
    }

    /// Whether there is no need of more, of what comes after all that is known.
    pub fn has_enough(&self) -> bool {
        self.known.len() >= ENOUGH
    }

    /// A row that was found in the store behind a place, in their order. Whether it was not
    /// known, and is.
    pub fn found(&mut self, row: RowKey, place: Place) -> bool {
        if self.knows(row) {
            return false;
        }
        let Some(hash) = row.hash else {
            self.ready.push_back(row);
            return self.known.insert(row);
        };
        match self.lanes.get_mut(&hash) {
            None => {
                self.lanes.insert(hash, Lane { since: place, ..Lane::default() });
                self.ready.push_back(row);
            }
            Some(lane) if lane.is_blocked || lane.passed_by.is_some() => {
                lane.misses(place);
                return false;
            }
            Some(lane) => lane.behind.push_back(row),
        }
        self.known.insert(row)
    }

    /// A row that was tried before, and is to be again.
    pub fn found_retried(&mut self, row: RowKey, due: Instant) {
        if self.known.insert(row) {
            row.hash.map(|hash| self.lanes.entry(hash).or_default());
            self.retried.push(Reverse((due, row)));
        }
    }

    /// A row that is parked, and those of its key wait for it.
    pub fn found_blocked(&mut self, row: RowKey) {
        if let Some(hash) = row.hash {
            self.lanes.entry(hash).or_default().is_blocked = true;
        }
    }

    /// The next to deliver.
    pub fn next(&mut self, now: Instant) -> Option<RowKey> {
        if self.retried.peek().is_some_and(|Reverse((due, _))| *due <= now) {
            return self.retried.pop().map(|Reverse((_, row))| row);
        }
        if self.ready() == 0 { None } else { self.ready.pop_front() }
    }

    /// When the next of those that are tried again is due.
    pub fn due(&self) -> Option<Instant> {
        self.retried.peek().map(|Reverse((due, _))| *due)
    }

    /// It is not to be delivered before this time.
    pub fn too_early(&mut self, row: RowKey, time: Moment) {
        self.known.remove(&row);
        self.later.insert(row);
        self.times.push(Reverse((time, row)));
    }

    /// It is this late: those whose time has come may be delivered.
    pub fn is_now(&mut self, now: Moment) {
        while self.times.peek().is_some_and(|Reverse((time, _))| *time <= now) {
            let Some(Reverse((_, row))) = self.times.pop() else { return };
            if self.later.remove(&row) {
                self.known.insert(row);
                self.ready.push_back(row);
            }
        }
    }

    /// How many wait for their time.
    pub fn later(&self) -> usize {
        self.later.len()
    }

    /// The first of these times.
    pub fn first_time(&self) -> Option<Moment> {
        self.times.peek().map(|Reverse((time, _))| *time)
    }

    /// It is in the store no more.
    pub fn ended(&mut self, row: RowKey) {
        self.known.remove(&row);
        let Some(hash) = row.hash else { return };
        let Some(lane) = self.lanes.get_mut(&hash) else { return };
        if let Some(next) = lane.behind.pop_front() {
            return self.ready.push_back(next);
        }
        match lane.passed_by {
            Some(_) => self.dry.push(hash),
            None => _ = self.lanes.remove(&hash),
        }
    }

    /// A lane of which none is here, and behind which place the next of it are.
    pub fn dry(&self) -> Option<(StableHash, Place)> {
        let hash = self.dry.last()?;
        Some((*hash, self.lanes.get(hash)?.passed_by?))
    }

    /// The next of a dry lane, in their order, from where it was; those behind `place` are not
    /// among them. The first of them is ready. With none the lane is gone, unless there is such
    /// a place.
    pub fn catch_up(&mut self, hash: StableHash, rows: Vec<RowKey>, place: Option<Place>) {
        let Some(lane) = self.lanes.get_mut(&hash) else { return };
        lane.since = lane.passed_by.unwrap_or_default();
        lane.passed_by = place;
        let is_dry = rows.is_empty();
        self.known.extend(&rows);
        lane.behind.extend(rows);
        if is_dry && place.is_some() {
            return;
        }
        self.dry.retain(|other| *other != hash);
        match lane.behind.pop_front() {
            Some(first) => self.ready.push_back(first),
            None => _ = self.lanes.remove(&hash),
        }
    }

    /// How many of a dry lane there is room for.
    pub fn room_for_dry(&self) -> usize {
        MOST_BEHIND.max(MOST.saturating_sub(self.known.len()) / 2)
    }

    /// Leave to the store what waits behind one that stands still, and most of what is long:
    /// they keep others out.
    pub fn make_room(&mut self) {
        let retried = self.retried.iter().map(|Reverse((_, row))| row);
        for row in retried.chain(&self.later) {
            if let Some(lane) = row.hash.and_then(|hash| self.lanes.get_mut(&hash)) {
                lane.pass_by(0, &mut self.known);
            }
        }
        self.lanes.values_mut().for_each(|lane| lane.pass_by(MOST_BEHIND, &mut self.known));
    }

    /// It is to be tried again.
    pub fn again(&mut self, row: RowKey, due: Instant) {
        self.retried.push(Reverse((due, row)));
    }

    /// It is to be tried again at once, if it waited for that.
    pub fn hasten(&mut self, row: RowKey, now: Instant) {
        self.retried.retain(|Reverse((_, other))| *other != row);
        self.again(row, now);
    }

    /// It was taken out of the store, and was not on delivery.
    pub fn dropped(&mut self, row: RowKey) {
        if self.later.remove(&row) {
            return self.ended(row);
        }
        if !self.known.contains(&row) {
            return;
        }
        let lane = row.hash.and_then(|hash| self.lanes.get_mut(&hash));
        if let Some(lane) = lane
            && let Some(place) = lane.behind.iter().position(|other| *other == row)
        {
            lane.behind.remove(place);
            self.known.remove(&row);
            return;
        }
        self.ready.retain(|other| *other != row);
        self.retried.retain(|Reverse((_, other))| *other != row);
        self.ended(row);
    }

    /// It is parked, where it was, and those of its key wait for it.
    pub fn blocked(&mut self, row: RowKey) {
        self.known.remove(&row);
        let Some(hash) = row.hash else { return };
        let lane = self.lanes.entry(hash).or_default();
        lane.is_blocked = true;
        lane.pass_by(0, &mut self.known);
    }

    /// It is parked no more, or is gone: those of its key go on.
    pub fn unblocked(&mut self, row: RowKey) {
        if let Some(hash) = row.hash
            && let Some(lane) = self.lanes.get_mut(&hash).filter(|lane| lane.is_blocked)
        {
            lane.is_blocked = false;
            // It is before all that were passed by since.
            lane.misses(None);
            self.dry.push(hash);
        }
    }
}
