//! What is kept of attempts that failed.

use std::{collections::BTreeMap, error::Error};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    message::{Moment, Unreadable},
    service::{CallError, NotDelivered},
};

/// The most bytes that are kept of an error.
const LONGEST: usize = 4096;

/// The attempts to deliver one message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// How many failed, by the revision that had it.
    pub attempts: BTreeMap<u64, u32>,
    /// How the last one failed.
    pub why: Why,
    /// The same in words.
    pub error: String,
    /// When it failed.
    pub at: Moment,
    /// When the next is due; none if it is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Moment>,
    /// The message, if it is not where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<RawValue>>,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The component trapped, or was refused memory.
    Trap,
    /// It was stopped at its deadline.
    Deadline,
    /// It answered with an error.
    Error,
    /// It answered that it wants it never again.
    Reject,
    /// What is kept is not what it takes.
    Data,
    /// It could not be called, or what it did could not be kept.
    Failed,
}

impl Record {
    /// That of one more attempt, which failed.
    pub fn failed(before: Option<&Record>, revision: u64, why: Why, error: &(dyn Error + 'static)) -> Record {
        let mut attempts = before.map(|record| record.attempts.clone()).unwrap_or_default();
        *attempts.entry(revision).or_default() += 1;
        Record { attempts, why, error: chain(error), at: Moment::now(), due: None, message: None }
    }

    /// That of what is in a queue and cannot be read as a message.
    pub fn unreadable(error: &Unreadable) -> Record {
        let (error, at) = (chain(error), Moment::now());
        Record { attempts: BTreeMap::new(), why: Why::Data, error, at, due: None, message: None }
    }

    /// What [`Record::write`] made.
    pub fn read(kept: &[u8]) -> serde_json::Result<Record> {
        serde_json::from_slice(kept)
    }

    /// As JSON.
    pub fn write(&self) -> Vec<u8> {
        // Nothing in it has no form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// How many attempts failed of one revision.
    pub fn failures_of(&self, revision: u64) -> u32 {
        self.attempts.get(&revision).copied().unwrap_or_default()
    }

    /// How many attempts failed.
    pub fn failures(&self) -> u32 {
        self.attempts.values().sum()
    }
}

impl Why {
    /// How an attempt failed that ended so; none if it was no attempt, for the subscriber
    /// never had the message.
    pub fn of(error: &NotDelivered) -> Option<Why> {
        Some(match error {
            NotDelivered::NoReceiver { .. } | NotDelivered::Data { .. } => Why::Data,
            NotDelivered::Refused { is_final: true, .. } => Why::Reject,
            NotDelivered::Refused { .. } => Why::Error,
            NotDelivered::Store(_) => return None,
            NotDelivered::Failed(error) => match error.root() {
                CallError::Busy { .. } | CallError::Crowded { .. } | CallError::Stopped { .. } => return None,
                error if error.is_stores() => return None,
                CallError::Deadline { .. } | CallError::CallersDeadline { .. } => Why::Deadline,
                CallError::Trap { .. } | CallError::Memory { .. } => Why::Trap,
                _ => Why::Failed,
            },
        })
    }

    /// Whether another attempt would end as this one did.
    pub fn is_final(self) -> bool {
        matches!(self, Why::Reject | Why::Data)
    }
}

/// An error and its causes, but for backtraces, which are for the log alone.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !told.contains('\n') {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    // A component says what it likes, and as much.
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}
