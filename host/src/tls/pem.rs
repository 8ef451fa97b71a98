//! Files in PEM. What the library says of a line that is wrong quotes it, and it may be of a
//! key: so that is said in other words.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read},
    path::Path,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};

/// The longest file, in bytes: that of all authorities which a system trusts has a quarter.
const LONGEST: u64 = 1 << 20;

/// What is wrong with a file, and what would be right.
pub type Wrong = (String, String);

/// The certificates in a file, at least one.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let text = read(file)?;
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
    let text = read(file)?;
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

fn read(file: &Path) -> Result<Vec<u8>, Wrong> {
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => {
            wrong("is not there", "write the path of a file that is, seen from the manifest's folder")
        }
        _ => wrong(format!("cannot be read: {error}"), "let this account read it"),
    };
    // To open a pipe would wait for a writer.
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(wrong("is no file", "name a file"));
    }
    let mut text = Vec::new();
    File::open(file).and_then(|opened| opened.take(LONGEST + 1).read_to_end(&mut text)).map_err(unreadable)?;
    match text.len() as u64 > LONGEST {
        true => Err(wrong("is longer than 1 MiB", "leave in it what is needed")),
        false => Ok(text),
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

pub fn wrong(reason: impl Into<String>, help: &str) -> Wrong {
    (reason.into(), help.to_owned())
}
