//! An issuer that is asked for its keys (OpenID Connect Discovery 1.0).
//!
//! A task asks: at the start, every few minutes, and when a token names a key that is not
//! known, though never sooner than some seconds after the last time. Those who wait for such a
//! key wait for one answer together. While the issuer is away the keys that it had serve; if
//! it never answered, there are none, and nobody is let in.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{Uri, uri::Scheme};
use serde::Deserialize;
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    fetch::{self, FetchError},
    key_set::KeySet,
    tokens::Tokens,
};

/// The shortest time from one asking to the next.
const PAUSE: Duration = Duration::from_secs(5);

/// The time from one asking to the next, if nothing happens: as long may a key serve that its
/// issuer has withdrawn.
const ROUND: Duration = Duration::from_secs(300);

/// How long an asking may take, both requests together.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where an issuer says where its keys are.
const CONFIGURATION: &str = "/.well-known/openid-configuration";

/// How those who need a key have the issuer asked.
#[derive(Clone)]
pub struct Asking {
    wanted: Arc<Notify>,
    /// When it was asked last.
    asked: watch::Sender<Option<Instant>>,
}

/// What an issuer says of itself.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

/// Why its keys are not had.
#[derive(Debug, Error)]
enum Unanswered {
    #[error("it does not answer in {} s", PATIENCE.as_secs())]
    Late,
    #[error("{url} is not had: {source}", source = chain(source))]
    Fetch { url: String, source: FetchError },
    #[error("{0} does not say where its keys are")]
    Configuration(String),
    #[error("it says that it is {0:?}, which is another issuer")]
    Other(String),
    #[error("its keys are at {0:?}, which has no TLS")]
    Insecure(String),
    #[error("what is at {url} {reason}")]
    Keys { url: String, reason: String },
}

impl Asking {
    /// Nobody has asked yet.
    pub fn new() -> Asking {
        Asking { wanted: Arc::default(), asked: watch::Sender::new(None) }
    }

    /// Wait until the issuer has been asked once more, unless that was done just now. Whether
    /// it was.
    pub async fn again(&self) -> bool {
        let mut asked = self.asked.subscribe();
        if asked.borrow_and_update().is_some_and(|asked| asked.elapsed() < PAUSE) {
            return false;
        }
        self.wanted.notify_one();
        timeout(PATIENCE, asked.changed()).await.is_ok_and(|changed| changed.is_ok())
    }

    /// Ask this issuer for the keys of its tokens, for as long as anybody uses these.
    pub async fn run(self, tokens: Weak<Tokens>, issuer: String, ca: Option<PathBuf>) {
        let (mut had, mut is_away) = (None, false);
        loop {
            let found = match timeout(PATIENCE, keys(&issuer, ca.clone())).await {
                Ok(found) => found,
                Err(_) => Err(Unanswered::Late),
            };
            let Some(tokens) = tokens.upgrade() else { return };
            match found {
                Ok((text, keys)) => {
                    if is_away {
                        tracing::info!("the issuer {issuer} answers again");
                    }
                    is_away = false;
                    if had.as_ref() != Some(&text) {
                        tokens.take(Arc::new(keys));
                        had = Some(text);
                    }
                }
                Err(unanswered) => {
                    if !is_away {
                        let until =
                            if had.is_some() { "the keys that it had go on serving" } else { "nobody is let in" };
                        tracing::warn!("the issuer {issuer} cannot be asked for its keys, and {until}: {unanswered}");
                    }
                    is_away = true;
                }
            }
            drop(tokens);
            self.asked.send_replace(Some(Instant::now()));
            sleep(PAUSE).await;
            if !(is_away && had.is_none()) {
                tokio::select! {
                    () = sleep(ROUND - PAUSE) => {}
                    () = self.wanted.notified() => {}
                }
            }
        }
    }
}

/// The keys of an issuer, and their text.
async fn keys(issuer: &str, ca: Option<PathBuf>) -> Result<(Bytes, KeySet), Unanswered> {
    let url = format!("{}{CONFIGURATION}", issuer.trim_end_matches('/'));
    let (at, told) = get(&url, ca.clone()).await?;
    let configuration: Configuration = serde_json::from_slice(&told).map_err(|_| Unanswered::Configuration(url))?;
    if configuration.issuer != issuer {
        return Err(Unanswered::Other(configuration.issuer));
    }
    let url = configuration.jwks_uri;
    let is_secure = url.parse::<Uri>().is_ok_and(|uri| uri.scheme() == Some(&Scheme::HTTPS));
    // An issuer on this machine need have none, and its keys are there, too.
    let is_beside = at.scheme() == Some(&Scheme::HTTP)
        && url.parse::<Uri>().is_ok_and(|uri| uri.scheme() == at.scheme() && uri.host() == at.host());
    if !is_secure && !is_beside {
        return Err(Unanswered::Insecure(url));
    }
    let (_, text) = get(&url, ca).await?;
    let keys = KeySet::of_jwks(&text).map_err(|reason| Unanswered::Keys { url, reason })?;
    Ok((text, keys))
}

async fn get(url: &str, ca: Option<PathBuf>) -> Result<(Uri, Bytes), Unanswered> {
    let failed = |source| Unanswered::Fetch { url: url.to_owned(), source };
    let uri: Uri = url.parse().map_err(|_| failed(FetchError::Url))?;
    let told = fetch::get(&uri, ca).await.map_err(failed)?;
    Ok((uri, told))
}

/// An error and what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        told = format!("{told}: {inner}");
        cause = inner.source();
    }
    told
}
