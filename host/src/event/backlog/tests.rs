//! A backlog beside a store, which does what a dispatcher does, in any order.

use std::time::{Duration, SystemTime};

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
    /// Before which place none of a key is left.
    firsts: HashMap<StableHash, usize>,
    cursor: usize,
    /// How many pages were read for lanes that had run dry.
    pages: usize,
    running: Vec<RowKey>,
    retried: HashSet<RowKey>,
    blocked: Vec<RowKey>,
    /// Before when some of them are not to be delivered.
    times: HashMap<RowKey, Moment>,
    now: Instant,
    clock: Moment,
    /// Those that came to an end, in that order.
    done: Vec<RowKey>,
}

impl Deliveries {
    fn new() -> Deliveries {
        Deliveries {
            backlog: Backlog::default(),
            rows: Vec::new(),
            gone: HashSet::new(),
            firsts: HashMap::new(),
            cursor: 0,
            pages: 0,
            running: Vec::new(),
            retried: HashSet::new(),
            blocked: Vec::new(),
            times: HashMap::new(),
            now: Instant::now(),
            clock: Moment::now(),
            done: Vec::new(),
        }
    }

    fn emit(&mut self, keys: u32) {
        for _ in 0..fastrand::usize(1..300) {
            let key = fastrand::u32(0..=keys);
            let hash = (key < keys).then(|| StableHash::of(&key.to_string()));
            let row = RowKey { id: MessageId::fresh(), hash };
            self.rows.push(row);
            if fastrand::u32(..10) == 0 {
                self.times.insert(row, self.clock_in(Duration::from_millis(fastrand::u64(..100))));
            }
        }
    }

    fn fill(&mut self) {
        while let Some((hash, place)) = self.backlog.dry() {
            self.catch_up(hash, place.map_or(0, |place| place as usize));
        }
        while self.cursor < self.rows.len() {
            let is_short = self.running.len() + self.backlog.ready() < AT_ONCE;
            if self.backlog.has_enough() && !is_short {
                return;
            }
            if self.backlog.is_full() {
                self.backlog.make_room();
            }
            let (begin, end) = (self.cursor, (self.cursor + PAGE).min(self.rows.len()));
            for row in self.rows[begin..end].iter().filter(|row| !self.gone.contains(row)) {
                if self.backlog.is_full() {
                    return;
                }
                self.backlog.found(*row, Some(begin as u64));
            }
            self.cursor = end;
        }
    }

    fn catch_up(&mut self, hash: StableHash, mut place: usize) {
        let (room, mut rows) = (self.backlog.room_for_dry(), Vec::new());
        while place < self.cursor && rows.len() < room {
            let end = (place + PAGE).min(self.rows.len());
            let of_lane = self.rows[place..end].iter().filter(|row| row.hash == Some(hash) && !self.gone.contains(row));
            rows.extend(of_lane.filter(|row| !self.backlog.knows(**row)).copied());
            self.pages += 1;
            place = end;
        }
        self.backlog.catch_up(hash, rows, (place < self.cursor).then_some(Some(place as u64)));
    }

    fn clock_in(&self, wait: Duration) -> Moment {
        (SystemTime::from(self.clock) + wait).into()
    }

    fn begin(&mut self) {
        self.backlog.is_now(self.clock);
        while self.running.len() < AT_ONCE {
            let Some(row) = self.backlog.next(self.now) else { return };
            if let Some(hash) = row.hash {
                assert_eq!(self.first_of(hash), Some(row), "it is not the first of its key");
                assert!(!self.blocked.iter().any(|other| other.hash == row.hash), "its key is blocked");
            }
            assert!(!self.running.contains(&row) && !self.gone.contains(&row), "it is delivered twice");
            self.running.push(row);
        }
    }

    /// The first of a key that is not gone. Those before it are looked at once.
    fn first_of(&mut self, hash: StableHash) -> Option<RowKey> {
        let place = self.firsts.entry(hash).or_default();
        let is_left = |row: &&RowKey| row.hash == Some(hash) && !self.gone.contains(row);
        *place += self.rows[*place..].iter().position(|row| is_left(&row))?;
        self.rows.get(*place).copied()
    }

    /// Deliver until nothing is left.
    fn drain(&mut self) {
        while self.done.len() < self.rows.len() {
            let before = self.done.len();
            for _ in 0..200 {
                self.release();
                self.end(0);
                self.step();
            }
            assert!(self.done.len() > before, "it stands still at {before}");
        }
        assert!(self.backlog.is_empty(), "{:?}", self.backlog);
    }

    /// Time passes, and what may be begun is.
    fn step(&mut self) {
        self.now += Duration::from_millis(1);
        self.clock = self.clock_in(Duration::from_millis(1));
        self.fill();
        self.begin();
    }

    /// End a delivery, well or not.
    fn end(&mut self, failing: u32) {
        if self.running.is_empty() {
            return;
        }
        let row = self.running.swap_remove(fastrand::usize(..self.running.len()));
        if let Some(time) = self.times.get(&row).filter(|time| **time > self.clock) {
            return self.backlog.too_early(row, *time);
        }
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
        println!("seed {seed}");
        fastrand::seed(seed);
        let mut deliveries = Deliveries::new();
        let (keys, failing) = (fastrand::u32(1..60), fastrand::u32(..30));
        for step in 0..1_000 {
            match fastrand::u32(..400) {
                0..20 if step < 500 => deliveries.emit(keys),
                20..23 => deliveries.restart(),
                // All is read anew beside what is known.
                23..26 => deliveries.cursor = 0,
                26..33 => deliveries.release(),
                _ => deliveries.end(failing),
            }
            deliveries.step();
        }
        deliveries.drain();
    }
}

fn row(key: Option<&str>) -> RowKey {
    RowKey { id: MessageId::fresh(), hash: key.map(StableHash::of) }
}

/// All that may be delivered at a time, as it is taken.
fn taken(backlog: &mut Backlog, now: Instant) -> Vec<RowKey> {
    std::iter::from_fn(|| backlog.next(now)).collect()
}

#[test]
fn what_is_dropped_lets_those_of_its_key_go_on_wherever_it_was() {
    let (now, [first, second, third]) = (Instant::now(), [(); 3].map(|()| row(Some("7"))));
    let filled = || {
        let mut backlog = Backlog::default();
        [first, second, third].into_iter().for_each(|row| _ = backlog.found(row, None));
        backlog
    };
    // Ready.
    let mut backlog = filled();
    backlog.dropped(first);
    assert_eq!(taken(&mut backlog, now), [second]);
    // Behind another.
    let mut backlog = filled();
    backlog.dropped(second);
    assert_eq!(taken(&mut backlog, now), [first]);
    backlog.ended(first);
    assert_eq!(taken(&mut backlog, now), [third]);
    // Tried again later.
    let mut backlog = filled();
    assert_eq!(taken(&mut backlog, now), [first]);
    backlog.again(first, now + Duration::from_secs(3600));
    backlog.dropped(first);
    assert_eq!((taken(&mut backlog, now), backlog.due()), (vec![second], None));
    // Waits for its time.
    let mut backlog = filled();
    assert_eq!(taken(&mut backlog, now), [first]);
    backlog.too_early(first, Moment::from_millis(7));
    backlog.dropped(first);
    backlog.is_now(Moment::from_millis(7));
    assert_eq!((taken(&mut backlog, now), backlog.later()), (vec![second], 0));
    // Not known here.
    backlog.dropped(row(Some("7")));
    backlog.ended(second);
    assert_eq!(taken(&mut backlog, now), [third]);
}

#[test]
fn what_is_tried_at_once_is_tried_once() {
    let (now, row) = (Instant::now(), row(None));
    let mut backlog = Backlog::default();
    backlog.found(row, None);
    assert_eq!(taken(&mut backlog, now), [row]);
    backlog.again(row, now + Duration::from_secs(3600));
    assert!(taken(&mut backlog, now).is_empty());
    backlog.hasten(row, now);
    assert_eq!((taken(&mut backlog, now), backlog.due()), (vec![row], None));
}

#[test]
fn what_is_blocked_and_dropped_has_the_store_read_again() {
    let (now, [first, second]) = (Instant::now(), [(); 2].map(|()| row(Some("7"))));
    let mut backlog = Backlog::default();
    [first, second].into_iter().for_each(|row| _ = backlog.found(row, None));
    assert_eq!(taken(&mut backlog, now), [first]);
    backlog.blocked(first);
    assert!(taken(&mut backlog, now).is_empty());
    backlog.dropped(first);
    backlog.unblocked(first);
    let hash = StableHash::of("7");
    assert_eq!(backlog.dry(), Some((hash, None)));
    backlog.catch_up(hash, vec![second], None);
    assert_eq!(taken(&mut backlog, now), [second]);
}

/// A key with more than are kept in mind is read about once.
#[test]
fn one_key_alone_is_read_about_once() {
    let mut deliveries = Deliveries::new();
    deliveries.rows = (0..2 * MOST).map(|_| row(Some("7"))).collect();
    deliveries.drain();
    let pages = deliveries.rows.len() / PAGE;
    assert!(deliveries.pages <= 2 * pages, "{} pages of {pages}", deliveries.pages);
}

/// What waits for a far time is as much as it likes, those of keys and what is behind them too.
#[test]
fn what_is_meant_for_tomorrow_holds_up_nothing_today() {
    let (mut deliveries, many) = (Deliveries::new(), MOST + MOST / 8);
    let tomorrow = deliveries.clock_in(Duration::from_secs(86_400));
    let keys: Vec<_> = (0..many / 2).map(|key| key.to_string()).collect();
    let later: Vec<_> = keys.iter().flat_map(|key| [row(Some(key)), row(None)]).collect();
    let behind = keys.iter().map(|key| row(Some(key)));
    deliveries.times = later.iter().map(|row| (*row, tomorrow)).collect();
    deliveries.rows = later.iter().copied().chain(behind).collect();
    let today = [row(None), row(Some("today")), row(Some("today"))];
    deliveries.rows.extend(today);
    let mut steps = 0;
    while deliveries.done.len() < today.len() {
        (0..AT_ONCE).for_each(|_| deliveries.end(0));
        deliveries.step();
        steps += 1;
        assert!(steps < 4 * many, "it stands still with {:?}", deliveries.done);
    }
    assert!(deliveries.done.iter().all(|row| today.contains(row)), "{:?}", deliveries.done);
    assert_eq!((deliveries.backlog.later(), deliveries.backlog.first_time()), (many, Some(tomorrow)));
    deliveries.backlog.is_now(tomorrow);
    assert_eq!((deliveries.backlog.later(), deliveries.backlog.ready()), (0, many));
}

/// More than are kept in mind, of all and of each key, and more that fail than are begun.
#[test]
fn a_long_backlog_is_delivered_in_order() {
    fastrand::seed(7);
    let mut deliveries = Deliveries::new();
    while deliveries.rows.len() < 2 * MOST {
        deliveries.emit(2 * MOST_RETRIED as u32);
    }
    let (mut most_known, mut most_retried) = (0, 0);
    for _ in 0..4 * MOST_RETRIED {
        deliveries.end(100);
        deliveries.fill();
        deliveries.begin();
        most_known = most_known.max(deliveries.backlog.known.len());
        most_retried = most_retried.max(deliveries.backlog.retried.len());
    }
    assert!((ENOUGH..=MOST).contains(&most_known), "{most_known}");
    // Those that were begun when the last was as many.
    assert!((MOST_RETRIED..MOST_RETRIED + AT_ONCE).contains(&most_retried), "{most_retried}");
    deliveries.drain();
}
