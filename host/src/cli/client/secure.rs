//! TLS with a running host.

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Error, Result};
use clap::Args;
use http::uri::Authority;
use rustls::{AlertDescription, CertificateError, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{manifest::TlsPair, tls};

/// Names the file of `--ca` where that is not given.
const VARIABLE: &str = "DOVETAIL_CA";

/// What this side of TLS has.
#[derive(Args, Default)]
pub struct Secure {
    /// Believe a host that the authorities in this file vouch for, instead of those that the
    /// system trusts; DOVETAIL_CA names it as well.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Show the host this certificate.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl Secure {
    /// Whether TLS is meant, whatever else was said.
    pub fn is_meant(&self) -> bool {
        self.ca.is_some() || self.cert.is_some()
    }

    /// What begins connections.
    pub fn connector(self) -> Result<TlsConnector> {
        let authorities = self.ca.or_else(|| env::var_os(VARIABLE).filter(|it| !it.is_empty()).map(PathBuf::from));
        let pair = self.cert.zip(self.key).map(|(certificate, key)| TlsPair { certificate, key, acme: None });
        let config = tls::client(authorities.as_deref().map(Path::new), pair.as_ref());
        Ok(TlsConnector::from(Arc::new(config.context("TLS with the host cannot be begun")?)))
    }
}

/// Begin TLS with the host of this name.
pub async fn connect(tls: &TlsConnector, address: &Authority, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
    let host = address.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).with_context(|| format!("`{}` is no name of a host", address.host()))?;
    Ok(tls.connect(name, stream).await?)
}

/// What is wrong with TLS and what would be right, if an error is of that. Some of it is heard
/// only after the request was sent.
pub fn why(error: &Error) -> Option<&'static str> {
    let said = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref());
    Some(match said.filter_map(|inner| inner.downcast_ref::<rustls::Error>()).next()? {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "nobody who is believed vouches for its certificate; name who does with --ca FILE"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "its certificate is for other names; ask for it by one of these with --admin https://NAME:PORT",
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a certificate; name one with --cert FILE and --key FILE"
        }
        rustls::Error::AlertReceived(_) => {
            "it does not take what this command shows; name a certificate that its `admin.tls.clients` vouch for with \
             --cert and --key"
        }
        rustls::Error::InvalidMessage(_) => "it speaks no TLS there; ask it with --admin http://HOST:PORT",
        _ => "its certificate is no good; have it renewed",
    })
}
