//! A certificate and its key, which belong together and are of use now.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
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

/// The latest that a date can show, in seconds since 1970.
const LATEST: u64 = 253_402_300_799;

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

/// What a certificate is for, and when.
#[derive(Debug, Clone)]
pub struct About {
    /// Its names, in lower case.
    pub names: Vec<String>,
    /// From when on it is valid.
    pub begin: SystemTime,
    /// Until when.
    pub end: SystemTime,
}

/// What a pair is that is of use now.
pub fn about(files: &TlsPair) -> Result<About, Defect> {
    let pair = read(files, 0)?;
    let timeless = || {
        let (reason, help) = wrong("has a certificate without times", "have it made anew");
        Defect { file: files.certificate.clone(), part: Part::Certificate(0), reason, help }
    };
    let own = pair.end_entity_cert().map_err(|_| timeless())?;
    let (begin, end) = times(own).ok_or_else(timeless)?;
    Ok(About { names: names(own), begin, end })
}

/// From when until when a certificate is valid: it is refused before, and after, with the time.
fn times(certificate: &CertificateDer<'_>) -> Option<(SystemTime, SystemTime)> {
    let read = EndEntityCert::try_from(certificate).ok()?;
    let refused = |at: u64| {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
        read.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err()
    };
    let time = |time: UnixTime| UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
    let begin = match refused(0)? {
        webpki::Error::CertNotValidYet { not_before, .. } => time(not_before)?,
        _ => UNIX_EPOCH,
    };
    match refused(LATEST)? {
        webpki::Error::CertExpired { not_after, .. } => Some((begin, time(not_after)?)),
        _ => None,
    }
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
            Err(wrong(format!("has a certificate that expired at {}", date(not_after)), "have it renewed"))
        }
        Some(webpki::Error::CertNotValidYet { not_before, .. }) => {
            let reason = format!("has a certificate that is not valid before {}", date(not_before));
            Err(wrong(reason, "wait for that, or look at this machine's clock"))
        }
        _ => Ok(()),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = time.as_secs().min(LATEST);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
