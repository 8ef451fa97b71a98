//! A component that is to replace that of a running service.
//!
//! Everything is found out before a call can reach it: what the file is, what it
//! imports and exports beside what the other services do, whether an instance of
//! it can be made. Then it is published by one store of a pointer.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::{Accepted, App, GivenBy, Part, Unfit, topology::Topology};
use crate::{
    link::{Link, Ties},
    manifest::{Problem, Report},
    message::Queue,
    service::{Canary, Revision, Serving, Share, Watermark},
    store::StoreError,
};

/// Who answered until now, for as long as it may have to be restored.
pub struct Replaced {
    /// Who answered calls.
    pub serving: Arc<Serving>,
    part: Arc<Part>,
    canary: Option<Arc<Part>>,
}

/// A component that passed every check, and has served nobody.
pub struct Candidate {
    place: usize,
    part: Arc<Part>,
    /// What its imports were tied to.
    links: Vec<Link>,
    revision: Arc<Revision>,
}

impl App {
    /// Compile a component for the service at `place`. It takes long, and a thread that
    /// serves requests must not wait for it.
    pub fn compile(&self, place: usize, given_by: GivenBy, component: &[u8]) -> Result<Part, Report> {
        let (manifest, service) = (self.manifest(), self.service_manifest(place));
        let part = Part::compile(manifest, &self.foundation.compiler, service, given_by, component);
        let part = part.map_err(|problem| Report::new(vec![*problem]))?;
        match part.memories() > self.foundation.memories {
            true => Err(Report::new(vec![self.too_many_memories(place, &part)])),
            false => Ok(part),
        }
    }

    /// Check a component against the app, and make a revision of it.
    pub async fn check(&self, place: usize, part: Part, number: u64) -> Result<Candidate, Report> {
        let part = Arc::new(part);
        let Ties { links, emissions } = self.topology().with(self.manifest(), place, &part)?;
        let own: Vec<_> = links.into_iter().filter(|link| link.importer == place).collect();
        let callees = own.iter().map(|link| (link, &self.services[link.exporter]));
        let emissions = emissions.iter().filter(|emission| emission.importer == place);
        let revision = self.foundation.revision(self.service_manifest(place), &part, number, callees, emissions).await;
        let revision = revision.map_err(|problem| Report::new(vec![problem]))?;
        Ok(Candidate { place, part, links: own, revision: Arc::new(revision) })
    }

    /// That a candidate takes the messages that wait for its service.
    pub async fn check_waiting(&self, candidate: &Candidate) -> Result<Result<(), Report>, StoreError> {
        let Candidate { place, part, revision, .. } = candidate;
        let (live, seen) = (self.services[*place].serving().live.clone(), Watermark::new());
        for queue in self.queues_for(*place) {
            let before = Accepted::of(&live, queue.event());
            if let Some(unfit) = Unfit::find(self.store(), queue, &before, revision, &seen).await? {
                return Ok(Err(Report::new(vec![self.unfit(*place, part.given_by, &unfit)])));
            }
        }
        Ok(Ok(()))
    }

    /// Have the store say that `now` takes the messages of its service, and not `before`: to be
    /// done before it does.
    pub async fn accept(&self, place: usize, before: &Revision, now: &Revision) -> Result<(), StoreError> {
        let rows = self.queues_for(place).filter_map(|queue| {
            let accepted = Accepted::of(now, queue.event());
            (accepted != Accepted::of(before, queue.event())).then(|| accepted.row(queue))
        });
        let (rows, seen) = (rows.collect::<Vec<_>>(), Watermark::new());
        if rows.is_empty() {
            return Ok(());
        }
        self.store().write(rows, &seen).await?;
        self.store().durable(&seen).await
    }

    /// Out of which queues a service is delivered.
    fn queues_for(&self, place: usize) -> impl Iterator<Item = &Arc<Queue>> {
        let service = &self.services[place];
        self.subscriptions().filter(|(.., subscriber)| Arc::ptr_eq(subscriber, service)).map(|(_, queue, _)| queue)
    }

    fn unfit(&self, place: usize, given_by: GivenBy, unfit: &Unfit) -> Problem {
        let name = self.services[place].name();
        let Unfit { waiting, function, was, now } = unfit;
        let title = format!("{} takes other messages than those that wait for it", given_by.named(name));
        let help = format!(
            "{waiting} messages of `{function}` wait that were emitted as `{was}`, and it takes `{now}`; swap again when \
             `dovetail events {name}` shows none, or drop them with `dovetail events drop --all {name}`"
        );
        given_by.problem(self.manifest(), name, title, None, help)
    }

    /// Have a candidate answer all new calls.
    pub fn publish(&self, candidate: Candidate) -> Result<Replaced> {
        let place = candidate.place;
        let mut topology = self.topology();
        let ties = topology.with(self.manifest(), place, &candidate.part)?;
        candidate.is_linked_by(&ties.links)?;
        Ok(self.exchange(&mut topology, place, ties, candidate.part, Serving::all(candidate.revision)))
    }

    /// Take back what was published last.
    pub fn restore(&self, place: usize, replaced: Replaced) {
        let Replaced { serving, part, canary } = replaced;
        let mut topology = self.topology();
        // What went before goes again, unless others came to need the new one.
        let Ok(ties) = topology.with(self.manifest(), place, &part) else { return };
        let live = serving.live.clone();
        let restored = match &serving.canary {
            Some(trial) => Serving { live, canary: Some(Canary::new(trial.revision.clone(), trial.share)) },
            None => Serving::all(live),
        };
        self.exchange(&mut topology, place, ties, part, restored);
        topology.canaries[place] = canary;
    }

    fn exchange(
        &self,
        topology: &mut Topology,
        place: usize,
        ties: Ties,
        part: Arc<Part>,
        serving: Serving,
    ) -> Replaced {
        (topology.links, topology.emissions) = (ties.links, ties.emissions);
        let part = std::mem::replace(&mut topology.parts[place], part);
        let canary = topology.canaries[place].take();
        Replaced { serving: self.services[place].publish(serving), part, canary }
    }

    /// Have a candidate answer a share of the new calls, beside the live one.
    pub fn publish_canary(&self, candidate: Candidate, share: Share) -> Result<()> {
        let place = candidate.place;
        let mut topology = self.topology();
        let ties = topology.with(self.manifest(), place, &candidate.part)?;
        candidate.is_linked_by(&ties.links)?;
        topology.canaries[place] = Some(candidate.part);
        let canary = Some(Canary::new(candidate.revision, share));
        let live = self.services[place].serving().live.clone();
        self.services[place].publish(Serving { live, canary });
        Ok(())
    }

    /// Have the canary answer all new calls.
    pub fn promote(&self, place: usize) -> Result<Replaced> {
        let mut topology = self.topology();
        let serving = self.services[place].serving();
        let (Some(canary), Some(part)) = (&serving.canary, topology.canaries[place].clone()) else {
            bail!("there is no canary of service `{}`", self.services[place].name());
        };
        let ties = topology.with(self.manifest(), place, &part)?;
        Ok(self.exchange(&mut topology, place, ties, part, Serving::all(canary.revision.clone())))
    }

    /// Have the canary answer no new calls. The answer is the canary, if there is
    /// one.
    pub fn withdraw(&self, place: usize) -> Option<Arc<Revision>> {
        self.topology().canaries[place] = None;
        let live = self.services[place].serving().live.clone();
        let replaced = self.services[place].publish(Serving::all(live));
        Some(replaced.canary.as_ref()?.revision.clone())
    }

    fn too_many_memories(&self, place: usize, part: &Part) -> Problem {
        let service = &self.service_manifest(place).name;
        let room = self.foundation.memories;
        let (component, memories) = (part.given_by.named(service), part.memories());
        let title = format!("{component} has {memories} linear memories in an instance");
        let help = format!(
            "the host was started with room for {room} in each; to make more room, start it with this component as \
             the service's file"
        );
        part.given_by.problem(self.manifest(), service, title, None, help)
    }
}

impl Replaced {
    /// Who was live.
    pub fn into_live(self) -> Arc<Revision> {
        self.serving.live.clone()
    }
}

impl Candidate {
    /// The revision, for a probe or a trial of it.
    pub fn revision(&self) -> &Arc<Revision> {
        &self.revision
    }

    /// Its service.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Its component.
    pub(super) fn part(&self) -> &Part {
        &self.part
    }

    /// Whether it was made with these links, which others may have changed since.
    fn is_linked_by(&self, links: &[Link]) -> Result<()> {
        let now = links.iter().filter(|link| link.importer == self.place);
        if !now.eq(&self.links) {
            bail!("the services that it calls were replaced meanwhile by others; try again");
        }
        Ok(())
    }
}
