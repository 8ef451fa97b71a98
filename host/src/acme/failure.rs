//! Why there is no certificate.

use std::{io, path::PathBuf};

use instant_acme::{Error, Problem};
use tokio::task::JoinError;

use crate::{
    private::NotPrivate,
    tls::{self, Defect},
};

/// Why an order came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The authority's server was not reached, or refuses.
    #[error("the authority gives none")]
    Authority(#[from] Error),
    /// It looked, and did not see what it is to see.
    #[error("the authority did not find this host at {host}: {reason}")]
    Unproven {
        /// The name.
        host: String,
        /// What it says.
        reason: String,
    },
    /// It does not look in this way.
    #[error("the authority does not look at {host} by {way}")]
    NoWay {
        /// The name.
        host: String,
        /// How it was asked to.
        way: &'static str,
    },
    /// What it gave is of no use.
    #[error("what the authority gave cannot be used")]
    Useless(#[source] Defect),
    /// Nobody is believed.
    #[error(
        "the system trusts nobody to vouch for the authority's server; install its certificates (`ca-certificates`), \
         or name who does with `ca`"
    )]
    Trustless,
    /// Who vouches for its server cannot be read.
    #[error("the authority's server cannot be trusted")]
    Trust(#[source] tls::ClientError),
    /// The folder could be read or written by others.
    #[error(transparent)]
    Folder(#[from] NotPrivate),
    /// The folder belongs to another who orders.
    #[error("another host orders for the folder `{}`", .0.display())]
    Locked(PathBuf),
    /// A file cannot be read or written.
    #[error("`{}` cannot be {what}", .path.display())]
    Disk {
        /// The file, or folder.
        path: PathBuf,
        /// What was to become of it.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A proof cannot be made.
    #[error("no proof can be made")]
    Proof(#[from] rcgen::Error),
    /// The key of a proof cannot be used.
    #[error("no proof can be shown")]
    Shown(#[from] rustls::Error),
    /// A bug of this host's.
    #[error("the task that does it failed")]
    Task(#[from] JoinError),
}

impl From<tls::ClientError> for Failure {
    fn from(error: tls::ClientError) -> Failure {
        match error {
            tls::ClientError::NoAuthorities => Failure::Trustless,
            error => Failure::Trust(error),
        }
    }
}

impl Failure {
    /// Whether the authority wants to be left alone for a while.
    pub fn is_of_too_many(&self) -> bool {
        self.is("rateLimited")
    }

    /// Whether the authority does not know who asks.
    pub fn is_of_no_account(&self) -> bool {
        self.is("accountDoesNotExist")
    }

    fn is(&self, kind: &str) -> bool {
        let Failure::Authority(Error::Api(Problem { r#type: Some(found), .. })) = self else { return false };
        found.strip_prefix("urn:ietf:params:acme:error:") == Some(kind)
    }
}
