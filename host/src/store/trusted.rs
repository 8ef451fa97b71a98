//! Who may vouch for a server: `sslrootcert`.

use std::io;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// Who may vouch for the server: those in the file, or those that the system
/// trusts.
pub fn roots(file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        return match roots.is_empty() {
            true => Err(io::Error::other("the system has no certificates to trust; name a file by `sslrootcert=`")),
            false => Ok(roots),
        };
    };
    let failed = |said: String| io::Error::other(format!("the file {file:?} of `sslrootcert` {said}"));
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|error| failed(format!("cannot be read: {error}")))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(format!("is not in PEM: {error}")))?;
        roots.add(certificate).map_err(|error| failed(format!("has a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() { Err(failed("has no certificate".to_owned())) } else { Ok(roots) }
}
