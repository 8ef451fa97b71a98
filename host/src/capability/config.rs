//! `wasi:config/store`: a service's `config` table, read only, as it was when the instance was
//! made.

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::{
    bindings::wasi::config::store::{Error, Host, add_to_linker},
    settings::Told,
};

struct Config;

impl HasData for Config {
    type Data<'a> = &'a Told;
}

/// Offer the interface to components whose state gives access to what they are told.
pub fn link<T: 'static>(linker: &mut Linker<T>, told: fn(&mut T) -> &Told) -> Result<()> {
    add_to_linker::<T, Config>(linker, told)
}

impl Host for &Told {
    fn get(&mut self, key: String) -> Result<Result<Option<String>, Error>> {
        Ok(Ok(self.config().get(&key).map(|value| value.reveal().to_owned())))
    }

    fn get_all(&mut self) -> Result<Result<Vec<(String, String)>, Error>> {
        Ok(Ok(self.config().iter().map(|(key, value)| (key.clone(), value.reveal().to_owned())).collect()))
    }
}
