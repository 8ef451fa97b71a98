//! What was published over a connection and the broker has said nothing of.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::oneshot;

use crate::broker::MOST;

/// What has become of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The broker keeps it.
    Kept,
    /// No queue has it.
    Returned,
    /// The broker does not keep it, or nobody knows.
    Unknown(Arc<str>),
}

/// The messages, under the numbers that the broker gives them as well: from 1, in their order.
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    unsettled: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    id: String,
    is_returned: bool,
    /// To its sender, who may wait no more.
    answer: oneshot::Sender<Answer>,
}

impl Ledger {
    /// Whether more may be published. What nobody waits for any more counts, too, so that a
    /// broker which takes its time is not sent the same again and again.
    pub fn has_room(&self) -> bool {
        self.unsettled.len() < MOST
    }

    /// Enter a message that is published next. If it is there, and its sender did not wait any
    /// longer, it need not be: one will do. Whether it is to be published.
    pub fn enter(&mut self, id: String, answer: oneshot::Sender<Answer>) -> bool {
        let mut known = self.unsettled.values_mut();
        if let Some(entry) = known.find(|entry| entry.answer.is_closed() && entry.id == id) {
            entry.answer = answer;
            return false;
        }
        self.last += 1;
        self.unsettled.insert(self.last, Entry { id, is_returned: false, answer });
        true
    }

    /// The broker has returned a message, and is to settle it.
    pub fn returned(&mut self, id: &str) {
        let mut entries = self.unsettled.values_mut();
        if let Some(entry) = entries.find(|entry| !entry.is_returned && entry.id == id) {
            entry.is_returned = true;
        }
    }

    /// The broker has settled this one, or all up to it.
    pub fn settled(&mut self, number: u64, multiple: bool, is_kept: bool) {
        let settled = match multiple {
            true => self.unsettled.extract_if(..=number, |_, _| true).map(|(_, entry)| entry).collect(),
            false => Vec::from_iter(self.unsettled.remove(&number)),
        };
        for entry in settled {
            let answer = match (is_kept, entry.is_returned) {
                (true, false) => Answer::Kept,
                (true, true) => Answer::Returned,
                (false, _) => Answer::Unknown("it has refused it".into()),
            };
            let _ = entry.answer.send(answer);
        }
    }

    /// Nothing more is heard, for this reason.
    pub fn close(self, why: &Arc<str>) {
        for entry in self.unsettled.into_values() {
            let _ = entry.answer.send(Answer::Unknown(why.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answered = oneshot::Receiver<Answer>;

    fn enter(ledger: &mut Ledger, id: &str) -> (bool, Answered) {
        let (answer, answered) = oneshot::channel();
        (ledger.enter(id.to_owned(), answer), answered)
    }

    fn three() -> (Ledger, [Answered; 3]) {
        let mut ledger = Ledger::default();
        let answered = ["a", "b", "c"].map(|id| enter(&mut ledger, id).1);
        (ledger, answered)
    }

    #[test]
    fn each_is_told_what_became_of_it() {
        let (mut ledger, [mut a, mut b, mut c]) = three();
        ledger.settled(2, false, true);
        assert_eq!((b.try_recv(), a.try_recv().is_err(), c.try_recv().is_err()), (Ok(Answer::Kept), true, true));
        ledger.settled(1, false, false);
        assert!(matches!(a.try_recv(), Ok(Answer::Unknown(_))));
        ledger.close(&"lost".into());
        assert_eq!(c.try_recv(), Ok(Answer::Unknown("lost".into())));
    }

    #[test]
    fn one_that_was_returned_is_not_taken_for_another_that_is_settled_with_it() {
        let (mut ledger, [mut a, mut b, mut c]) = three();
        ledger.returned("b");
        ledger.settled(2, true, true);
        assert_eq!((a.try_recv(), b.try_recv()), (Ok(Answer::Kept), Ok(Answer::Returned)));
        assert!(c.try_recv().is_err());
    }

    #[test]
    fn one_whose_sender_waits_no_more_is_not_published_twice() {
        let (mut ledger, [a, mut b, _c]) = three();
        assert!(enter(&mut ledger, "b").0, "its sender waits");
        drop(a);
        let (is_new, mut a) = enter(&mut ledger, "a");
        assert!(!is_new);
        ledger.settled(4, true, true);
        assert_eq!((a.try_recv(), b.try_recv()), (Ok(Answer::Kept), Ok(Answer::Kept)));
    }
}
