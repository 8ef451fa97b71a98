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
        let pairs = match pairs {
            List::One(pair) => self.pair(&at, pair).into_iter().collect(),
            List::Several(pairs) if pairs.is_empty() => {
                let help = "write `tls = { certificate = \"shop.pem\", key = \"shop.key\" }`, or leave the key out";
                self.take(&at, Err(Invalid::new("is empty", help)))?
            }
            List::Several(pairs) => {
                let pairs = pairs.into_iter().enumerate();
                pairs.filter_map(|(index, pair)| self.pair(&at.child(index), pair)).collect::<Vec<_>>()
            }
        };
        Some(TlsFiles { pairs, is_listed, clients: None })
    }

    /// The admin API's.
    pub(super) fn admin_tls(&mut self, AdminTls { certificate, key, clients }: AdminTls) -> Option<TlsFiles> {
        let at = KeyPath::root().child("admin").child("tls");
        let clients = clients.map(|path| self.file(&at.child("clients"), Some(path)));
        let pair = self.pair(&at, Pair { certificate, key });
        let clients = clients.map_or(Some(None), |file| file.map(Some))?;
        Some(TlsFiles { pairs: vec![pair?], is_listed: false, clients })
    }

    fn pair(&mut self, at: &KeyPath, Pair { certificate, key }: Pair) -> Option<TlsPair> {
        let certificate = self.file(&at.child("certificate"), certificate);
        let key = self.file(&at.child("key"), key);
        Some(TlsPair { certificate: certificate?, key: key? })
    }

    /// A path that is missing was told.
    fn file(&mut self, at: &KeyPath, path: Option<String>) -> Option<PathBuf> {
        self.path(at, &path?, "write the file's path")
    }
}
