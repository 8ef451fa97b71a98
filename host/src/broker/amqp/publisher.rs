//! Publishes to an event's exchange.

use std::{error::Error, iter};

use async_trait::async_trait;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{Duration, Instant, error::Elapsed, timeout_at},
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
    letters: Option<mpsc::Sender<Vec<Posted>>>,
    /// When it could not connect, and why.
    failed: Option<(Instant, String)>,
}

impl Publisher {
    /// One that is not connected yet.
    pub fn new(transport: Transport, address: Address) -> Publisher {
        Publisher { transport, address, desk: Mutex::default() }
    }

    async fn letters(&self) -> Result<mpsc::Sender<Vec<Posted>>, BrokerError> {
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

    /// What came of a message, by what was answered in time: nothing, if the connection is lost.
    fn answer(&self, letter: &Letter, answer: Result<Option<Answer>, Elapsed>) -> Result<(), NotSent> {
        let away = |why: &str| Err(BrokerError::new(&self.transport, "keep a message", why).into());
        let key = routing_key(letter);
        if key.len() > LONGEST {
            return Err(NotSent::Refused(format!("its routing key `{key}` is longer than {LONGEST} bytes").into()));
        }
        match answer {
            Ok(Some(Answer::Kept)) => Ok(()),
            Ok(Some(Answer::Returned)) => {
                let to = &self.address;
                let why = format!("no queue is bound to the exchange `{to}` for `{key}`: start or bind who reads it");
                Err(NotSent::Refused(why.into()))
            }
            Ok(Some(Answer::Unknown(why))) => away(&why),
            Ok(None) => away(LOST),
            Err(_) => away("it has not confirmed it in time"),
        }
    }
}

#[async_trait]
impl Outlet for Publisher {
    async fn send(&self, letters: &[Letter]) -> Vec<Result<(), NotSent>> {
        let desk = match self.letters().await {
            Ok(desk) => desk,
            Err(away) => return letters.iter().map(|_| Err(away.clone().into())).collect(),
        };
        let (mut posted, mut waiting) = (Vec::with_capacity(letters.len()), Vec::with_capacity(letters.len()));
        for letter in letters {
            let (answer, answered) = oneshot::channel();
            let routing_key = routing_key(letter);
            waiting.push(answered);
            if routing_key.len() <= LONGEST {
                posted.push(Posted { id: letter.id.clone(), routing_key, document: letter.document.clone(), answer });
            }
        }
        let until = Instant::now() + PATIENCE;
        // What cannot be posted is dropped, and so are the ends of those who wait for it.
        let _ = timeout_at(until, desk.send(posted)).await;
        let mut answers = Vec::with_capacity(letters.len());
        for (letter, answered) in letters.iter().zip(waiting) {
            let answer = timeout_at(until, answered).await.map(Result::ok);
            answers.push(self.answer(letter, answer));
        }
        answers
    }
}

/// By which the broker finds the queues that it is for.
fn routing_key(letter: &Letter) -> String {
    Address::rest(&letter.function, letter.key.as_deref())
}

/// What an error says of its causes.
fn why(error: &BrokerError) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
