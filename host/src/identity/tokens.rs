//! Tokens of an issuer: verified, and remembered while they are good.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;

use super::{
    Refusal,
    care::Care,
    claims::{Claims, Said},
    defect::Defect,
    issuer::Asking,
    jwt::Jwt,
    key_file::KeyFile,
    key_set::KeySet,
    memory::{Memory, print},
};
use crate::{
    capability::identity::Identity,
    manifest::{KeySource, TokenManifest},
    renewal::Kept,
    tls::{self, ClientError},
};

/// What is said of a token whose key is not known, or has not signed it.
const UNSIGNED: Refusal = Refusal::Invalid("The token is signed by no key that is known here");

/// Knows the tokens of an issuer.
pub struct Tokens {
    auth: Arc<str>,
    wanted: TokenManifest,
    /// None as long as the issuer has not answered.
    keys: ArcSwapOption<KeySet>,
    /// Which keys these are: what others have verified counts no more.
    number: AtomicU64,
    /// How the issuer is asked, if its keys stand in no file.
    asking: Option<Asking>,
    memory: Memory,
}

impl Tokens {
    /// Those that a manifest describes, and what looks after their keys.
    pub fn open(auth: Arc<str>, wanted: &TokenManifest, care: &mut Care) -> Result<Arc<Tokens>, Defect> {
        let opened = |keys: Option<Arc<KeySet>>, asking: Option<Asking>| {
            let (number, memory, wanted) = (AtomicU64::new(0), Memory::new(), wanted.clone());
            Arc::new(Tokens { auth, wanted, keys: ArcSwapOption::new(keys), number, asking, memory })
        };
        let of_file = |file: &PathBuf, is_set| Kept::open(KeyFile { file: file.clone(), is_set });
        let kept = match &wanted.keys {
            KeySource::Set(file) => of_file(file, true)?,
            KeySource::Pem(file) => of_file(file, false)?,
            KeySource::Issuer { ca } => {
                check(ca.as_deref(), &wanted.issuer)?;
                let asking = Asking::new();
                let tokens = opened(None, Some(asking.clone()));
                care.task(asking.run(Arc::downgrade(&tokens), wanted.issuer.clone(), ca.clone()));
                return Ok(tokens);
            }
        };
        let tokens = opened(Some(kept.now()), None);
        care.files(kept, &tokens, Tokens::take);
        Ok(tokens)
    }

    /// Who asks with this token.
    pub async fn verify(&self, token: &str) -> Result<Arc<Identity>, Refusal> {
        let print = print(token.as_bytes());
        if let Some(identity) = self.memory.get(&print, self.number.load(Ordering::Acquire)) {
            return Ok(identity);
        }
        let jwt = Jwt::read(token)?;
        let payload = jwt.payload()?;
        // So that an issuer is asked for no keys but those of what claims to be its own.
        let claims = Claims::read(&payload, &self.wanted.issuer)?;
        let (id, alg) = (jwt.header.kid.as_deref(), &jwt.header.alg);
        // Before the keys are: what old ones verify is remembered as theirs.
        let mut number = self.number.load(Ordering::Acquire);
        let mut keys = self.keys.load_full();
        let is_known = keys.as_ref().is_some_and(|keys| keys.knows(id));
        if let Some(asking) = self.asking.as_ref().filter(|_| !is_known)
            && asking.again().await
        {
            number = self.number.load(Ordering::Acquire);
            keys = self.keys.load_full();
        }
        let keys = keys.ok_or(Refusal::Unknown)?;
        let key = keys.find(id, alg).ok_or(UNSIGNED)?;
        if !key.has_signed(alg, jwt.signed, &jwt.signature) {
            return Err(UNSIGNED);
        }
        let Said { subject, scopes, expires } = claims.said(&self.wanted)?;
        let identity = Identity::new(self.auth.clone(), subject, Some(self.wanted.issuer.clone()), scopes);
        let identity = Arc::new(identity.saying(payload, expires));
        self.memory.put(print, number, identity.clone());
        Ok(identity)
    }

    /// Verify by these keys from now on.
    pub fn take(&self, keys: Arc<KeySet>) {
        self.keys.store(Some(keys));
        self.number.fetch_add(1, Ordering::Release);
    }
}

/// Whether an issuer with TLS could be asked: what is wrong with the file of those who vouch
/// for it, or that there are none.
fn check(ca: Option<&Path>, issuer: &str) -> Result<(), Defect> {
    if ca.is_none() && issuer.starts_with("http:") {
        return Ok(());
    }
    match tls::client(ca, None) {
        Ok(_) => Ok(()),
        Err(ClientError::File(tls::Defect { file, reason, help, .. })) => Err(Defect { key: "ca", file, reason, help }),
        Err(_) => {
            let (file, reason) = (PathBuf::from("/etc/ssl/certs"), "has nobody who vouches for the issuer's server");
            let help = "name a file with who does as `ca`, or install the certificates of the system";
            Err(Defect { key: "issuer", file, reason: reason.to_owned(), help: help.to_owned() })
        }
    }
}
