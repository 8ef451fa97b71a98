//! `wasi:keyvalue`: the buckets that a service was granted, in the app's store.
//!
//! Signatures and behaviour follow the package's own text, version 0.2.0-draft.
//! A write is answered at once; what leaves the host on behalf of the call waits until
//! it is durable ([`super::output_commit`]). Of an atomic service it is kept with the call
//! until that has ended ([`super::unit`]). What one call may carry is bounded, in `bounds`.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{HasData, Linker, Resource, ResourceTable, ResourceTableError},
};

use super::{
    Grants,
    bindings::wasi::keyvalue::{
        atomics, batch,
        store::{self, Error, KeyResponse},
    },
    unit::{Refused, Unit},
};
use crate::store::{BucketStore, Change, Entry, StoreError, Watermark};
use bounds::{MOST_BYTES, OutOfBounds};

mod bounds;

/// An open bucket. Whoever has it was granted it.
pub struct Bucket {
    name: String,
}

/// What the interface needs of a component's state.
pub struct View<'a> {
    /// What the service may use.
    pub grants: &'a Arc<Grants>,
    /// The component's open resources.
    pub table: &'a mut ResourceTable,
    /// What must be durable before anybody is told of the call.
    pub seen: &'a Watermark,
    /// What the call keeps until it ends, if its service is atomic.
    pub unit: Option<&'a Unit>,
}

/// Why a call is not answered as the component would like.
pub enum Failure {
    /// It was not granted the bucket.
    Denied,
    /// It carries more than a call may.
    OutOfBounds(OutOfBounds),
    /// Its unit of work does not take it.
    Refused(Refused),
    /// The store could not do it.
    Store(StoreError),
    /// It has no such bucket open, which ends its call.
    Trap(ResourceTableError),
}

struct Keyvalue;

impl HasData for Keyvalue {
    type Data<'a> = View<'a>;
}

/// Offer the interfaces to components whose state gives such a view.
pub fn link<T: Send + 'static>(linker: &mut Linker<T>, view: fn(&mut T) -> View<'_>) -> Result<()> {
    store::add_to_linker::<T, Keyvalue>(linker, view)?;
    atomics::add_to_linker::<T, Keyvalue>(linker, view)?;
    batch::add_to_linker::<T, Keyvalue>(linker, view)
}

impl View<'_> {
    fn store(&self) -> &dyn BucketStore {
        &*self.grants.store
    }

    fn name(&self, bucket: &Resource<Bucket>) -> Result<&str, ResourceTableError> {
        Ok(&self.table.get(bucket)?.name)
    }

    /// Make these changes to a bucket: now, or when the call has ended.
    fn write(
        &self,
        bucket: &Resource<Bucket>,
        changes: impl IntoIterator<Item = (String, Option<Vec<u8>>)>,
    ) -> impl Future<Output = Result<(), Failure>> + Send {
        // The table, which no other thread may see, does not go with the future.
        let (store, seen, unit) = (self.store(), self.seen, self.unit);
        let changes = self
            .name(bucket)
            .map(|bucket| changes.into_iter().map(|(key, value)| Change { bucket, key, value }).collect::<Vec<_>>());
        async move {
            match unit {
                Some(unit) => Ok(unit.write(changes?)?),
                None => Ok(store.write(changes?, seen).await.map(drop)?),
            }
        }
    }

    /// What the call itself has made of a key.
    fn kept(&self, bucket: &str, key: &str) -> Option<Option<Vec<u8>>> {
        self.unit?.get(bucket, key)
    }
}

impl store::Host for View<'_> {
    fn open(&mut self, name: String) -> Result<Resource<Bucket>, Failure> {
        if !self.grants.buckets.contains(&name) {
            self.grants.refuse("open bucket", "buckets", &name);
            return Err(Failure::Denied);
        }
        Ok(self.table.push(Bucket { name })?)
    }

    /// Turn a failure into the interface's error. The component may show the
    /// text to its own clients, so of a failed store it is the outermost
    /// sentence only; the log has the whole chain.
    fn convert_error(&mut self, failure: Failure) -> Result<Error> {
        let log = &self.grants.log;
        match failure {
            Failure::Denied => Ok(Error::AccessDenied),
            Failure::OutOfBounds(error) => {
                log.line(|service| tracing::warn!(service, "refused a call of wasi:keyvalue: {error}"));
                Ok(Error::Other(error.to_string()))
            }
            Failure::Refused(error) => {
                log.line(|service| tracing::warn!(service, "refused a call of wasi:keyvalue: {error}"));
                Ok(Error::Other(error.to_string()))
            }
            Failure::Store(error) => {
                if error.is_stores() {
                    self.seen.fail();
                }
                let chain = &error as &dyn std::error::Error;
                log.line(|service| tracing::error!(service, error = chain, "the store failed"));
                Ok(Error::Other(error.to_string()))
            }
            Failure::Trap(error) => Err(error.into()),
        }
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, Failure> {
        bounds::key(&key)?;
        let bucket = self.name(&bucket)?;
        match self.kept(bucket, &key) {
            Some(kept) => Ok(kept),
            None => Ok(self.store().get(bucket, &key, self.seen).await?),
        }
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Failure> {
        bounds::entry(&key, &value, self.grants.largest_value)?;
        self.write(&bucket, [(key, Some(value))]).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Failure> {
        bounds::key(&key)?;
        self.write(&bucket, [(key, None)]).await
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Failure> {
        bounds::key(&key)?;
        let bucket = self.name(&bucket)?;
        match self.kept(bucket, &key) {
            Some(kept) => Ok(kept.is_some()),
            None => Ok(self.store().exists(bucket, &key, self.seen).await?),
        }
    }

    async fn list_keys(&mut self, bucket: Resource<Bucket>, cursor: Option<u64>) -> Result<KeyResponse, Failure> {
        let bucket = self.name(&bucket)?;
        let page = match self.unit {
            Some(unit) => unit.list_keys(self.store(), bucket, cursor, self.seen).await?,
            None => self.store().list_keys(bucket, cursor, self.seen).await?,
        };
        Ok(KeyResponse { keys: page.keys, cursor: page.cursor })
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<Bucket>, key: String, delta: u64) -> Result<u64, Failure> {
        bounds::key(&key)?;
        let bucket = self.name(&bucket)?;
        if let Some(unit) = self.unit {
            unit.may_increment(bucket, &key)?;
        }
        Ok(self.store().increment(bucket, key, delta, self.seen).await?)
    }
}

impl batch::Host for View<'_> {
    async fn get_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<Vec<Option<Entry>>, Failure> {
        bounds::keys(&keys)?;
        let bucket = self.name(&bucket)?;
        match self.unit {
            Some(unit) => Ok(unit.get_many(self.store(), bucket, keys, MOST_BYTES, self.seen).await?),
            None => Ok(self.store().get_many(bucket, keys, MOST_BYTES, self.seen).await?),
        }
    }

    async fn set_many(&mut self, bucket: Resource<Bucket>, entries: Vec<Entry>) -> Result<(), Failure> {
        bounds::entries(&entries, self.grants.largest_value)?;
        self.write(&bucket, entries.into_iter().map(|(key, value)| (key, Some(value)))).await
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<(), Failure> {
        bounds::keys(&keys)?;
        self.write(&bucket, keys.into_iter().map(|key| (key, None))).await
    }
}

impl From<OutOfBounds> for Failure {
    fn from(error: OutOfBounds) -> Failure {
        Failure::OutOfBounds(error)
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Failure {
        Failure::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Store(error)
    }
}

impl From<ResourceTableError> for Failure {
    fn from(error: ResourceTableError) -> Failure {
        Failure::Trap(error)
    }
}
