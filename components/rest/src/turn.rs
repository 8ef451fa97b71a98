//! Turns: who marks something now is done with it two turns later.
//!
//! `wasi:keyvalue` has no transaction over a read and a write. So two requests that
//! must not both go on each leave a mark first, and look for the other's mark then:
//! at least one of them sees the other and gives way. What nobody can undo is the
//! mark of a guest that died. Marks therefore are named by the turn in which they
//! were left, and bind those who look in the same turn, the one before or the one
//! after; later they mean nothing, and nobody is kept out for ever. A mark is a
//! counter: a host whose calls are units of work keeps all else that a call writes
//! until the call ends, but counts at once, for all to see.
//!
//! A mark binds for a turn at least, and the write that it is held for begins within half
//! of one: [`Turn::check`] sees to it. So this is sound as long as a write that has begun
//! is done, or never will be, within the other half, less what clocks differ by. Where
//! calls are units of work the write begins as the outermost call ends. That is by its
//! deadline, 10 seconds after it began by default, so the same holds; with a deadline of
//! more, turns must be longer. Where the clock is set between the mark and the write, marks
//! from before and after do not meet; but then the mark is of another time, either way, and
//! nothing is written for it.

use wasip2::clocks::wall_clock;

use crate::Error;

/// How long a turn is, in seconds.
const LENGTH: u64 = 20;

/// How old a mark may be when its write begins, in seconds: as long as hosts let a call
/// take by default.
const MOST: u64 = LENGTH / 2;

/// A stretch of time that all guests with a clock agree on, seen from a moment in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Seconds since 1970, when it was asked for.
    since: u64,
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    wall_clock::now().seconds
}

impl Turn {
    /// The turn that it is.
    pub fn now() -> Self {
        Self { since: now() }
    }

    fn number(self) -> u64 {
        self.since / LENGTH
    }

    /// The key of a mark that is left now.
    pub fn mark(self, name: &str) -> String {
        format!("{name}/{}", self.number())
    }

    /// The keys of the marks by others that count now, whatever was left in this turn
    /// among them.
    pub fn marks(self, name: &str) -> [String; 3] {
        let number = self.number();
        [number.saturating_sub(1), number, number + 1].map(|number| format!("{name}/{number}"))
    }

    /// An error if a write that begins now may be done when the mark means nothing.
    pub fn check(self) -> Result<(), Error> {
        match now().abs_diff(self.since) {
            0..=MOST => Ok(()),
            late => Err(Error::unavailable("The request took too long", format_args!("its mark is {late} s old"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LENGTH, Turn};

    #[test]
    fn marks_of_neighbouring_turns_bind_each_other_and_no_others() {
        for (one, other, binds) in [(7, 7, true), (7, 8, true), (8, 7, true), (7, 9, false), (9, 7, false)] {
            // Wherever in them.
            let (one, other) = (Turn { since: one * LENGTH + 3 }, Turn { since: other * LENGTH + 17 });
            assert_eq!(one.marks("x").contains(&other.mark("x")), binds, "{one:?} {other:?}");
        }
    }
}
