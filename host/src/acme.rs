//! Certificates from authorities that speak ACME (RFC 8555), ordered and renewed in time.
//!
//! All that comes of it is a file with a certificate and its key in a folder of this host's
//! user. What shows a file's pair to clients, and sees that there is another one, is `tls`, as
//! with any file: nothing here is in the way of a connection, and whatever fails here leaves
//! what is shown as it is. One at a time orders for a folder, and looks first whether another
//! was done in the meantime.

use std::{sync::Arc, time::SystemTime};

use instant_acme::ChallengeType;
use tokio::{task::spawn_blocking, time::sleep};

pub use self::directory::trusted;
use self::{
    due::Due,
    failure::Failure,
    folder::Folder,
    wait::{Patience, until},
};
use crate::{manifest::Acme, tls::Proofs};

mod directory;
mod due;
mod failure;
mod folder;
mod order;
mod proof;
mod wait;

/// Has a certificate in its folder, as long as it runs.
pub struct Orders {
    acme: Arc<Acme>,
    proofs: Arc<Proofs>,
    /// How authorities can look, the most usual first; at least one.
    ways: Vec<ChallengeType>,
}

impl Orders {
    /// For this certificate. Authorities look at the proofs over TLS, or over plain HTTP as well.
    pub fn new(acme: Acme, proofs: Arc<Proofs>, over_http: bool) -> Orders {
        let over_http = over_http.then_some(ChallengeType::Http01);
        let ways = over_http.into_iter().chain([ChallengeType::TlsAlpn01]).collect();
        Orders { acme: Arc::new(acme), proofs, ways }
    }

    /// Order whenever it is time, for good. One way to look may be blocked where the other is
    /// not, so that they take turns while orders fail.
    pub async fn run(self) {
        let mut patience = Patience::default();
        let mut turns = self.ways.iter().cycle();
        let mut due = self.due().await;
        loop {
            if let Due::At(time) = due {
                until(time).await;
            }
            let Some(way) = turns.next() else { return };
            match self.renew(way).await {
                Ok(next) => {
                    patience = Patience::default();
                    due = next;
                }
                Err(failure) => {
                    let wait = patience.next(failure.is_of_too_many());
                    tracing::warn!(
                        error = &failure as &dyn std::error::Error,
                        "there is no new certificate for {}; it is tried again in {}. {}",
                        self.hosts(),
                        humantime::format_duration(wait),
                        self.meanwhile(),
                    );
                    sleep(wait).await;
                    due = Due::Now;
                }
            }
        }
    }

    /// When it is time by what is in the folder.
    async fn due(&self) -> Due {
        let acme = self.acme.clone();
        spawn_blocking(move || Due::of(&acme)).await.unwrap_or(Due::Now)
    }

    /// Order, unless another did; and when that is to be done again.
    async fn renew(&self, way: &ChallengeType) -> Result<Due, Failure> {
        let acme = self.acme.clone();
        let opened = spawn_blocking(move || Ok::<_, Failure>((Folder::open(&acme.folder)?, Due::of(&acme)))).await?;
        let (folder, due) = opened?;
        if let Due::At(time) = due
            && time > SystemTime::now()
        {
            tracing::info!("another host has a certificate for {} in the same folder", self.hosts());
            return Ok(due);
        }
        let (directory, hosts) = (&self.acme.directory, self.hosts());
        let place = if *way == ChallengeType::Http01 { "port 80" } else { "port 443" };
        tracing::info!("asks {directory} for a certificate for {hosts}; it will look at {place} of these");
        let issued = order::order(&self.acme, &folder, way, &self.proofs).await?;
        let acme = self.acme.clone();
        let kept = spawn_blocking(move || folder.keep(&acme, &issued)).await??;
        let (end, due) = (date(kept.end), kept.next());
        tracing::info!("has a certificate for {hosts} until {end}; it is renewed from {} on", date(due));
        Ok(Due::At(due))
    }

    fn hosts(&self) -> String {
        self.acme.hosts.join(", ")
    }

    /// What clients have as long as there is no new one.
    fn meanwhile(&self) -> &'static str {
        match self.acme.pair().exists() {
            true => "What is there goes on serving",
            false => "Until then who asks for these names cannot begin TLS, if there is no other certificate",
        }
    }
}

fn date(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
