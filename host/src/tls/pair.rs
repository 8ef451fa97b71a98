//! A certificate and its key, which belong together and are of use now.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use rustls::{
    Error, InconsistentKeys,
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, UnixTime},
    sign::{CertifiedKey, SigningKey},
};
use webpki::{EndEntityCert, KeyUsage};

use super::{
    defect::{Defect, Part},
    pem,
};
use crate::{
    manifest::TlsPair,
    renewal::{Wrong, wrong},
};

/// Read the pair of this number.
pub fn read(files: &TlsPair, number: usize) -> Result<CertifiedKey, Defect> {
    let of = |file: &Path, part, (reason, help)| Defect { file: file.to_owned(), part, reason, help };
    let of_certificate = |wrong| of(&files.certificate, Part::Certificate(number), wrong);
    let of_key = |wrong| of(&files.key, Part::Key(number), wrong);
    let chain = pem::certificates(&files.certificate).map_err(of_certificate)?;
    // Its own comes first.
    chain.first().map_or(Ok(()), is_of_use).map_err(of_certificate)?;
    let pair = CertifiedKey::new(chain, signer(&files.key).map_err(of_key)?);
    match pair.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(_) => {
            let reason = format!("is not the key of the certificate `{}`", files.certificate.display());
            let help = "name the key that the certificate was made for; its own comes first in a file of several";
            Err(of_key(wrong(reason, help)))
        }
    }
}

/// What signs with the key in a file.
fn signer(key: &Path) -> Result<Arc<dyn SigningKey>, Wrong> {
    let help = "make one of ECDSA with P-256 or P-384, of Ed25519, or of RSA with 2048 bits or more";
    any_supported_type(&pem::key(key)?).map_err(|_| wrong("has a key of a kind that cannot be used", help))
}

/// The names that a certificate is for, in lower case; `*.example.com` among them.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let names =
        EndEntityCert::try_from(certificate).map(|it| it.valid_dns_names().map(str::to_ascii_lowercase).collect());
    names.unwrap_or_default()
}

/// Refuse a certificate that clients refuse by its form or by the time. The others of its file
/// are not looked at: authorities leave some there that only old clients want.
fn is_of_use(certificate: &CertificateDer<'_>) -> Result<(), Wrong> {
    let read = EndEntityCert::try_from(certificate).map_err(|error| match error {
        webpki::Error::UnsupportedCertVersion => {
            let help = "have it made anew in version 3: `openssl req -x509` does, and `openssl x509` with `-extfile`";
            wrong("has a certificate of X.509 version 1", help)
        }
        error => wrong(format!("has a certificate that cannot be used: {error}"), "have it made anew"),
    })?;
    // Whoever vouches for it, that is another question: the times are looked at first.
    match read.verify_for_usage(&[], &[], &[], UnixTime::now(), KeyUsage::server_auth(), None, None).err() {
        Some(webpki::Error::CertExpired { not_after, .. }) => {
            Err(wrong(format!("has a certificate that expired at {}", shown(not_after)), "have it renewed"))
        }
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => {
            let reason = format!("has a certificate that is not valid before {}", shown(not_before));
            Err(wrong(reason, "wait for that, or look at this machine's clock"))
        }
        _ => Ok(()),
    }
}

fn shown(time: UnixTime) -> String {
    // The largest that a date can show.
    let seconds = time.as_secs().min(253_402_300_799);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
