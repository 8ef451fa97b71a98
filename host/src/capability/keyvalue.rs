//! `wasi:keyvalue`: the buckets that a service was granted, in the app's store.
//!
//! Signatures and behaviour follow the package's own text, version 0.2.0-draft.
//! A write is answered at once; what leaves the host on behalf of the call waits until
//! it is durable ([`super::output_commit`]). What one call may carry is bounded, in `bounds`.

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
};
use crate::store::{BucketStore, Entry, StoreError, Watermark};
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
}

/// Why a call is not answered as the component would like.
pub enum Failure {
    /// It was not granted the bucket.
    Denied,
    /// It carries more than a call may.
    OutOfBounds(OutOfBounds),
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
            Failure::Store(error) => {
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
        Ok(self.store().get(self.name(&bucket)?, &key, self.seen).await?)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Failure> {
        bounds::entry(&key, &value, self.grants.largest_value)?;
        Ok(self.store().set(self.name(&bucket)?, key, value, self.seen).await?)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), Failure> {
        bounds::key(&key)?;
        Ok(self.store().delete(self.name(&bucket)?, key, self.seen).await?)
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<bool, Failure> {
        bounds::key(&key)?;
        Ok(self.store().exists(self.name(&bucket)?, &key, self.seen).await?)
    }

    async fn list_keys(&mut self, bucket: Resource<Bucket>, cursor: Option<u64>) -> Result<KeyResponse, Failure> {
        let page = self.store().list_keys(self.name(&bucket)?, cursor, self.seen).await?;
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
        Ok(self.store().increment(self.name(&bucket)?, key, delta, self.seen).await?)
    }
}

impl batch::Host for View<'_> {
    async fn get_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<Vec<Option<Entry>>, Failure> {
        bounds::keys(&keys)?;
        Ok(self.store().get_many(self.name(&bucket)?, keys, MOST_BYTES, self.seen).await?)
    }

    async fn set_many(&mut self, bucket: Resource<Bucket>, entries: Vec<Entry>) -> Result<(), Failure> {
        bounds::entries(&entries, self.grants.largest_value)?;
        Ok(self.store().set_many(self.name(&bucket)?, entries, self.seen).await?)
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<(), Failure> {
        bounds::keys(&keys)?;
        Ok(self.store().delete_many(self.name(&bucket)?, keys, self.seen).await?)
    }
}

impl From<OutOfBounds> for Failure {
    fn from(error: OutOfBounds) -> Failure {
        Failure::OutOfBounds(error)
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
