//! The checker itself: what it takes, and what it refuses.

use std::hash::{BuildHasher, RandomState};

use super::{
    End::{self, Answered, Lost, Open},
    Event, Model, is_linearizable,
};

/// A value that is written and read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Register(u8);

#[derive(Clone, Copy, Debug)]
enum Access {
    Write(u8),
    Read(u8),
    /// Write the second if there is the first, and say whether there was.
    Swap(u8, u8, bool),
}

use Access::{Read, Swap, Write};

impl Model for Register {
    type Operation = Access;

    fn after(&self, access: &Access) -> Option<Register> {
        match *access {
            Write(value) => Some(Register(value)),
            Read(value) => (self.0 == value).then_some(Register(value)),
            Swap(old, new, done) => ((self.0 == old) == done).then_some(Register(if done { new } else { self.0 })),
        }
    }

    fn is_read(access: &Access) -> bool {
        matches!(access, Read(_) | Swap(_, _, false))
    }
}

fn at(begin: u64, end: End, operation: Access) -> Event<Access> {
    Event { operation, begin, end }
}

#[test]
fn right_histories_are_taken() {
    for (what, events) in [
        ("nothing", vec![]),
        (
            "one after the other",
            vec![
                at(1, Answered(2), Write(1)),
                at(3, Answered(4), Read(1)),
                at(5, Answered(6), Write(2)),
                at(7, Answered(8), Read(2)),
            ],
        ),
        ("a write is seen before it is answered", vec![at(1, Answered(4), Write(1)), at(2, Answered(3), Read(1))]),
        ("or not yet", vec![at(1, Answered(4), Write(1)), at(2, Answered(3), Read(0))]),
        (
            "two writes at once come in either order",
            vec![at(1, Answered(3), Write(1)), at(2, Answered(4), Write(2)), at(5, Answered(6), Read(1))],
        ),
        (
            "a read at once with two writes sees what is between them",
            vec![
                at(1, Answered(9), Write(1)),
                at(2, Answered(10), Write(2)),
                at(3, Answered(4), Read(0)),
                at(5, Answered(6), Read(2)),
                at(7, Answered(8), Read(1)),
            ],
        ),
        (
            "of two swaps at once one is done",
            vec![
                at(1, Answered(3), Swap(0, 1, true)),
                at(2, Answered(4), Swap(0, 2, false)),
                at(5, Answered(6), Read(1)),
            ],
        ),
        ("a write without an answer was done", vec![at(1, Open, Write(1)), at(2, Answered(3), Read(1))]),
        ("it was not", vec![at(1, Open, Write(1)), at(2, Answered(3), Read(0))]),
        ("it is, later", vec![at(1, Open, Write(1)), at(2, Answered(3), Read(0)), at(4, Answered(5), Read(1))]),
        ("what was lost was done before", vec![at(1, Lost(4), Write(1)), at(5, Answered(6), Read(1))]),
        ("or never", vec![at(1, Lost(4), Write(1)), at(5, Answered(6), Read(0))]),
    ] {
        assert!(is_linearizable(Register(0), &events), "{what}");
    }
}

#[test]
fn wrong_histories_are_refused() {
    for (what, events) in [
        ("a stale read", vec![at(1, Answered(2), Write(1)), at(3, Answered(4), Read(0))]),
        ("a read of the future", vec![at(1, Answered(2), Read(1)), at(3, Answered(4), Write(1))]),
        ("a read of what nobody wrote", vec![at(1, Answered(3), Write(1)), at(2, Answered(4), Read(2))]),
        ("a lost update", vec![at(1, Answered(3), Swap(0, 1, true)), at(2, Answered(4), Swap(0, 2, true))]),
        ("a lost write", vec![at(1, Answered(2), Write(1)), at(3, Answered(4), Write(2)), at(5, Answered(6), Read(1))]),
        (
            "a read that goes back",
            vec![at(1, Answered(6), Write(1)), at(2, Answered(3), Read(1)), at(4, Answered(5), Read(0))],
        ),
        (
            "two readers that disagree on the order",
            vec![
                at(1, Answered(11), Write(1)),
                at(2, Answered(12), Write(2)),
                at(3, Answered(5), Read(1)),
                at(6, Answered(8), Read(2)),
                at(9, Answered(10), Read(1)),
            ],
        ),
        (
            "a write without an answer is done and undone",
            vec![at(1, Open, Write(1)), at(2, Answered(3), Read(1)), at(4, Answered(5), Read(0))],
        ),
        ("it is seen before it was asked for", vec![at(1, Answered(2), Read(1)), at(3, Open, Write(1))]),
        (
            "what was lost is done after all",
            vec![at(1, Lost(4), Write(1)), at(5, Answered(6), Read(0)), at(7, Answered(8), Read(1))],
        ),
    ] {
        assert!(!is_linearizable(Register(0), &events), "{what}");
    }
}

#[test]
fn a_long_history_is_checked_quickly() {
    // Each write overlaps the one before and the one after, and a read between them
    // says which came last: without memory of what was tried this takes for ever.
    let mut events = Vec::new();
    for round in 0..300 {
        let (start, value) = (10 * round + 10, (round % 200) as u8);
        events.push(at(start, Answered(start + 12), Write(value)));
        events.push(at(start + 3, Answered(start + 7), Write(value)));
        events.push(at(start + 5, Answered(start + 16), Read(value)));
    }
    assert!(is_linearizable(Register(0), &events));
    events.push(at(5000, Answered(5001), Read(201)));
    assert!(!is_linearizable(Register(0), &events), "nobody wrote it");
}

/// Small histories of all kinds are judged as by trying every order of every part.
#[test]
fn every_order_tried_comes_to_the_same() {
    let seed = RandomState::new().hash_one(0);
    let mut random = seed | 1;
    let mut below = |end: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 33) % end
    };
    let mut judged = [0, 0];
    for _ in 0..4000 {
        let count = 2 + below(4);
        let mut moments: Vec<u64> = (1..=2 * count).collect();
        let mut events = Vec::new();
        for _ in 0..count {
            let mut draw = || moments.swap_remove(below(moments.len() as u64) as usize);
            let (one, other) = (draw(), draw());
            let (begin, end) = (one.min(other), one.max(other));
            let end = match below(4) {
                0 => Lost(end),
                1 if below(2) == 0 => Open,
                _ => Answered(end),
            };
            let (old, new) = (below(3) as u8, below(3) as u8);
            let access = match below(5) {
                0 | 1 => Write(new),
                2 | 3 => Read(old),
                _ => Swap(old, new, below(2) == 0),
            };
            events.push(at(begin, end, access));
        }
        let expected = any_order(&Register(0), &[], &events);
        assert_eq!(is_linearizable(Register(0), &events), expected, "{events:?}, with seed {seed}");
        judged[usize::from(expected)] += 1;
    }
    assert!(judged.iter().all(|count| *count > 400), "{judged:?} of both kinds");
}

/// Whether the rest can follow what was taken so far, by trying all.
fn any_order(state: &Register, taken: &[&Event<Access>], left: &[Event<Access>]) -> bool {
    if left.iter().all(|event| !matches!(event.end, Answered(_))) {
        return true;
    }
    left.iter().enumerate().any(|(index, event)| {
        // No event comes after one that began when it was over.
        let end = match event.end {
            Answered(end) | Lost(end) => end,
            Open => u64::MAX,
        };
        let Some(after) = state.after(&event.operation) else { return false };
        let is_late = taken.iter().any(|before| before.begin > end);
        let rest = [&left[..index], &left[index + 1..]].concat();
        let taken = [taken, &[event]].concat();
        !is_late && any_order(&after, &taken, &rest)
    })
}
