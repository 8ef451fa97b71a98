//! Files in PEM. What the library says of a line that is wrong quotes it, and it may be of a
//! key: so that is said in other words.

use std::path::Path;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};

use crate::renewal::{Wrong, read, wrong};

/// The longest file, in bytes: that of all authorities which a system trusts has a quarter.
const LONGEST: u64 = 1 << 20;

/// The certificates in a file, at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let text = read(file, LONGEST)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|error| broken(&error))?;
    match found.is_empty() {
        false => Ok(found),
        true if has(&text, "PRIVATE KEY-----") => {
            Err(wrong("has a key and no certificate", "name the file of the certificate"))
        }
        true => Err(wrong("has no certificate", "write it in PEM, from `-----BEGIN CERTIFICATE-----` on")),
    }
}

/// The private key in a file.
pub fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Wrong> {
    let text = read(file, LONGEST)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) if has(&text, "BEGIN ENCRYPTED PRIVATE KEY") => {
            let help =
                "write it without, as by `openssl pkey -in FILE -out NEW`, in a file that only this account may read";
            Err(wrong("has a key that needs a password", help))
        }
        Err(pem::Error::NoItemsFound) => {
            Err(wrong("has no private key", "write it in PEM, from `-----BEGIN PRIVATE KEY-----` on"))
        }
        Err(error) => Err(broken(&error)),
    }
}

fn has(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part == word.as_bytes())
}

fn broken(error: &pem::Error) -> Wrong {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "is cut off: a part of it has no `-----END …-----`",
        _ => "is not in PEM",
    };
    wrong(what, "write it whole, and in PEM")
}
