//! Who vouches for the other side.

use std::path::Path;

use rustls::RootCertStore;

use super::{
    defect::{Defect, Part},
    pem,
};
use crate::renewal::wrong;

/// The authorities in a file, at least one.
pub fn read(file: &Path) -> Result<RootCertStore, Defect> {
    let of = |(reason, help)| Defect { file: file.to_owned(), part: Part::Authorities, reason, help };
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(file).map_err(of)? {
        let added = roots.add(certificate);
        added.map_err(|error| {
            of(wrong(format!("has a certificate that cannot be used: {error}"), "leave it out, or have it made anew"))
        })?;
    }
    Ok(roots)
}
