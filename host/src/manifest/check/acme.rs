//! Who is asked for a certificate, for what names, and where it is kept.

use std::net::IpAddr;

use http::Uri;

use super::Checker;
use crate::manifest::{Acme, Invalid, TlsPair, key::KeyPath, schema};

/// The longest name of a host (RFC 1035), and the longest part of it.
const LONGEST: usize = 253;
const LONGEST_PART: usize = 63;

impl Checker<'_> {
    pub(super) fn acme(&mut self, at: &KeyPath, acme: schema::Acme) -> Option<Acme> {
        // What is missing was told.
        let agreed = acme.agree.and_then(|agree| {
            let agreed = if agree { Ok(()) } else { Err(not_agreed(&acme.directory)) };
            self.take(&at.child("agree"), agreed)
        });
        let directory = self.take(&at.child("directory"), directory(&acme.directory));
        let contact = self.each(&at.child("contact"), &acme.contact, contact);
        let hosts = acme.hosts.and_then(|hosts| self.hosts(&at.child("hosts"), &hosts));
        let folder = match &acme.folder {
            Some(path) => self.path(&at.child("folder"), path, "write the folder's path, or leave the key out"),
            None => Some(self.state.join("acme")),
        };
        let ca = acme.ca.map(|path| self.path(&at.child("ca"), &path, "write the file's path, or leave the key out"));
        let ca = ca.map_or(Some(None), |path| path.map(Some))?;
        agreed?;
        Some(Acme { directory: directory?, contact, hosts: hosts?, folder: folder?, ca })
    }

    /// Two certificates in one folder would take each other's place.
    pub(super) fn folders_apart(&mut self, at: &KeyPath, pairs: &[(usize, TlsPair)]) {
        let ordered: Vec<_> = pairs.iter().filter_map(|(place, pair)| Some((place, pair.acme.as_ref()?))).collect();
        for (number, (place, acme)) in ordered.iter().enumerate() {
            if ordered[..number].iter().any(|(_, before)| before.folder == acme.folder) {
                let help = "write all `hosts` into one, or give each a `folder` of its own";
                let refused = Invalid::new("has the folder of another", help);
                self.take::<()>(&at.child(place).child("acme"), Err(refused));
            }
        }
    }

    fn hosts(&mut self, at: &KeyPath, hosts: &[String]) -> Option<Vec<String>> {
        let help = "write the names that clients ask for, as in `hosts = [\"shop.example\"]`";
        let filled = if hosts.is_empty() { Err(Invalid::new("is empty", help)) } else { Ok(()) };
        self.take(at, filled)?;
        Some(self.each(at, hosts, host))
    }

    fn each(&mut self, at: &KeyPath, texts: &[String], read: impl Fn(&str) -> Result<String, Invalid>) -> Vec<String> {
        let texts = texts.iter().enumerate();
        texts.filter_map(|(index, text)| self.take_item(at, index, text, read(text))).collect()
    }
}

fn not_agreed(directory: &str) -> Invalid {
    let help = format!(
        "read the terms of service of the authority at {directory}, and write `agree = true` if you agree to them"
    );
    Invalid::new("is false, and without that no authority gives a certificate", help)
}

fn directory(text: &str) -> Result<Uri, Invalid> {
    let no_url = || Invalid::new("is no URL of a directory", "write an `https://` URL, without a password in it");
    let url: Uri = text.parse().map_err(|_| no_url())?;
    let is_good = url.scheme_str() == Some("https") && url.authority().is_some_and(|it| !it.as_str().contains('@'));
    if is_good { Ok(url) } else { Err(no_url()) }
}

fn contact(text: &str) -> Result<String, Invalid> {
    match text.strip_prefix("mailto:") {
        Some(address) if address.split('@').all(|part| !part.is_empty()) && address.contains('@') => Ok(text.into()),
        None if text.contains('@') => Err(Invalid::new("is no URL", format!("write \"mailto:{text}\""))),
        _ => Err(Invalid::new("is no address of mail", "write it as in \"mailto:anna@shop.example\"")),
    }
}

/// A name as certificates have it. What is asked for by HTTP or TLS can be no wildcard.
fn host(text: &str) -> Result<String, Invalid> {
    let help = "write a DNS name, as in \"shop.example\"";
    if text.contains('*') {
        let help = "name each host; a wildcard needs entries in DNS, which other tools make: then write `certificate` \
                    and `key`";
        return Err(Invalid::new("is a wildcard", help));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(Invalid::new("is an address, and no name", help));
    }
    let is_part = |part: &str| {
        let within = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        within && (1..=LONGEST_PART).contains(&part.len()) && !part.starts_with('-') && !part.ends_with('-')
    };
    match text.len() <= LONGEST && text.split('.').all(is_part) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(Invalid::new("is no name of a host", help)),
    }
}
