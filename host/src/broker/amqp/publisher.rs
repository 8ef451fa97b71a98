//! Publishes to an event's exchange.

use std::{error::Error, iter};

use async_trait::async_trait;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{Duration, Instant, timeout},
};

use super::{
    clerk::{Clerk, Posted},
    ledger::Answer,
    wire::{LONGEST, LOST, PATIENCE},
};
use crate::{
    broker::{Address, BrokerError, Letter, NotSent, Outlet},
    manifest::Transport,
};

/// How long nobody connects after that has failed: all who have something to send would.
const REST: Duration = Duration::from_millis(500);

/// Publishes the messages of an event.
pub struct Publisher {
    transport: Transport,
    address: Address,
    /// Protects the way to who publishes. It is held while that one connects, so that nobody
    /// else does.
    desk: Mutex<Desk>,
}

#[derive(Default)]
struct Desk {
    letters: Option<mpsc::Sender<Posted>>,
    /// When it could not connect, and why.
    failed: Option<(Instant, String)>,
}

impl Publisher {
    /// One that is not connected yet.
    pub fn new(transport: Transport, address: Address) -> Publisher {
        Publisher { transport, address, desk: Mutex::default() }
    }

    async fn letters(&self) -> Result<mpsc::Sender<Posted>, BrokerError> {
        let mut desk = self.desk.lock().await;
        if let Some(letters) = desk.letters.as_ref().filter(|letters| !letters.is_closed()) {
            return Ok(letters.clone());
        }
        if let Some((_, why)) = desk.failed.as_ref().filter(|(failed, _)| failed.elapsed() < REST) {
            return Err(BrokerError::new(&self.transport, "be connected to", why.clone()));
        }
        let started = Clerk::start(&self.transport, &self.address).await;
        let failed = started.as_ref().err().map(|error| (Instant::now(), why(error)));
        *desk = Desk { letters: started.as_ref().ok().cloned(), failed };
        started
    }
}

#[async_trait]
impl Outlet for Publisher {
    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let routing_key = Address::rest(&letter.function, letter.key.as_deref());
        if routing_key.len() > LONGEST {
            let why = format!("its routing key `{routing_key}` is longer than {LONGEST} bytes");
            return Err(NotSent::Refused(why.into()));
        }
        let unrouted = {
            let exchange = &self.address;
            format!("no queue is bound to the exchange `{exchange}` for `{routing_key}`: start or bind who reads it")
        };
        let letters = self.letters().await?;
        let (answer, answered) = oneshot::channel();
        let (id, document) = (letter.id.clone(), letter.document.clone());
        let posted = Posted { id, routing_key, document, answer };
        let answer = timeout(PATIENCE, async {
            letters.send(posted).await.ok()?;
            answered.await.ok()
        });
        let away = |why: &str| NotSent::Away(BrokerError::new(&self.transport, "keep a message", why));
        match answer.await {
            Ok(Some(Answer::Kept)) => Ok(()),
            Ok(Some(Answer::Returned)) => Err(NotSent::Refused(unrouted.into())),
            Ok(Some(Answer::Unknown(why))) => Err(away(&why)),
            Ok(None) => Err(away(LOST)),
            Err(_) => Err(away("it has not confirmed it in time")),
        }
    }
}

/// What an error says of its causes.
fn why(error: &BrokerError) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
