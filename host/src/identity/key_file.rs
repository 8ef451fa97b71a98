//! Keys of an issuer that stand in a file.

use std::path::{Path, PathBuf};

use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::{defect::Defect, key::Key, key_set::KeySet};
use crate::renewal::{self, Source, Wrong, wrong};

/// The longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// A file of keys.
pub struct KeyFile {
    /// Where it is.
    pub file: PathBuf,
    /// Whether it is a set, or else one key in PEM.
    pub is_set: bool,
}

impl KeyFile {
    fn keys(&self) -> Result<KeySet, Wrong> {
        let text = renewal::read(&self.file, LONGEST)?;
        if self.is_set {
            let help = "write a JSON Web Key Set with public keys of RSA, P-256, P-384 or Ed25519";
            return KeySet::of_some_jwks(&text).map_err(|reason| wrong(reason, help));
        }
        let help =
            "write one public key in PEM, from `-----BEGIN PUBLIC KEY-----` on, as by `openssl pkey -in FILE -pubout`";
        let der =
            SubjectPublicKeyInfoDer::from_pem_slice(&text).map_err(|_| wrong("has no public key in PEM", help))?;
        let key = Key::of_spki(&der).map_err(|unfit| wrong(format!("has a key that {unfit}"), help))?;
        Ok(KeySet::of_one(key))
    }
}

impl Source for KeyFile {
    type Read = KeySet;
    type Defect = Defect;

    fn files(&self) -> Vec<&Path> {
        vec![&self.file]
    }

    fn read(&self) -> Result<KeySet, Defect> {
        let key = if self.is_set { "keys" } else { "key" };
        self.keys().map_err(|wrong| Defect::of(key, self.file.clone(), wrong))
    }

    fn effect(&self) -> String {
        "tokens are verified by what is there now".to_owned()
    }
}
