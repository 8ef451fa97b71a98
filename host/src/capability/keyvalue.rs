//! `wasi:keyvalue`: the buckets that a service was granted, in the app's store.
//!
//! Signatures and behaviour follow the package's own text, version 0.2.0-draft.
//! A write is answered when it is durable.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{HasData, Linker, Resource, ResourceTable},
};

use super::{
    Grants,
    bindings::wasi::keyvalue::{
        atomics, batch,
        store::{self, Error, KeyResponse},
    },
};
use crate::store::{BucketStore, StoreError};

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

    fn name(&self, bucket: &Resource<Bucket>) -> Result<&str> {
        Ok(&self.table.get(bucket)?.name)
    }

    /// Turn a failure of the store into the interface's error. The component
    /// may show the text to its own clients, so it is the outermost sentence
    /// only; the log has the whole chain.
    fn answer<T>(&self, outcome: Result<T, StoreError>) -> Result<Result<T, Error>> {
        Ok(outcome.map_err(|error| {
            self.grants.log.line(|service| {
                tracing::error!(service, error = &error as &dyn std::error::Error, "the store failed");
            });
            Error::Other(error.to_string())
        }))
    }
}

impl store::Host for View<'_> {
    fn open(&mut self, name: String) -> Result<Result<Resource<Bucket>, Error>> {
        if !self.grants.buckets.contains(&name) {
            self.grants.refuse("open bucket", "buckets", &name);
            return Ok(Err(Error::AccessDenied));
        }
        Ok(Ok(self.table.push(Bucket { name })?))
    }
}

impl store::HostBucket for View<'_> {
    async fn get(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<Option<Vec<u8>>, Error>> {
        let got = self.store().get(self.name(&bucket)?, &key).await;
        self.answer(got)
    }

    async fn set(&mut self, bucket: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<Result<(), Error>> {
        let done = self.store().set(self.name(&bucket)?, key, value).await;
        self.answer(done)
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<(), Error>> {
        let done = self.store().delete(self.name(&bucket)?, key).await;
        self.answer(done)
    }

    async fn exists(&mut self, bucket: Resource<Bucket>, key: String) -> Result<Result<bool, Error>> {
        let found = self.store().exists(self.name(&bucket)?, &key).await;
        self.answer(found)
    }

    async fn list_keys(&mut self, bucket: Resource<Bucket>, cursor: Option<u64>) -> Result<Result<KeyResponse, Error>> {
        let page = self.store().list_keys(self.name(&bucket)?, cursor).await;
        self.answer(page.map(|page| KeyResponse { keys: page.keys, cursor: page.cursor }))
    }

    fn drop(&mut self, bucket: Resource<Bucket>) -> Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for View<'_> {
    async fn increment(&mut self, bucket: Resource<Bucket>, key: String, delta: u64) -> Result<Result<u64, Error>> {
        let value = self.store().increment(self.name(&bucket)?, key, delta).await;
        self.answer(value)
    }
}

impl batch::Host for View<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Result<Vec<Option<(String, Vec<u8>)>>, Error>> {
        let got = self.store().get_many(self.name(&bucket)?, keys).await;
        self.answer(got)
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        entries: Vec<(String, Vec<u8>)>,
    ) -> Result<Result<(), Error>> {
        let done = self.store().set_many(self.name(&bucket)?, entries).await;
        self.answer(done)
    }

    async fn delete_many(&mut self, bucket: Resource<Bucket>, keys: Vec<String>) -> Result<Result<(), Error>> {
        let done = self.store().delete_many(self.name(&bucket)?, keys).await;
        self.answer(done)
    }
}
