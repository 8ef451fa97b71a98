//! A token as it comes: a JSON Web Token in its compact form (RFC 7519, RFC 7515).
//!
//! What is read here is a claim until a key has verified it. Three things are refused that are
//! no mistake but somebody's try: a header that says what a reader must understand (`crit`),
//! for nothing beyond the standard is understood here; a token of another kind (`typ`), such
//! as one that tells of a logout; and a key that the token brings along, which is not looked
//! at at all.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::Refusal;

/// The longest token, in bytes.
pub const LONGEST: usize = 8 << 10;

/// What a token may say that it is, in lower case.
const KINDS: [&str; 4] = ["jwt", "application/jwt", "at+jwt", "application/at+jwt"];

/// What is said of a token that is none.
const MALFORMED: Refusal = Refusal::Invalid("The token is not a signed JSON Web Token");

/// A token whose parts were read, and whose signature was not.
pub struct Jwt<'a> {
    /// What it says of its signature.
    pub header: Header,
    /// What was signed.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
    payload: &'a str,
}

/// What a token says of itself. A name that is there twice is refused.
#[derive(Deserialize)]
pub struct Header {
    /// The algorithm of the signature.
    pub alg: String,
    /// Which key has made it.
    pub kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
}

impl<'a> Jwt<'a> {
    /// Read a token.
    pub fn read(token: &'a str) -> Result<Jwt<'a>, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Invalid("The token is longer than 8 KiB"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = signed.split_once('.').ok_or(MALFORMED)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| MALFORMED)?;
        let kind = header.typ.as_deref().unwrap_or("jwt").to_ascii_lowercase();
        match () {
            () if header.crit => Err(Refusal::Invalid("The token asks for what is not understood here (crit)")),
            () if !KINDS.contains(&&*kind) => Err(Refusal::Invalid("The token is of another kind (typ)")),
            () => Ok(Jwt { header, signed: signed.as_bytes(), signature: decoded(signature)?, payload }),
        }
    }

    /// What it says, as JSON.
    pub fn payload(&self) -> Result<String, Refusal> {
        String::from_utf8(decoded(self.payload)?).map_err(|_| MALFORMED)
    }
}

/// A part of a token, which has one form alone.
fn decoded(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)
}

/// Whether a name is there, whatever its value.
fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Value::deserialize(deserializer).map(|_| true)
}
