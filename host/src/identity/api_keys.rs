//! Keys of the host's own, of which a file has the hashes.
//!
//! A key is 256 bits of chance, so that SHA-256 of it is enough: there is nothing to be guessed
//! that a slow hash would make dear, and whoever asks with a wrong one should not cost more than
//! the right one. They are found by their hash, so that how long that takes says nothing of
//! them.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;

use super::{
    Refusal,
    care::Care,
    defect::Defect,
    memory::{Print, print},
};
use crate::{
    capability::identity::Identity,
    manifest::scope,
    renewal::{self, Kept, Source, Wrong, wrong},
};

/// What every key begins with, so that it is known where it should not be.
const PREFIX: &str = "dvt_";

/// Bytes of chance in a key.
const CHANCE: usize = 32;

/// The longest file, in bytes: some ten thousand keys.
const LONGEST: u64 = 4 << 20;

/// Knows keys.
pub struct ApiKeys(ArcSwap<ByHash>);

type ByHash = HashMap<Print, Arc<Identity>>;

/// A key as it is made: the one time that it is there itself.
pub struct NewKey {
    /// What is given to who is to ask with it.
    pub secret: String,
    /// What the file has of it.
    pub hash: String,
}

/// A table of the file: its name is that of the key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    hash: String,
    #[serde(default)]
    scopes: Vec<String>,
}

/// A file of keys.
struct KeysFile {
    auth: Arc<str>,
    file: PathBuf,
}

impl ApiKeys {
    /// Those of a file, and what looks after it.
    pub fn open(auth: Arc<str>, file: &Path, care: &mut Care) -> Result<Arc<ApiKeys>, Defect> {
        let kept = Kept::open(KeysFile { auth, file: file.to_owned() })?;
        let keys = Arc::new(ApiKeys(ArcSwap::new(kept.now())));
        care.files(kept, &keys, |keys, now| keys.0.store(now));
        Ok(keys)
    }

    /// Who asks with this key.
    pub fn find(&self, key: &str) -> Result<Arc<Identity>, Refusal> {
        let known = self.0.load().get(&print(key.as_bytes())).cloned();
        known.ok_or(Refusal::Invalid("The key is not known here"))
    }
}

impl NewKey {
    /// Make one, unless the system has no chance to give.
    pub fn make() -> Option<NewKey> {
        let mut chance = [0; CHANCE];
        SystemRandom::new().fill(&mut chance).ok()?;
        let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(chance));
        let hash = print(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Some(NewKey { secret, hash })
    }
}

/// Whether this may be one of the host's keys, and is no token of an issuer.
pub fn is_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

impl KeysFile {
    fn keys(&self) -> Result<ByHash, Wrong> {
        let help = "write `[NAME]` with `hash` and `scopes` for each key, as `dovetail key NAME` does";
        let text = String::from_utf8(renewal::read(&self.file, LONGEST)?).map_err(|_| wrong("is no text", help))?;
        let read = toml::from_str::<BTreeMap<String, Entry>>(&text);
        // What the library says quotes the file, where a key may stand by mistake.
        let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let entries = read.map_err(|error| {
            let place = error.span().map(|span| format!(" in line {}", line(span.start))).unwrap_or_default();
            wrong(format!("is no file of keys{place}"), help)
        })?;
        let mut keys = ByHash::new();
        for (name, Entry { hash, scopes }) in entries {
            let hash = digest(&hash).ok_or_else(|| {
                wrong(
                    format!("has no SHA-256 in hexadecimal as the `hash` of {name:?}"),
                    "have it made by `dovetail key`",
                )
            })?;
            if scopes.iter().any(|text| scope(text).is_err()) {
                return Err(wrong(
                    format!("has what is no scope in the `scopes` of {name:?}"),
                    "write words, as in \"orders:write\"",
                ));
            }
            let identity = Arc::new(Identity::new(self.auth.clone(), name.clone(), None, scopes));
            if let Some(other) = keys.insert(hash, identity) {
                return Err(wrong(
                    format!("has the key of {name:?} twice, as {:?} too", other.subject),
                    "leave one out",
                ));
            }
        }
        Ok(keys)
    }
}

fn digest(hex: &str) -> Option<Print> {
    let mut print = Print::default();
    if hex.len() != print.len() * 2 || !hex.is_ascii() {
        return None;
    }
    for (place, byte) in print.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(print)
}

impl Source for KeysFile {
    type Read = ByHash;
    type Defect = Defect;

    fn files(&self) -> Vec<&Path> {
        vec![&self.file]
    }

    fn read(&self) -> Result<ByHash, Defect> {
        self.keys().map_err(|wrong| Defect::of("api_keys", self.file.clone(), wrong))
    }

    fn effect(&self) -> String {
        "the keys that are there now are known, and no others".to_owned()
    }
}
