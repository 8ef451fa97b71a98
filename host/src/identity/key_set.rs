//! The keys of an issuer.

use serde::Deserialize;
use serde_json::Value;

use super::key::Key;

/// The most keys that are kept of a set.
const MOST: usize = 100;

/// Keys that verify signatures.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    /// Keys of a file in PEM have no names, and tokens may name them as they like.
    is_named: bool,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys of a JSON Web Key Set that verify something; there may be none. Others are for
    /// others, and passed over.
    pub fn of_jwks(text: &[u8]) -> Result<KeySet, String> {
        Ok(KeySet::read(text)?.0)
    }

    /// The same, of which one at least verifies something; or why not, of the last.
    pub fn of_some_jwks(text: &[u8]) -> Result<KeySet, String> {
        match KeySet::read(text)? {
            (set, _) if !set.keys.is_empty() => Ok(set),
            (_, Some(why)) => Err(format!("has no key that verifies anything: one {why}")),
            (_, None) => Err("has no key".to_owned()),
        }
    }

    /// Those that verify something, and why the last of the others does not.
    fn read(text: &[u8]) -> Result<(KeySet, Option<&'static str>), String> {
        let jwks: Jwks = serde_json::from_slice(text).map_err(|_| "is no JSON Web Key Set".to_owned())?;
        let (mut keys, mut why) = (Vec::new(), None);
        for value in jwks.keys.into_iter().take(MOST) {
            match serde_json::from_value(value).map_err(|_| "is broken").and_then(Key::of) {
                Ok(key) => keys.push(key),
                Err(unfit) => why = Some(unfit),
            }
        }
        Ok((KeySet { keys, is_named: true }, why))
    }

    /// One key, whose name is nobody's business.
    pub fn of_one(key: Key) -> KeySet {
        KeySet { keys: vec![key], is_named: false }
    }

    /// Whether a key has this name. What has no name is never looked for elsewhere.
    pub fn knows(&self, id: Option<&str>) -> bool {
        id.is_none_or(|id| !self.is_named || self.keys.iter().any(|key| key.id.as_deref() == Some(id)))
    }

    /// The key that a token means, if it is for the algorithm that the token says: of this
    /// name, or without one the only key that could be meant.
    pub fn find(&self, id: Option<&str>, algorithm: &str) -> Option<&Key> {
        let is_meant = |key: &&Key| match id.filter(|_| self.is_named) {
            Some(id) => key.id.as_deref() == Some(id) && key.is_for(algorithm),
            None => key.is_for(algorithm),
        };
        let mut meant = self.keys.iter().filter(is_meant);
        meant.next().filter(|_| meant.next().is_none())
    }
}
