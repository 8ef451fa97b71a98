//! When to say that the log grows because somebody reads an old state.
//!
//! What a reader sees stays as it is to the end of its transaction, so nothing that was
//! committed after its beginning can be copied. One that never ends, a `sqlite3` that
//! somebody left open, lets the log grow until the disk is full.

/// The pages of the log that cannot be copied when it is said first: 64 MiB, four times
/// what a log has that is begun anew in time.
const MUCH: u32 = 16_384;

/// What was said of the log so far.
#[derive(Debug, Default)]
pub struct Growth {
    /// The pages at which it was said last; none while the log is short.
    said: Option<u32>,
}

/// What is to be said now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// The log has grown.
    Grown,
    /// It is short again.
    Over,
}

impl Growth {
    /// Takes note of how many pages could not be copied. It is said once that there are
    /// many, again when they are twice as many, and when it is over.
    pub fn note(&mut self, left: u32) -> Option<Say> {
        let next = self.said.map_or(MUCH, |said| said.saturating_mul(2));
        if left >= next {
            self.said = Some(left);
            return Some(Say::Grown);
        }
        let over = left < MUCH && self.said.take().is_some();
        over.then_some(Say::Over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_a_bound_at_each_doubling_and_at_the_end() {
        let mut growth = Growth::default();
        let said = [MUCH - 1, MUCH, MUCH + 1, 2 * MUCH - 1, 2 * MUCH, 3 * MUCH, 5 * MUCH, MUCH, 0, 0, MUCH]
            .map(|left| growth.note(left));
        let (none, grown, over) = (None, Some(Say::Grown), Some(Say::Over));
        assert_eq!(said, [none, grown, none, none, grown, none, grown, none, over, none, grown]);
    }
}
