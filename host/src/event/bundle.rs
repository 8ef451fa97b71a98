//! Messages that are attempted at once: those that go to a broker do.
//!
//! What a message costs by itself is mostly what a bundle of them costs, too: a task, a wait
//! until they are durable, a way to the broker and back, an entry of the store's log. So they
//! share those. What comes of each is its own.

use std::{error::Error, ops::ControlFlow, sync::Arc};

use bytes::Bytes;

use super::{
    attempt::{Attempt, Ended},
    record::Why,
    subscription::{Destination, Outbound, Subscription},
};
use crate::{
    broker::{BrokerError, Letter, NotSent},
    message::{Message, RowKey},
    service::Watermark,
    store::{Change, StoreError},
};

/// How each ended.
pub type Ends = Vec<(RowKey, Ended)>;

/// Attempts for one subscription, no two of one key.
pub struct Bundle {
    /// To whom.
    pub subscription: Arc<Subscription>,
    /// At what.
    pub attempts: Vec<Attempt>,
}

impl Bundle {
    /// Make all of them. What has to be durable for their ends to be so is added to `seen`.
    pub async fn make(self, seen: &Watermark) -> Result<Ends, StoreError> {
        let mut ends = Vec::with_capacity(self.attempts.len());
        match &self.subscription.to {
            Destination::Service(service) => {
                for attempt in &self.attempts {
                    ends.push((attempt.row, attempt.make(service, seen).await?));
                }
            }
            Destination::Broker(outbound) => {
                let letters = self.open(&mut ends, seen).await?;
                if !letters.is_empty() {
                    self.send(outbound, letters, &mut ends, seen).await?;
                }
            }
        }
        Ok(ends)
    }

    /// What is to be sent, each with its attempt. The others have ended.
    async fn open(&self, ends: &mut Ends, seen: &Watermark) -> Result<Vec<(&Attempt, Letter)>, StoreError> {
        let Subscription { queue, store, .. } = &*self.subscription;
        let mut letters = Vec::with_capacity(self.attempts.len());
        for attempt in &self.attempts {
            // One that was handed over may be gone.
            let is_known = attempt.document.is_none();
            match attempt.open(seen).await? {
                ControlFlow::Break(ended) => ends.push((attempt.row, ended)),
                ControlFlow::Continue((message, document))
                    if is_known || store.exists(queue.bucket(), &attempt.row.to_string(), seen).await? =>
                {
                    letters.push((attempt, letter(&message, document)));
                }
                ControlFlow::Continue(_) => ends.push((attempt.row, Ended::Done)),
            }
        }
        Ok(letters)
    }

    /// Send them by a broker. That they are here is durable before they are there: who is told
    /// of one must not be told of what a crash undoes.
    async fn send(
        &self,
        outbound: &Outbound,
        letters: Vec<(&Attempt, Letter)>,
        ends: &mut Ends,
        seen: &Watermark,
    ) -> Result<(), StoreError> {
        let store = &self.subscription.store;
        let (attempts, letters): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
        if !outbound.has_readers(&**store, seen).await? {
            ends.extend(attempts.iter().map(|attempt| (attempt.row, Ended::NotBegun)));
            return Ok(());
        }
        store.durable(seen).await?;
        let (mut sent, mut refused, mut away) = (Vec::new(), Vec::new(), None);
        let answers = outbound.outlet.send(&letters).await;
        for ((attempt, letter), answer) in attempts.into_iter().zip(&letters).zip(answers) {
            match answer {
                Ok(()) => sent.push(attempt),
                Err(NotSent::Away(error)) => {
                    away.get_or_insert(error);
                    ends.push((attempt.row, Ended::NotBegun));
                }
                Err(error) => refused.push((attempt, letter, error)),
            }
        }
        self.tell(!sent.is_empty(), away.as_ref());
        self.end(&sent, seen).await?;
        ends.extend(sent.iter().map(|attempt| (attempt.row, Ended::Done)));
        for (attempt, letter, error) in refused {
            ends.push((attempt.row, attempt.failed(0, true, Why::Failed, &error, &letter.document, seen).await?));
        }
        Ok(())
    }

    /// Whether the broker has taken any, and why it has not taken others.
    fn tell(&self, is_of_use: bool, away: Option<&BrokerError>) {
        let Subscription { queue, line: Some(line), .. } = &*self.subscription else { return };
        match away {
            Some(error) if line.breaks(error) => {
                let error = error as &dyn Error;
                tracing::warn!(event = queue.event(), error, "events cannot be sent, and wait until they can");
            }
            None if is_of_use => line.works(),
            _ => {}
        }
    }

    /// They were sent: remove them, by one entry of the log. There is no fence, for nothing else
    /// is written: of a row that is gone there is nothing to remove, and who has taken over and
    /// not seen that it is gone sends it once more, with the id by which its readers know it. On
    /// a store of this host's own none is gone: nobody else removes what is on delivery. Where
    /// hosts share one, each counts anew once in a while.
    async fn end(&self, sent: &[&Attempt], seen: &Watermark) -> Result<(), StoreError> {
        let Subscription { queue, store, retries, .. } = &*self.subscription;
        if sent.is_empty() {
            return Ok(());
        }
        let gone = |bucket, attempt: &Attempt| Change { bucket, key: attempt.row.to_string(), value: None };
        let rows = sent.iter().map(|attempt| gone(queue.bucket(), attempt));
        let records = sent.iter().filter(|attempt| attempt.before.is_some()).map(|attempt| gone(retries, attempt));
        store.write(rows.chain(records).collect(), seen).await?;
        queue.removed(sent.len() as u64);
        Ok(())
    }
}

fn letter(message: &Message, document: Bytes) -> Letter {
    let (_, function) = message.kind.split_once('#').unwrap_or_default();
    Letter { id: message.id.to_string(), function: function.to_owned(), key: message.key.clone(), document }
}
