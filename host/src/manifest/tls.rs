//! The files that TLS needs.

use std::fmt;
use std::path::{Path, PathBuf};

use http::Uri;

/// What one who listens shows to its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// At least one; the first is for clients that ask for none of their names.
    pub pairs: Vec<TlsPair>,
    /// Whether the manifest has them as a list.
    pub is_listed: bool,
    /// Who vouches for clients, if every client needs a certificate.
    pub clients: Option<PathBuf>,
}

/// A certificate, with those between it and its authority, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPair {
    /// The file of the certificate, in PEM.
    pub certificate: PathBuf,
    /// The file of the key, in PEM.
    pub key: PathBuf,
    /// From whom they come, if not from whoever wrote the files.
    pub acme: Option<Acme>,
}

/// An authority that is asked for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The URL of its directory.
    pub directory: Uri,
    /// Where it reaches who asks; `mailto:` URLs.
    pub contact: Vec<String>,
    /// The names that the certificate is for, at least one; in lower case.
    pub hosts: Vec<String>,
    /// Where all that comes of it is kept.
    pub folder: PathBuf,
    /// Who vouches for its server, if not those whom the system trusts.
    pub ca: Option<PathBuf>,
}

impl Acme {
    /// The file with the certificate and the key in it.
    pub fn pair(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }
}

impl TlsFiles {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        let pairs = self.pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
        pairs.chain(&self.clients).map(PathBuf::as_path)
    }
}

/// Their paths.
impl fmt::Display for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.all().map(|path| path.display().to_string()).collect();
        f.write_str(&paths.join(", "))
    }
}
