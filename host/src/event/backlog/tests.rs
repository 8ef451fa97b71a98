//! A backlog beside a store, which does what a dispatcher does, in any order.

use std::time::Duration;

use super::*;
use crate::message::MessageId;

/// How many rows are looked at at once, and delivered at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 8;

/// What is in the store, and what is done with it.
struct Deliveries {
    backlog: Backlog,
    /// In the order in which they were put there, those that are gone among them.
    rows: Vec<RowKey>,
    gone: HashSet<RowKey>,
    cursor: usize,
    running: Vec<RowKey>,
    retried: HashSet<RowKey>,
    blocked: Vec<RowKey>,
    now: Instant,
    /// Those that came to an end, in that order.
    done: Vec<RowKey>,
}

impl Deliveries {
    fn new() -> Deliveries {
        Deliveries {
            backlog: Backlog::default(),
            rows: Vec::new(),
            gone: HashSet::new(),
            cursor: 0,
            running: Vec::new(),
            retried: HashSet::new(),
            blocked: Vec::new(),
            now: Instant::now(),
            done: Vec::new(),
        }
    }

    fn emit(&mut self, keys: u32) {
        for _ in 0..fastrand::usize(1..300) {
            let key = fastrand::u32(0..=keys);
            let hash = (key < keys).then(|| StableHash::of(&key.to_string()));
            self.rows.push(RowKey { id: MessageId::fresh(), hash });
        }
    }

    fn fill(&mut self) {
        if self.backlog.take_missed() {
            self.cursor = 0;
        }
        while self.cursor < self.rows.len() && self.backlog.ready() < AT_ONCE && !self.backlog.is_full() {
            let end = (self.cursor + PAGE).min(self.rows.len());
            for place in self.cursor..end {
                if self.backlog.is_full() {
                    return;
                }
                if !self.gone.contains(&self.rows[place]) {
                    self.backlog.found(self.rows[place]);
                }
            }
            self.cursor = end;
        }
    }

    fn begin(&mut self) {
        while self.running.len() < AT_ONCE {
            let Some(row) = self.backlog.next(self.now) else { return };
            if row.hash.is_some() {
                let first = self.rows.iter().find(|other| other.hash == row.hash && !self.gone.contains(other));
                assert_eq!(first, Some(&row), "it is not the first of its key");
                assert!(!self.blocked.iter().any(|other| other.hash == row.hash), "its key is blocked");
            }
            assert!(!self.running.contains(&row) && !self.gone.contains(&row), "it is delivered twice");
            self.running.push(row);
        }
    }

    /// End a delivery, well or not.
    fn end(&mut self, failing: u32) {
        if self.running.is_empty() {
            return;
        }
        let row = self.running.swap_remove(fastrand::usize(..self.running.len()));
        self.retried.remove(&row);
        match fastrand::u32(..100) {
            roll if roll >= failing => {
                self.gone.insert(row);
                self.done.push(row);
                self.backlog.ended(row);
            }
            0 if row.hash.is_some() => {
                self.blocked.push(row);
                self.backlog.blocked(row);
            }
            _ => {
                self.retried.insert(row);
                self.backlog.again(row, self.now + Duration::from_millis(fastrand::u64(..50)));
            }
        }
    }

    /// Somebody has seen to one that is parked: it is gone, or is tried again.
    fn release(&mut self) {
        let Some(row) = self.blocked.pop() else { return };
        if fastrand::bool() {
            self.gone.insert(row);
            self.done.push(row);
        }
        self.backlog.unblocked(row);
    }

    /// All that is known is read again.
    fn restart(&mut self) {
        (self.backlog, self.cursor) = (Backlog::default(), 0);
        self.running.clear();
        self.blocked.iter().for_each(|row| self.backlog.found_blocked(*row));
        for row in &self.retried {
            self.backlog.found_retried(*row, self.now + Duration::from_millis(20));
        }
    }
}

#[test]
fn each_is_delivered_once_and_after_those_of_its_key() {
    for seed in 0..8 {
        fastrand::seed(seed);
        let mut deliveries = Deliveries::new();
        let (keys, failing) = (fastrand::u32(1..60), fastrand::u32(..30));
        for step in 0..1_000 {
            match fastrand::u32(..400) {
                0..20 if step < 500 => deliveries.emit(keys),
                20..23 => deliveries.restart(),
                23..30 => deliveries.release(),
                _ => deliveries.end(failing),
            }
            deliveries.now += Duration::from_millis(1);
            deliveries.fill();
            deliveries.begin();
        }
        while deliveries.done.len() < deliveries.rows.len() {
            let before = deliveries.done.len();
            for _ in 0..200 {
                deliveries.release();
                deliveries.end(0);
                deliveries.now += Duration::from_millis(1);
                deliveries.fill();
                deliveries.begin();
            }
            assert!(deliveries.done.len() > before, "{seed}: it stands still at {before}");
        }
        assert!(deliveries.backlog.is_empty(), "{seed}: {:?}", deliveries.backlog);
    }
}
