//! `wasi:config/store`: a service's `config` table, read only.

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::{
    Grants,
    bindings::wasi::config::store::{Error, Host, add_to_linker},
};

struct Config;

impl HasData for Config {
    type Data<'a> = &'a Grants;
}

/// Offer the interface to components whose state gives access to its grants.
pub fn link<T: 'static>(linker: &mut Linker<T>, grants: fn(&mut T) -> &Grants) -> Result<()> {
    add_to_linker::<T, Config>(linker, grants)
}

impl Host for &Grants {
    fn get(&mut self, key: String) -> Result<Result<Option<String>, Error>> {
        Ok(Ok(self.config.get(&key).cloned()))
    }

    fn get_all(&mut self) -> Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self.config.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
    }
}
