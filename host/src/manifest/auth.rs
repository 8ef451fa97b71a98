//! Who may ask, and by what it is known who asks.

use std::path::{Path, PathBuf};

use super::Invalid;

/// One `[auth.NAME]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthManifest {
    /// The name that routes know it by.
    pub name: String,
    /// What those who ask bring.
    pub proof: Proof,
    /// Whether the component is given what they bring, too.
    pub forward: bool,
}

/// What those who ask bring with their requests. All paths are joined to the manifest's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A token that an issuer has signed.
    Token(TokenManifest),
    /// A key of this file.
    ApiKey(PathBuf),
    /// A name of this file, and its password.
    Basic(PathBuf),
}

/// Whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenManifest {
    /// Who has made them, as their `iss` says it.
    pub issuer: String,
    /// For whom they are, at least one: one of these their `aud` says.
    pub audience: Vec<String>,
    /// What they are verified by.
    pub keys: KeySource,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// Where the issuer says (OpenID Connect Discovery).
    Issuer {
        /// Who vouches for its server, instead of those that the system trusts.
        ca: Option<PathBuf>,
    },
    /// In a file, as a JSON Web Key Set.
    Set(PathBuf),
    /// In a file, one in PEM.
    Pem(PathBuf),
}

/// Who may send the requests of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asks {
    /// Everybody.
    Everybody,
    /// Whom one of these `[auth.NAME]` knows; there is at least one.
    Known(Vec<String>),
}

impl AuthManifest {
    /// The files that it is made of.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let file = match &self.proof {
            Proof::Token(TokenManifest { keys: KeySource::Issuer { ca }, .. }) => ca.as_ref(),
            Proof::Token(TokenManifest { keys: KeySource::Set(file) | KeySource::Pem(file), .. })
            | Proof::ApiKey(file)
            | Proof::Basic(file) => Some(file),
        };
        file.into_iter().map(PathBuf::as_path)
    }
}

/// Whether this may be a scope, as RFC 6749, section 3.3 has it.
pub fn scope(text: &str) -> Result<(), Invalid> {
    let is_part = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    match !text.is_empty() && text.bytes().all(is_part) {
        true => Ok(()),
        false => Err(Invalid::new("is no scope", "write visible ASCII characters, as in \"orders:write\"")),
    }
}
