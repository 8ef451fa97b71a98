//! Why people are not shown a message, or why nothing is done with it.

use thiserror::Error;

use crate::{message::MessageId, store::StoreError};

/// What stands between a person and a message.
#[derive(Clone, Debug, Error)]
pub enum EventError {
    /// No service of this name is delivered events, or not this event.
    #[error("there is no subscriber `{name}`; {}", told(.there_are))]
    NoSubscriber {
        /// As it was asked for.
        name: String,
        /// Those that there are.
        there_are: Vec<String>,
    },
    /// Its message is not there, or not any more.
    #[error("there is no event {id} for `{subscriber}`: it was delivered or dropped, or never was")]
    NoMessage {
        /// As it was asked for.
        id: MessageId,
        /// Who would have been delivered it.
        subscriber: String,
    },
    /// What is to be done with it would race with its delivery.
    #[error("event {0} is being delivered; try again")]
    OnDelivery(MessageId),
    /// It has not failed.
    #[error("event {0} waits for its first attempt: there is nothing to try again")]
    NotTried(MessageId),
    /// It has not failed, and others stand in its way.
    #[error("event {id} waits behind {parked}, which is parked and of the same key: retry or drop that one")]
    Behind {
        /// The one that was asked for.
        id: MessageId,
        /// Whose turn is before.
        parked: MessageId,
    },
    /// Nobody delivers at this moment.
    #[error("the manifest changed meanwhile, or the host is about to end; try again")]
    Over,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn told(subscribers: &[String]) -> String {
    let named: Vec<_> = subscribers.iter().map(|name| format!("`{name}`")).collect();
    match named.len() {
        0 => "nobody is delivered events".to_owned(),
        1 => format!("there is {}", named[0]),
        _ => format!("there are {}", named.join(", ")),
    }
}
