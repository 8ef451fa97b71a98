//! One `[auth.NAME]`.

use std::sync::Arc;

use super::{
    Refusal,
    api_keys::{ApiKeys, is_key},
    basic::Passwords,
    care::Care,
    defect::Defect,
    tokens::Tokens,
};
use crate::{
    capability::identity::Identity,
    manifest::{AuthManifest, Proof},
};

/// Knows who asks.
pub struct Authenticator {
    manifest: AuthManifest,
    proof: Known,
}

/// What is to be brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Authorization: Bearer` and a token with a signature.
    Token,
    /// A key of the host's own, there or in `X-API-Key`.
    ApiKey,
    /// `Authorization: Basic` and a name with a password.
    Basic,
}

/// By what it is known.
enum Known {
    Token(Arc<Tokens>),
    ApiKey(Arc<ApiKeys>),
    Basic(Arc<Passwords>),
}

impl Authenticator {
    /// The one that a manifest describes, and what looks after it.
    pub fn open(auth: &AuthManifest, care: &mut Care) -> Result<Authenticator, Defect> {
        let name = auth.name.as_str().into();
        let proof = match &auth.proof {
            Proof::Token(manifest) => Known::Token(Tokens::open(name, manifest, care)?),
            Proof::Basic(file) => Known::Basic(Passwords::open(name, file, care)?),
            Proof::ApiKey(file) => Known::ApiKey(ApiKeys::open(name, file, care)?),
        };
        Ok(Authenticator { manifest: auth.clone(), proof })
    }

    /// Whether it is the one that a manifest describes.
    pub fn is_of(&self, auth: &AuthManifest) -> bool {
        self.manifest == *auth
    }

    /// What is to be brought.
    pub fn kind(&self) -> Kind {
        match &self.proof {
            Known::Token(_) => Kind::Token,
            Known::ApiKey(_) => Kind::ApiKey,
            Known::Basic(_) => Kind::Basic,
        }
    }

    /// Whether the component is given it, too.
    pub fn forwards(&self) -> bool {
        self.manifest.forward
    }

    /// Who that is that was brought `Authorization: Bearer`: none if it is not for this one to
    /// say.
    pub async fn bearer(&self, token: &str) -> Option<Result<Arc<Identity>, Refusal>> {
        match &self.proof {
            Known::Token(_) if is_key(token) => None,
            Known::Token(tokens) => Some(tokens.verify(token).await),
            Known::ApiKey(keys) if is_key(token) => Some(keys.find(token)),
            Known::ApiKey(_) | Known::Basic(_) => None,
        }
    }

    /// Who that is that was brought `X-API-Key`: none if it is not for this one to say.
    pub fn key(&self, key: &str) -> Option<Result<Arc<Identity>, Refusal>> {
        match &self.proof {
            Known::ApiKey(keys) => Some(keys.find(key)),
            Known::Token(_) | Known::Basic(_) => None,
        }
    }

    /// Who that is that was brought `Authorization: Basic`: none if it is not for this one to
    /// say.
    pub async fn basic(&self, name: &str, password: &[u8]) -> Option<Result<Arc<Identity>, Refusal>> {
        match &self.proof {
            Known::Basic(passwords) => Some(passwords.verify(name, password).await),
            Known::Token(_) | Known::ApiKey(_) => None,
        }
    }
}
