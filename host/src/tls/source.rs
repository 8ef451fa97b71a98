//! The files of TLS, and what is made of them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{RootCertStore, sign::CertifiedKey};

use super::{authorities, defect::Defect, pair};
use crate::{manifest::TlsPair, renewal::Source};

/// Who has what is new.
const EFFECT: &str = "new connections have what is there now";

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
    type Read = Option<Arc<CertifiedKey>>;
    type Defect = Defect;

    fn files(&self) -> Vec<&Path> {
        vec![&self.files.certificate, &self.files.key]
    }

    fn read(&self) -> Result<Option<Arc<CertifiedKey>>, Defect> {
        pair::read(&self.files, self.number).map(Arc::new).map(Some)
    }

    fn before(&self) -> Option<Option<Arc<CertifiedKey>>> {
        self.files.acme.as_ref().map(|_| None)
    }

    fn effect(&self) -> String {
        EFFECT.to_owned()
    }
}

impl Source for Authorities {
    type Read = RootCertStore;
    type Defect = Defect;

    fn files(&self) -> Vec<&Path> {
        vec![&self.file]
    }

    fn read(&self) -> Result<RootCertStore, Defect> {
        authorities::read(&self.file)
    }

    fn effect(&self) -> String {
        EFFECT.to_owned()
    }
}
