//! What a call says of the next event that it emits.

use wasmtime::{
    Result,
    component::{HasData, Linker},
    format_err,
};

use super::bindings::dovetail::events::emission::{Host, add_to_linker};
use crate::message::Moment;

/// Where it is kept until then; none where it cannot be told whose call says it.
pub type Next<'a> = Option<&'a mut Option<Moment>>;

struct Emission;

impl HasData for Emission {
    type Data<'a> = Next<'a>;
}

/// Offer `dovetail:events/emission` to components whose state has a place for the time before
/// which the next event is not delivered.
pub fn link<T: 'static>(linker: &mut Linker<T>, next: fn(&mut T) -> Next<'_>) -> Result<()> {
    add_to_linker::<T, Emission>(linker, next)
}

impl Host for Next<'_> {
    fn not_before(&mut self, time: u64) -> Result<()> {
        let next = self.as_mut().ok_or_else(|| {
            format_err!(
                "a component that says before when an event is not delivered serves one call at a time: write \
                 limits.concurrency = 1"
            )
        })?;
        **next = Some(Moment::from_millis(time));
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    #[test]
    fn it_is_kept_for_a_call_that_is_known_and_refused_to_others() {
        let mut kept = None;
        Some(&mut kept).not_before(7).expect("it is kept");
        Some(&mut kept).not_before(u64::MAX).expect("it is kept");
        assert_eq!(kept, Some(Moment::from_millis(u64::MAX)));
        let refused = Next::None.not_before(7).expect_err("nobody knows whose it is").to_string();
        assert!(refused.contains("limits.concurrency = 1"), "{refused}");
    }
}
