//! Talking to registries.

use std::{sync::Once, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use oci_client::{
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use tokio::time::timeout;

use super::{
    Artifact, Package, RegistryError,
    artifact::MANIFEST,
    credentials::{Credentials, Login},
    sink::Sink,
};
use crate::manifest::{Digest, Reference};

/// What is taken for a manifest. Docker's is the same but for its name.
const MANIFESTS: [&str; 2] = [MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"];

/// How many tags are named when one is not there.
const TAGS: usize = 10;

/// How long registries are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until there is a connection.
    pub connecting: Duration,
    /// For the next bytes.
    pub silence: Duration,
    /// For a manifest, which is small.
    pub manifest: Duration,
    /// For a component, however slowly its bytes come.
    pub component: Duration,
}

/// Pulls and pushes, as whom docker's config file says.
pub struct Client {
    credentials: Credentials,
    patience: Patience,
}

/// A registry, and who we are to it.
struct Session<'a> {
    oci: oci_client::Client,
    auth: RegistryAuth,
    login: Login,
    reference: &'a Reference,
}

impl Default for Patience {
    fn default() -> Patience {
        let [connecting, silence, manifest, component] = [10, 30, 60, 3600].map(Duration::from_secs);
        Patience { connecting, silence, manifest, component }
    }
}

impl Client {
    /// A client with the credentials that there are.
    pub fn new(patience: Patience) -> Result<Client, RegistryError> {
        static PROVIDER: Once = Once::new();
        // What TLS computes with. Fails if there is one already, which then serves.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        Ok(Client { credentials: Credentials::load()?, patience })
    }

    /// What a reference stands for now.
    pub async fn resolve(&self, reference: &Reference) -> Result<Artifact, RegistryError> {
        let session = self.session(reference)?;
        let Session { oci, auth, .. } = &session;
        let pull = oci.pull_manifest_raw(reference.name(), auth, &MANIFESTS);
        let manifest = match session.within(self.patience.manifest, pull).await {
            Ok((manifest, _)) => manifest,
            Err(RegistryError::Missing { reference, .. }) if reference.tag().is_some() => {
                return Err(RegistryError::Missing { tags: self.tags(&session).await, reference });
            }
            Err(error) => return Err(error),
        };
        let artifact = Artifact::read(&manifest)?;
        match reference.digest() {
            Some(expected) if expected != artifact.digest.as_str() => Err(RegistryError::Digest {
                registry: reference.registry().to_owned(),
                expected: expected.to_owned(),
                found: artifact.digest.to_string(),
            }),
            _ => Ok(artifact),
        }
    }

    /// The component of an artifact, of at most `limit` bytes. `progress` is told
    /// how many have come.
    pub async fn component(
        &self,
        reference: &Reference,
        artifact: &Artifact,
        limit: usize,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Bytes, RegistryError> {
        let size = artifact.size;
        let too_large = RegistryError::TooLarge { size, limit };
        let expected = usize::try_from(size).ok().filter(|size| *size <= limit).ok_or(too_large)?;
        let session = self.session(reference)?;
        session.oci.store_auth_if_needed(reference.name().resolve_registry(), &session.auth).await;
        let mut sink = Sink::new(expected, progress);
        // By its digest alone: a layer may name other places, which nobody chose.
        let pull = session.oci.pull_blob(reference.name(), artifact.component.as_str(), &mut sink);
        match session.within(self.patience.component, pull).await {
            Err(_) if sink.is_over => return Err(RegistryError::Size { size }),
            pulled => pulled?,
        }
        if sink.bytes.len() != expected {
            return Err(RegistryError::Size { size });
        }
        let found = Digest::of(&sink.bytes);
        if found != artifact.component {
            let (registry, expected) = (reference.registry().to_owned(), artifact.component.to_string());
            return Err(RegistryError::Digest { registry, expected, found: found.to_string() });
        }
        artifact.check(&sink.bytes)?;
        Ok(sink.bytes.into())
    }

    /// Push a component under a tag.
    pub async fn push(&self, reference: &Reference, package: Package) -> Result<(), RegistryError> {
        let session = self.session(reference)?;
        let Session { oci, auth, .. } = &session;
        let Package { component, config, manifest, artifact, config_digest } = package;
        let push = async {
            let name = reference.name();
            oci.store_auth_if_needed(name.resolve_registry(), auth).await;
            for (digest, bytes) in [(&artifact.component, component), (&config_digest, config)] {
                oci.push_blob(name, bytes, digest.as_str()).await?;
            }
            oci.push_manifest_raw(name, manifest, HeaderValue::from_static(MANIFEST)).await
        };
        session.within(self.patience.component, push).await.map(drop)
    }

    /// Some of the tags of a repository; none if they are not told.
    async fn tags(&self, session: &Session<'_>) -> Vec<String> {
        let Session { oci, auth, reference, .. } = session;
        let list = oci.list_tags(reference.name(), auth, Some(TAGS), None);
        let listed = session.within(self.patience.manifest, list).await;
        listed.map(|listed| listed.tags.into_iter().take(TAGS).collect()).unwrap_or_default()
    }

    fn session<'a>(&self, reference: &'a Reference) -> Result<Session<'a>, RegistryError> {
        let (auth, login) = self.credentials.of(reference.registry())?;
        let config = ClientConfig {
            protocol: if reference.is_plain() { ClientProtocol::Http } else { ClientProtocol::Https },
            connect_timeout: Some(self.patience.connecting),
            read_timeout: Some(self.patience.silence),
            user_agent: concat!("dovetail/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let oci = oci_client::Client::try_from(config);
        let oci = oci.map_err(|error| RegistryError::of(error, reference, &login))?;
        Ok(Session { oci, auth, login, reference })
    }
}

impl Session<'_> {
    /// What comes of a request within this time.
    async fn within<T>(
        &self,
        time: Duration,
        request: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Result<T, RegistryError> {
        match timeout(time, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(RegistryError::of(error, self.reference, &self.login)),
            Err(_) => Err(RegistryError::Silent { registry: self.reference.registry().to_owned() }),
        }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_registry_that_stalls_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let reference = Reference::parse(&format!("oci://{address}/a:1")).expect("a reference");
        let (soon, late) = (Duration::from_millis(50), Duration::from_secs(3600));
        // It listens, and nobody ever answers.
        for (silence, manifest) in [(soon, late), (late, soon)] {
            let patience = Patience { connecting: late, silence, manifest, component: late };
            let error = Client::new(patience).expect("a client").resolve(&reference).await.expect_err("nobody answers");
            assert!(matches!(error, RegistryError::Silent { .. }), "{error}");
        }
    }
}
