//! What TLS is to be made of: whether there are paths. What is in the files is looked at when
//! they are read.

use std::path::PathBuf;

use super::Checker;
use crate::manifest::{
    Invalid, TlsFiles, TlsPair,
    key::KeyPath,
    schema::{AdminTls, List, Pair},
};

impl Checker<'_> {
    /// The gateway's.
    pub(super) fn tls(&mut self, pairs: List<Pair>) -> Option<TlsFiles> {
        let at = KeyPath::root().child("gateway").child("tls");
        let is_listed = matches!(pairs, List::Several(_));
        let pairs: Vec<(usize, TlsPair)> = match pairs {
            List::One(pair) => self.pair(&at, pair).map(|pair| (0, pair)).into_iter().collect(),
            List::Several(pairs) if pairs.is_empty() => {
                let help = "write `tls = { certificate = \"shop.pem\", key = \"shop.key\" }`, or leave the key out";
                self.take(&at, Err(Invalid::new("is empty", help)))?
            }
            List::Several(pairs) => {
                let pairs = pairs.into_iter().enumerate();
                pairs.filter_map(|(index, pair)| Some((index, self.pair(&at.child(index), pair)?))).collect()
            }
        };
        self.folders_apart(&at, &pairs);
        let pairs = pairs.into_iter().map(|(_, pair)| pair).collect();
        Some(TlsFiles { pairs, is_listed, clients: None })
    }

    /// The admin API's.
    pub(super) fn admin_tls(&mut self, AdminTls { certificate, key, clients }: AdminTls) -> Option<TlsFiles> {
        let at = KeyPath::root().child("admin").child("tls");
        let clients = clients.map(|path| self.file(&at.child("clients"), Some(path)));
        let (certificate, key) = (self.file(&at.child("certificate"), certificate), self.file(&at.child("key"), key));
        let clients = clients.map_or(Some(None), |file| file.map(Some))?;
        let pair = TlsPair { certificate: certificate?, key: key?, acme: None };
        Some(TlsFiles { pairs: vec![pair], is_listed: false, clients })
    }

    fn pair(&mut self, at: &KeyPath, pair: Pair) -> Option<TlsPair> {
        let has = |key: &str| self.places.has(&at.child(key));
        let written = [("certificate", "shop.pem"), ("key", "shop.key")].map(|(key, example)| (key, example, has(key)));
        match pair.acme {
            Some(_) if written.iter().any(|(.., is_there)| *is_there) => {
                let help = "write two tables in a list, or leave one of them out";
                let refused = Invalid::new("stands beside a certificate of your own", help);
                self.take(&at.child("acme"), Err(refused))
            }
            Some(acme) => {
                let acme = self.acme(&at.child("acme"), acme)?;
                Some(TlsPair { certificate: acme.pair(), key: acme.pair(), acme: Some(acme) })
            }
            // What is wrong with it was told.
            None if has("acme") => None,
            None => {
                for (key, example, _) in written.into_iter().filter(|(.., is_there)| !is_there) {
                    self.missing(at, key, example);
                }
                let certificate = self.file(&at.child("certificate"), pair.certificate);
                let key = self.file(&at.child("key"), pair.key);
                Some(TlsPair { certificate: certificate?, key: key?, acme: None })
            }
        }
    }

    fn missing(&mut self, at: &KeyPath, key: &str, example: &str) {
        let help = format!("add `{key} = \"{example}\"`");
        // What is in a list has no name.
        let help = if at.last().parse::<usize>().is_ok() { help } else { format!("{help} to `[{at}]`") };
        let key = at.child(key);
        let missing = self.problem(at, format!("the key `{key}` is missing")).key(&key);
        self.problems.push(missing.help(help));
    }

    /// A path that is missing was told.
    fn file(&mut self, at: &KeyPath, path: Option<String>) -> Option<PathBuf> {
        self.path(at, &path?, "write the file's path")
    }
}
