//! Who is at an instance: what its places and its task both know.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use wasmtime::{Error, Result};

use super::super::Reply;
use crate::capability::output_commit::{OutputCommit, Watermark};

/// Tells a call how it ended.
pub type Ended = oneshot::Sender<Result<End>>;

/// How a call ended that its instance has survived.
pub struct End {
    /// Whether it left nothing open.
    pub clean: bool,
    /// The response that was whole by then, and where it goes: with the end, so that
    /// nobody takes it for the beginning of a longer one.
    pub answer: Option<(oneshot::Sender<Reply>, Reply)>,
}

/// The calls of an instance.
pub struct Register(
    /// Protects the entries, looked at and changed together.
    Mutex<Entries>,
);

struct Entries {
    /// Calls that have a place.
    taken: u32,
    served: u32,
    /// What must be durable before anybody is told of them.
    commit: OutputCommit,
    /// Whether it takes no more calls.
    retired: bool,
    /// Bytes of memory whose refusal came before its end.
    refused: Option<u64>,
    /// Those that the instance serves now, by number.
    waiting: Vec<(u64, Ended)>,
    /// The number of the next one.
    next: u64,
}

/// The instance failed in, or for, another call.
#[derive(Debug, thiserror::Error)]
#[error("the instance ended in another call that it served at the same time: {0}")]
struct FellWith(String);

impl Register {
    /// Of an instance that has written or read this while it was made.
    pub fn new(commit: OutputCommit) -> Register {
        Register(Mutex::new(Entries {
            taken: 0,
            served: 0,
            commit,
            retired: false,
            refused: None,
            waiting: Vec::new(),
            next: 0,
        }))
    }

    /// Take a place, unless the instance takes no more calls; the watermark of those
    /// who have one now. Which of them reads or writes cannot be told.
    pub fn begin(&self) -> Option<Arc<Watermark>> {
        let mut entries = self.entries();
        let sound = match entries.taken {
            0 => entries.commit.renew(),
            _ => !entries.commit.is_lost(),
        };
        entries.retired |= !sound;
        if entries.retired {
            return None;
        }
        entries.taken += 1;
        entries.served += 1;
        Some(entries.commit.seen().clone())
    }

    /// Whether a call would wait for what others have seen.
    pub fn is_pending(&self) -> bool {
        self.entries().commit.is_pending()
    }

    /// Leave a place. Whether nobody has need of the instance any more.
    pub fn leave(&self) -> bool {
        let mut entries = self.entries();
        entries.taken -= 1;
        entries.is_over()
    }

    /// Take no more calls. Whether nobody has need of the instance any more.
    pub fn retire(&self) -> bool {
        let mut entries = self.entries();
        entries.retired = true;
        entries.is_over()
    }

    /// Whether the instance serves no call and would take one.
    pub fn is_idle(&self) -> bool {
        let entries = self.entries();
        entries.taken == 0 && !entries.retired
    }

    /// Calls that it has had.
    pub fn served(&self) -> u32 {
        self.entries().served
    }

    /// Bytes of memory whose refusal came before its end.
    pub fn refused(&self) -> Option<u64> {
        self.entries().refused
    }

    /// A call is served from now on.
    pub fn enter(&self, ended: Ended) -> u64 {
        let mut entries = self.entries();
        let number = entries.next;
        entries.next += 1;
        entries.waiting.push((number, ended));
        number
    }

    /// How many calls are served now.
    pub fn served_now(&self) -> usize {
        self.entries().waiting.len()
    }

    /// A call ended well.
    pub fn end(&self, number: u64, end: End) {
        let mut entries = self.entries();
        if let Some(place) = entries.waiting.iter().position(|(it, _)| *it == number) {
            // Who does not listen any more gave the call up.
            let _ = entries.waiting.swap_remove(place).1.send(Ok(end));
        }
    }

    /// The instance failed, and all that it served with it. wasmtime does not say
    /// in which call, so that the cause as it is goes to the one that is alone, or
    /// else to the first. Whether nobody has need of the instance any more.
    pub fn fail(&self, error: Error, refused: Option<u64>) -> bool {
        let mut entries = self.entries();
        entries.retired = true;
        entries.refused = refused;
        let waiting = std::mem::take(&mut entries.waiting);
        let others = FellWith(format!("{error:#}"));
        let mut cause = Some(error);
        for (_, ended) in waiting {
            let _ = ended.send(Err(cause.take().unwrap_or_else(|| FellWith(others.0.clone()).into())));
        }
        entries.is_over()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn is_over(&self) -> bool {
        self.retired && self.taken == 0
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    async fn register() -> Register {
        Register::new(OutputCommit::none().await.expect("memory can be opened"))
    }

    #[tokio::test]
    async fn nobody_has_need_of_an_instance_that_is_retired_and_left() {
        let register = register().await;
        assert!(register.begin().is_some() && register.begin().is_some());
        assert!(!register.leave(), "it may serve others");
        assert!(!register.retire(), "it serves one");
        assert!(register.begin().is_none(), "it takes no more");
        assert!(register.leave());
        assert_eq!(register.served(), 2);
    }

    #[tokio::test]
    async fn all_that_an_instance_serves_fall_with_it_and_one_has_the_cause() {
        let register = register().await;
        let calls: Vec<_> = (0..3)
            .map(|_| {
                assert!(register.begin().is_some());
                let (ended, end) = oneshot::channel();
                register.enter(ended);
                end
            })
            .collect();
        assert!(!register.fail(Error::msg("the cause"), Some(7)), "they have their places still");
        let errors: Vec<_> = calls
            .into_iter()
            .map(|mut end| end.try_recv().expect("it is told").err().expect("it fell").to_string())
            .collect();
        assert_eq!(errors[0], "the cause");
        assert!(errors[1..].iter().all(|error| error.contains("another call") && error.ends_with("the cause")));
        assert_eq!(register.refused(), Some(7));
        assert!(register.begin().is_none());
    }
}
