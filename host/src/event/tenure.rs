//! Which of several hosts on one store delivers what waits for a subscriber.
//!
//! Whoever does says so once in a while, and another takes over when it has heard nothing new
//! for a time by its own clock: no two clocks are compared. A host that was only slow may then
//! go on beside the other for a moment. That costs work and nothing else, for the end of a
//! delivery is written only while its message is there ([`Attempt`](super::attempt::Attempt)):
//! the row is the fence, and one of the two gets over it.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    message::MessageId,
    service::Watermark,
    store::{BucketStore, Change, Guard, StoreError},
};

/// How often whoever delivers says so.
const BEAT: Duration = Duration::from_secs(1);

/// How long another waits for the next beat.
const PATIENCE: Duration = Duration::from_secs(5);

/// The key of what is said.
const KEY: &str = "host";

/// The counter of what was done to messages by hosts that do not deliver.
const CHANGED: &str = "changed";

/// One host's part in it.
pub struct Tenure {
    bucket: String,
    /// This host, and this time that it runs.
    own: String,
    beats: u64,
    /// What another said last, and when that was new.
    others: Option<(Vec<u8>, Instant)>,
    holds: bool,
    next: Instant,
    changed: u64,
}

impl Tenure {
    /// That of a host which has said nothing yet.
    pub fn new(queue: &str) -> Tenure {
        let (bucket, own) = (format!("tenure:{queue}"), MessageId::fresh().to_string());
        Tenure { bucket, own, beats: 0, others: None, holds: false, next: Instant::now(), changed: 0 }
    }

    /// Whether this host delivers.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// When to say or hear something next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Say that this host goes on, or take over if nobody does. Whether what it knows of the
    /// messages is to be read again.
    pub async fn renew(&mut self, store: &dyn BucketStore) -> Result<bool, StoreError> {
        self.next = Instant::now() + BEAT;
        // Until it is known again.
        let held = std::mem::take(&mut self.holds);
        let said = store.get(&self.bucket, KEY, &Watermark::new()).await?;
        let is_free = match &said {
            None => true,
            Some(said) if said.is_empty() || said.starts_with(self.own.as_bytes()) => true,
            Some(said) => match &self.others {
                Some((before, since)) if before == said => since.elapsed() >= PATIENCE,
                _ => {
                    self.others = Some((said.clone(), Instant::now()));
                    false
                }
            },
        };
        if is_free {
            self.beats += 1;
            let beat = format!("{} {}", self.own, self.beats);
            self.holds = self.say(store, said.as_deref(), beat).await?;
        }
        let changed = match self.holds {
            true => store.increment(&self.bucket, CHANGED.to_owned(), 0, &Watermark::new()).await?,
            false => self.changed,
        };
        let is_new = std::mem::replace(&mut self.changed, changed) != changed;
        Ok(self.holds && (is_new || !held))
    }

    /// Something was done to messages here: whoever delivers has to look.
    pub async fn tell(&self, store: &dyn BucketStore) -> Result<(), StoreError> {
        match self.holds {
            true => Ok(()),
            false => store.increment(&self.bucket, CHANGED.to_owned(), 1, &Watermark::new()).await.map(drop),
        }
    }

    /// Let another take over at once.
    pub async fn release(&mut self, store: &dyn BucketStore) -> Result<(), StoreError> {
        if std::mem::take(&mut self.holds) {
            let said = format!("{} {}", self.own, self.beats);
            self.say(store, Some(said.as_bytes()), String::new()).await?;
        }
        Ok(())
    }

    /// Say something in answer to what was said, unless another was faster.
    async fn say(&self, store: &dyn BucketStore, said: Option<&[u8]>, now: String) -> Result<bool, StoreError> {
        let guard = Guard { bucket: &self.bucket, key: KEY, value: said };
        let change = Change { bucket: &self.bucket, key: KEY.to_owned(), value: Some(now.into_bytes()) };
        store.write_where(guard, vec![change], &Watermark::new()).await.map(|written| written.is_some())
    }
}
