//! What a subscriber takes of an event, as the store has it.
//!
//! A message outlives the component that it was emitted for. So each queue has a row that
//! says by which types its subscriber takes messages: only where those are others than before
//! need the messages be looked at. The row says so of a revision before that is live, so that
//! whatever waits by other types than the row's is found, whenever the host ends.

use std::collections::{BTreeMap, HashMap};

use crate::{
    link::{self, InterfaceName},
    message::{Message, Params, Queue},
    service::{Revision, Watermark},
    store::{BucketStore, Change, Pages, StoreError},
};

/// The parameters of each function of an event that a component exports, by export, as WIT
/// writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted(BTreeMap<String, String>);

/// Messages that wait and are not what is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// How many.
    pub waiting: u64,
    /// The export that they are for.
    pub function: String,
    /// What it took when they were emitted.
    pub was: String,
    /// What it takes, or would take.
    pub now: String,
}

impl Accepted {
    /// The bucket of the rows, by [`Queue::name`].
    pub const BUCKET: &str = "queues:";

    /// What a revision takes of an event.
    pub fn of(revision: &Revision, event: &str) -> Accepted {
        Accepted(params(revision, event).map(|(export, params)| (export.to_owned(), params.to_string())).collect())
    }

    /// The one of a row; none if it is no such row.
    pub fn read(row: &[u8]) -> Option<Accepted> {
        serde_json::from_slice(row).ok().map(Accepted)
    }

    /// The row of a queue that says so.
    pub fn row(&self, queue: &Queue) -> Change<'static> {
        let value = serde_json::to_vec(&self.0).unwrap_or_default();
        Change { bucket: Accepted::BUCKET, key: queue.name().to_owned(), value: Some(value) }
    }
}

impl Unfit {
    /// What waits in a queue whose subscriber took this before, and cannot be delivered to a
    /// revision; of several functions, for the first. A message that its own types are not
    /// needed for is fit: what it says can be said by those of the revision.
    pub async fn find(
        store: &dyn BucketStore,
        queue: &Queue,
        before: &Accepted,
        revision: &Revision,
        seen: &Watermark,
    ) -> Result<Option<Unfit>, StoreError> {
        let now: HashMap<_, _> = params(revision, queue.event()).collect();
        let is_same = |export: &str, was: &str| now.get(export).is_some_and(|now| now.to_string() == was);
        let changed: BTreeMap<_, _> = before.0.iter().filter(|(export, was)| !is_same(export, was)).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let mut unfit = BTreeMap::<String, u64>::new();
        let mut pages = Pages::of(store, queue.bucket());
        while let Some(keys) = pages.next(seen).await? {
            for key in keys {
                let Some(document) = store.get(queue.bucket(), &key, seen).await? else { continue };
                // What cannot be read is nobody's, whatever its types.
                let Ok(message) = Message::read(&document) else { continue };
                let export = link::export_of(&message.kind);
                let is_fit = now.get(export.as_str()).is_some_and(|now| now.decode(&message.data).is_ok());
                if changed.contains_key(&export) && !is_fit {
                    *unfit.entry(export).or_default() += 1;
                }
            }
        }
        Ok(unfit.pop_first().map(|(function, waiting)| {
            let was = changed.get(&function).map(|was| (*was).clone()).unwrap_or_default();
            let now = now.get(function.as_str()).map_or_else(|| "nothing".to_owned(), ToString::to_string);
            Unfit { waiting, function, was, now }
        }))
    }
}

/// The functions of an event that a revision is delivered.
fn params<'a>(revision: &'a Revision, event: &str) -> impl Iterator<Item = (&'a str, &'a Params)> {
    let path = event.parse::<InterfaceName>().map(|name| name.path).unwrap_or_default();
    let receivers = revision.receivers();
    let of_event = receivers.filter(move |(export, _)| export.split(['@', '#']).next() == Some(path.as_str()));
    of_event.map(|(export, receiver)| (export, &receiver.params))
}
