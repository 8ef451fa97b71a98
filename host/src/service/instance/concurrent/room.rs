//! Room for the instances of a revision.

use std::{sync::Arc, time::Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Error, Result, Store, component};

use super::{
    Place,
    driver::{Exported, Guest},
    handler::Http,
};
use crate::service::{
    instance::Instance,
    pool::{Exhausted, Pool},
    state::State,
};

/// Room for so many instances, of which each has so many places. The pool leases
/// places; an instance is made here when a lease finds none free.
pub struct Room {
    /// Given back with the store: an instance that was ended is dropped a moment
    /// later, by the runtime.
    instances: Arc<Semaphore>,
    most: u32,
    places: u32,
}

impl Room {
    /// Room with nobody in it.
    pub fn new(instances: u32, places: u32) -> Room {
        Room { instances: Arc::new(Semaphore::new(instances as usize)), most: instances, places }
    }

    /// A place for a call whose lease found none: at an instance that is made for
    /// it, or at one where another call made room meanwhile.
    pub async fn place(
        &self,
        pool: &Pool<Instance>,
        deadline: Instant,
        make: impl AsyncFnOnce() -> Result<(Store<State>, component::Instance, Option<Http>)>,
    ) -> Result<Instance> {
        let found = tokio::time::timeout_at(deadline.into(), self.find(pool, deadline)).await;
        let permit = match found.map_err(|_| Error::from(Exhausted(self.most)))? {
            Found::Place(place) => return Ok(place),
            Found::Room(permit) => permit,
        };
        let (mut store, instance, http) = make().await?;
        store.data_mut().is_shared = self.places > 1;
        let exports = Arc::new(Exported { instance, http, alone: self.places == 1 });
        let (mut mine, others) = Place::of(Guest { store, exports, _permit: permit }, self.places);
        mine.begin(deadline);
        others.for_each(|place| pool.add(Instance::Concurrent(place)));
        Ok(Instance::Concurrent(mine))
    }

    /// Instances that serve nobody.
    pub fn idle_count(&self, pool: &Pool<Instance>) -> usize {
        let free = |item: &Instance| matches!(item, Instance::Concurrent(place) if place.driver.register.is_idle());
        pool.count(free).div_ceil(self.places as usize)
    }

    /// Instances that serve somebody, or are being made or dropped.
    pub fn busy_count(&self, pool: &Pool<Instance>) -> usize {
        let all = (self.most as usize).saturating_sub(self.instances.available_permits());
        all.saturating_sub(self.idle_count(pool))
    }

    async fn find(&self, pool: &Pool<Instance>, deadline: Instant) -> Found {
        loop {
            // Made before the look, so that none is missed between.
            let changed = pool.changed();
            while let Some(mut place) = pool.take() {
                if place.begin(deadline) {
                    return Found::Place(place);
                }
            }
            tokio::select! {
                biased;
                Ok(permit) = self.instances.clone().acquire_owned() => return Found::Room(permit),
                () = changed => {}
            }
        }
    }
}

enum Found {
    Place(Instance),
    Room(OwnedSemaphorePermit),
}
