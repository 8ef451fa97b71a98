//! What is read of files, and is read again when they change.

use std::path::{Path, PathBuf};

use rustls::{RootCertStore, sign::CertifiedKey};

use super::{authorities, defect::Defect, pair};
use crate::manifest::TlsPair;

/// Files, and what is made of them.
pub trait Source {
    /// What is made of them.
    type Read;

    /// The files.
    fn files(&self) -> Vec<&Path>;

    /// Make it, if they are good.
    fn read(&self) -> Result<Self::Read, Defect>;
}

/// A certificate and its key.
pub struct Pair {
    /// Its place among those of its listener, from 0.
    pub number: usize,
    /// Where they are.
    pub files: TlsPair,
}

/// Those who vouch for clients.
pub struct Authorities {
    /// Where their certificates are.
    pub file: PathBuf,
}

impl Source for Pair {
    type Read = CertifiedKey;

    fn files(&self) -> Vec<&Path> {
        vec![&self.files.certificate, &self.files.key]
    }

    fn read(&self) -> Result<CertifiedKey, Defect> {
        pair::read(&self.files, self.number)
    }
}

impl Source for Authorities {
    type Read = RootCertStore;

    fn files(&self) -> Vec<&Path> {
        vec![&self.file]
    }

    fn read(&self) -> Result<RootCertStore, Defect> {
        authorities::read(&self.file)
    }
}
