//! The exports, each by a call or two of Spin's.

use std::collections::BTreeMap;

use crate::Adapter;
use crate::bindings::exports::wasi::keyvalue0_2_0_draft::{
    atomics, batch,
    store::{self, Bucket as Handle, BucketBorrow, Error, GuestBucket, KeyResponse},
};
use crate::bindings::wasi::keyvalue0_2_0_draft2 as spin;
use crate::counter::Counter;
use crate::key::Prefix;
use crate::listing;

/// Spin's store for whoever configures none.
const STORE: &str = "default";

/// How often a counter kept as text is added to again after another was first.
const MOST_ATTEMPTS: usize = 100;

/// An open bucket.
pub struct Open {
    store: spin::store::Bucket,
    prefix: Prefix,
}

impl store::Guest for Adapter {
    type Bucket = Open;

    fn open(identifier: String) -> Result<Handle, Error> {
        let store = spin::store::open(STORE)?;
        Ok(Handle::new(Open { store, prefix: Prefix::of(&identifier) }))
    }
}

impl GuestBucket for Open {
    fn get(&self, key: String) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.store.get(&self.prefix.join(&key))?)
    }

    fn set(&self, key: String, value: Vec<u8>) -> Result<(), Error> {
        Ok(self.store.set(&self.prefix.join(&key), &value)?)
    }

    fn delete(&self, key: String) -> Result<(), Error> {
        Ok(self.store.delete(&self.prefix.join(&key))?)
    }

    fn exists(&self, key: String) -> Result<bool, Error> {
        Ok(self.store.exists(&self.prefix.join(&key))?)
    }

    fn list_keys(&self, cursor: Option<u64>) -> Result<KeyResponse, Error> {
        let (mut places, mut more) = (Vec::new(), None);
        loop {
            let found = self.store.list_keys(more.as_deref())?;
            places.extend(found.keys);
            more = found.cursor;
            if more.is_none() {
                break;
            }
        }
        let page = listing::page(places.iter().filter_map(|place| self.prefix.strip(place)), cursor);
        Ok(KeyResponse { keys: page.keys, cursor: page.cursor })
    }
}

impl atomics::Guest for Adapter {
    fn increment(bucket: BucketBorrow<'_>, key: String, delta: u64) -> Result<u64, Error> {
        let Open { store, prefix } = bucket.get::<Open>();
        let place = prefix.join(&key);
        let refused = |cause| Error::Other(format!("cannot increment key {key:?}: {cause}"));
        let counter = Counter::read(store.get(&place)?.as_deref()).map_err(|cause| refused(cause.to_string()))?;
        let sum = counter.add(delta).map_err(|cause| refused(cause.to_string()))?;
        match counter {
            _ if delta == 0 => Ok(sum),
            Counter::Spins(_) => {
                // The sum fits, so the delta does.
                let sum = spin::atomics::increment(store, &place, delta as i64)?;
                u64::try_from(sum).map_err(|_| refused(format!("it is {sum} now, which is no count")))
            }
            Counter::Text(_) => add_to_text(store, &place, delta).map_err(|error| match error {
                Error::Other(cause) => refused(cause),
                error => error,
            }),
        }
    }
}

impl batch::Guest for Adapter {
    /// Spin answers with what it has, each key once, in any order.
    fn get_many(bucket: BucketBorrow<'_>, keys: Vec<String>) -> Result<Vec<Option<(String, Vec<u8>)>>, Error> {
        let Open { store, prefix } = bucket.get::<Open>();
        let places: Vec<String> = keys.iter().map(|key| prefix.join(key)).collect();
        let found: BTreeMap<_, _> = spin::batch::get_many(store, &places)?.into_iter().collect();
        let value = |place: &String| found.get(place).cloned().flatten();
        Ok(keys.into_iter().zip(&places).map(|(key, place)| Some((key, value(place)?))).collect())
    }

    fn set_many(bucket: BucketBorrow<'_>, entries: Vec<(String, Vec<u8>)>) -> Result<(), Error> {
        let Open { store, prefix } = bucket.get::<Open>();
        let entries: Vec<_> = entries.into_iter().map(|(key, value)| (prefix.join(&key), value)).collect();
        Ok(spin::batch::set_many(store, &entries)?)
    }

    fn delete_many(bucket: BucketBorrow<'_>, keys: Vec<String>) -> Result<(), Error> {
        let Open { store, prefix } = bucket.get::<Open>();
        let places: Vec<String> = keys.iter().map(|key| prefix.join(key)).collect();
        Ok(spin::batch::delete_many(store, &places)?)
    }
}

fn add_to_text(store: &spin::store::Bucket, place: &str, delta: u64) -> Result<u64, Error> {
    let mut cas = spin::atomics::Cas::new(store, place)?;
    for _ in 0..MOST_ATTEMPTS {
        let Ok(counter @ Counter::Text(_)) = Counter::read(cas.current()?.as_deref()) else {
            return Err(Error::Other("it was set to something else meanwhile".to_owned()));
        };
        let sum = counter.add(delta).map_err(|cause| Error::Other(cause.to_string()))?;
        match spin::atomics::swap(cas, sum.to_string().as_bytes()) {
            Ok(()) => return Ok(sum),
            Err(spin::atomics::CasError::CasFailed(again)) => cas = again,
            Err(spin::atomics::CasError::StoreError(error)) => return Err(error.into()),
        }
    }
    Err(Error::Other("others were first each time".to_owned()))
}

impl From<spin::store::Error> for Error {
    fn from(error: spin::store::Error) -> Self {
        match error {
            spin::store::Error::NoSuchStore => Self::NoSuchStore,
            spin::store::Error::AccessDenied => Self::AccessDenied,
            spin::store::Error::Other(cause) => Self::Other(cause),
        }
    }
}
