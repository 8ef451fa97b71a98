//! What a client does while its call goes on, as far as the call may fail of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use super::CallError;

/// The conduct of one request's client. The bodies of the request and of its answer
/// note it, and whoever judges the call asks: what fails of the client's doing counts
/// against nobody.
#[derive(Clone, Debug, Default)]
pub struct Conduct(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// A [`Fault`] in numbers; 0 is none.
    fault: AtomicU8,
    /// Whether the component has asked for more of the request's body, and it has not come.
    is_awaited: AtomicBool,
}

/// What a client did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its body is not what HTTP has it be, or stopped before its end.
    Broken = 1,
    /// Its body is larger than the service's `limits.body`.
    TooLarge = 2,
    /// Its body had not come by the call's deadline.
    Slow = 3,
    /// It went away before the end of its answer.
    Gone = 4,
}

impl Conduct {
    /// Remember what it did. The first fault is the one that others follow from.
    pub fn note(&self, fault: Fault) {
        let _ = self.0.fault.compare_exchange(0, fault as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Remember whether the body is waited for.
    pub fn await_body(&self, is_awaited: bool) {
        self.0.is_awaited.store(is_awaited, Ordering::Relaxed);
    }

    /// Whether its body is waited for.
    pub fn is_awaited(&self) -> bool {
        self.0.is_awaited.load(Ordering::Relaxed)
    }

    /// What a call is to be blamed on that has ended with `failure`, or well, before
    /// its answer was begun.
    pub(super) fn fault_of(&self, failure: Option<&CallError>) -> Option<Fault> {
        match (self.fault(), failure) {
            (Some(Fault::Broken | Fault::TooLarge), _) => self.fault(),
            (_, Some(CallError::Deadline { .. })) if self.is_awaited() => Some(Fault::Slow),
            // Who goes on as if nothing had happened fails by itself.
            (Some(Fault::Gone), Some(CallError::Trap { .. })) => Some(Fault::Gone),
            _ => None,
        }
    }

    /// What it did wrong so far.
    pub fn fault(&self) -> Option<Fault> {
        let number = self.0.fault.load(Ordering::Relaxed);
        [Fault::Broken, Fault::TooLarge, Fault::Slow, Fault::Gone].into_iter().find(|fault| *fault as u8 == number)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Fault::Broken => "did not finish the request's body, or not as HTTP has it",
            Fault::TooLarge => "sent more than the service takes (limits.body)",
            Fault::Slow => "had not sent its body by the deadline (limits.deadline)",
            Fault::Gone => "went away before the end of its answer",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_follows_from_the_client_is_blamed_on_it() {
        let service = || "guest".into();
        let deadline = CallError::Deadline { service: service(), allowed: Duration::from_secs(1) };
        let trap = CallError::Trap { service: service(), source: wasmtime::format_err!("unreachable") };
        let no_response = CallError::NoResponse { service: service() };
        for (noted, is_awaited, failure, blamed) in [
            (None, false, None, None),
            (None, false, Some(&trap), None),
            (None, true, Some(&trap), None),
            (None, true, None, None),
            (None, false, Some(&deadline), None),
            (None, true, Some(&deadline), Some(Fault::Slow)),
            (Some(Fault::Broken), false, None, Some(Fault::Broken)),
            (Some(Fault::Broken), false, Some(&trap), Some(Fault::Broken)),
            (Some(Fault::TooLarge), false, Some(&no_response), Some(Fault::TooLarge)),
            (Some(Fault::Gone), false, Some(&trap), Some(Fault::Gone)),
            (Some(Fault::Gone), false, Some(&deadline), None),
            (Some(Fault::Gone), true, Some(&deadline), Some(Fault::Slow)),
        ] {
            let conduct = Conduct::default();
            noted.into_iter().for_each(|fault| conduct.note(fault));
            conduct.await_body(is_awaited);
            assert_eq!(conduct.fault_of(failure), blamed, "{noted:?}, {is_awaited}, {failure:?}");
        }
    }

    #[test]
    fn the_first_fault_stands() {
        let conduct = Conduct::default();
        conduct.note(Fault::TooLarge);
        conduct.note(Fault::Gone);
        assert_eq!(conduct.fault_of(None), Some(Fault::TooLarge));
    }
}
