//! `dovetail rollback`: take the live revision back, or the canary.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use http::Method;
use serde::Deserialize;

use super::{
    check::count,
    client::{Client, Target},
    events, number, service,
    swapped::{self, short},
    terminal::Terminal,
};

/// Withdraw a service's canary, or make the revision before the live one live again.
#[derive(Args)]
pub struct Rollback {
    /// The service.
    #[arg(value_parser = service)]
    service: String,
    /// Take this revision back, and no other if this one is neither on trial nor live
    /// any more.
    #[arg(long, value_name = "REVISION", value_parser = number, allow_hyphen_values = true)]
    from: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// What the host says of its services.
#[derive(Deserialize)]
struct Told {
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    name: String,
    #[serde(flatten)]
    live: Revision,
    canary: Option<Revision>,
}

#[derive(Deserialize)]
struct Revision {
    revision: u64,
    digest: String,
}

impl Rollback {
    /// Have what is to be taken back now taken back and nothing else, say so when it is
    /// done, with each step, and wait until calls have left the revision.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (name, terminal) = (&self.service, Terminal::new());
        let client = self.target.client(manifest)?;
        let found = Service::find(&client, name)?;
        let taken = found.as_ref().map(Service::taken_back);
        let query = match (self.from, taken) {
            // Refused in the host's words, for it says what there is.
            (Some(from), Some(taken)) if from != taken.revision => format!("?from={from}"),
            (from, None) => from.map(|from| format!("?from={from}")).unwrap_or_default(),
            (_, Some(taken)) => format!("?from={}&digest={}", taken.revision, taken.digest),
        };
        // Nothing is announced before it is known to be so.
        let spinner = terminal.wait("Restoring", name);
        let answer = client.act(Method::POST, &format!("/v1/services/{name}/rollback{query}"), Bytes::new());
        drop(spinner);
        let answer = answer?;
        let is_live = swapped::is_live(&client, &answer)?;
        if let (Some(Service { canary: None, live, .. }), true) = (&found, is_live) {
            let sha256 = short(&live.digest);
            terminal.say("Taken", &format!("back {name}, revision {} (sha256 {sha256})", live.revision));
        }
        swapped::show(&client, &answer, name, &terminal)?;
        if is_live {
            tell_of_parked(&client, name, &terminal);
        }
        Ok(())
    }
}

/// Name the events that are parked for it, by the revision that was taken back for example: they
/// stay so. It is done, whether this can be told or not.
fn tell_of_parked(client: &Client, name: &str, terminal: &Terminal) {
    let parked = events::Told::of(client).map_or(0, |told| told.parked_for(name));
    if parked > 0 {
        let (events, are) = (count(parked, "event"), if parked == 1 { "is" } else { "are" });
        let retry = format!("`dovetail events retry --all-parked --of {name}`");
        terminal.say("Note", &format!("{events} for {name} {are} parked, and tried again with {retry}"));
    }
}

impl Service {
    fn find(client: &Client, name: &str) -> Result<Option<Service>> {
        let told: Told = client.values(&client.services()?)?;
        Ok(told.services.into_iter().find(|service| service.name == name))
    }

    /// What a rollback takes back.
    fn taken_back(&self) -> &Revision {
        self.canary.as_ref().unwrap_or(&self.live)
    }
}
