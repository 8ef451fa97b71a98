//! Where a service keeps what it knows.

use std::sync::OnceLock;

use crate::Error;
use keyvalue::{atomics, batch, store};

/// The bindings of `wasi:keyvalue`, made once for all components of the shop.
pub mod keyvalue {
    pub use super::bindings::wasi::keyvalue::{atomics, batch, store};
}

#[allow(missing_docs, unsafe_code)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package shop:rest;
            world kept {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        path: "../../wit/deps/keyvalue.wit",
        generate_all,
    });
}

/// A named set of keys in the store.
///
/// It is opened by the first call that needs it and stays open as long as the
/// instance lives, which is many requests.
#[derive(Debug)]
pub struct Bucket {
    name: &'static str,
    open: OnceLock<store::Bucket>,
}

impl Bucket {
    /// The bucket of this name, not opened yet.
    pub const fn named(name: &'static str) -> Self {
        Self { name, open: OnceLock::new() }
    }

    /// What is under the key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.opened()?.get(key).map_err(|error| self.failed(error))
    }

    /// What is under each of the keys, in their order.
    pub fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let found = batch::get_many(self.opened()?, keys).map_err(|error| self.failed(error))?;
        Ok(found.into_iter().map(|pair| pair.map(|(_, value)| value)).collect())
    }

    /// Put the value under the key.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.opened()?.set(key, value).map_err(|error| self.failed(error))
    }

    /// Put each value under its key, all of them or none.
    pub fn set_many(&self, pairs: &[(String, Vec<u8>)]) -> Result<(), Error> {
        batch::set_many(self.opened()?, pairs).map_err(|error| self.failed(error))
    }

    /// Leave nothing under the key.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.opened()?.delete(key).map_err(|error| self.failed(error))
    }

    /// Leave nothing under the keys.
    pub fn delete_many(&self, keys: &[String]) -> Result<(), Error> {
        batch::delete_many(self.opened()?, keys).map_err(|error| self.failed(error))
    }

    /// The counter's next number, from 1. It is nobody else's.
    pub fn next(&self, counter: &str) -> Result<u64, Error> {
        self.increment(counter, 1)
    }

    /// The number the counter gave out last, 0 if none. Reading its key would
    /// not do: how a counter is written there is the host's own affair.
    pub fn last(&self, counter: &str) -> Result<u64, Error> {
        self.increment(counter, 0)
    }

    fn increment(&self, counter: &str, by: u64) -> Result<u64, Error> {
        atomics::increment(self.opened()?, counter, by).map_err(|error| self.failed(error))
    }

    fn opened(&self) -> Result<&store::Bucket, Error> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let open = store::open(self.name).map_err(|error| self.failed(error))?;
        Ok(self.open.get_or_init(|| open))
    }

    fn failed(&self, error: store::Error) -> Error {
        let name = self.name;
        let misconfigured = "The service is misconfigured";
        match error {
            store::Error::Other(cause) => {
                Error::unavailable("The store is unavailable", format_args!("bucket \"{name}\": {cause}"))
            }
            store::Error::AccessDenied => {
                Error::internal(misconfigured, format_args!("the host does not grant it the bucket \"{name}\""))
            }
            store::Error::NoSuchStore => {
                Error::internal(misconfigured, format_args!("the host has no bucket \"{name}\""))
            }
        }
    }
}
