//! Clients over TLS.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::uri::Scheme;
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Client;

/// A client that believes an authority, and asks for a host. Each of its connections begins
/// from the start.
#[derive(Clone)]
pub struct Secure {
    authority: PathBuf,
    /// The name, or address, that it asks for.
    pub host: &'static str,
    /// What it speaks of TLS.
    pub versions: Vec<&'static SupportedProtocolVersion>,
    /// What it offers to speak over it.
    pub protocols: Vec<&'static str>,
    /// The files of its own certificate and of the key.
    pub shows: Option<(PathBuf, PathBuf)>,
}

impl Secure {
    /// One that believes the authority of this file, and speaks any version and protocol.
    pub fn new(authority: &Path, host: &'static str) -> Secure {
        let (versions, protocols) = (vec![&TLS13, &TLS12], vec!["h2", "http/1.1"]);
        Secure { authority: authority.to_owned(), host, versions, protocols, shows: None }
    }

    /// How it begins. Two connections of one of these know each other.
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        certificates(&self.authority).into_iter().for_each(|it| roots.add(it).expect("it is an authority's"));
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).expect("the provider has them");
        let builder = builder.with_root_certificates(roots);
        let mut config = match &self.shows {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).expect("a key in PEM");
                builder.with_client_auth_cert(certificates(certificate), key).expect("they belong together")
            }
        };
        config.alpn_protocols = self.protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// Begin, with this address.
    pub async fn begin(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        self.begin_by(self.config(), address).await
    }

    /// Begin in this way.
    pub async fn begin_by(&self, config: Arc<ClientConfig>, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(config).connect(ServerName::try_from(self.host).expect("a name"), stream).await
    }

    /// Begin, and speak what was agreed on.
    pub async fn connect(&self, address: SocketAddr) -> Client {
        let stream = self.begin(address).await.expect("TLS");
        let host = format!("{}:{}", self.host, address.port());
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Client::http2_over(stream, Scheme::HTTPS, host).await,
            _ => Client::http1_over(stream, host).await,
        }
    }

    /// The certificate that is shown now.
    pub async fn shown(&self, address: SocketAddr) -> CertificateDer<'static> {
        let stream = self.begin(address).await.expect("TLS");
        stream.get_ref().1.peer_certificates().expect("a server shows some")[0].clone().into_owned()
    }
}

/// The certificates of a file.
pub fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&fs::read(file).expect("it is there")).map(|it| it.expect("PEM")).collect()
}
