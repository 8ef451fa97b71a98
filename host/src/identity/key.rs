//! A public key, and the algorithms that it is for.
//!
//! What a token says of its algorithm is compared with what its key is for, and never chooses
//! how it is verified: so none is verified with a public key as a shared secret, and none is
//! taken without a signature.

use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use spki::{
    SubjectPublicKeyInfoRef,
    der::{Decode, Reader, SliceReader, asn1::UintRef},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bits of the modulus of an RSA key: `ring` verifies with no others.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// What those of RSA are for.
const RSA: [(&str, &RsaParameters); 6] = [
    ("RS256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RS384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RS512", &signature::RSA_PKCS1_2048_8192_SHA512),
    ("PS256", &signature::RSA_PSS_2048_8192_SHA256),
    ("PS384", &signature::RSA_PSS_2048_8192_SHA384),
    ("PS512", &signature::RSA_PSS_2048_8192_SHA512),
];

/// A key that verifies signatures.
#[derive(Debug)]
pub struct Key {
    /// What it is called by its owner.
    pub id: Option<String>,
    /// The one algorithm that it is for, where its owner says so.
    alg: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of an elliptic curve.
    Curve(Curve, Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
    Ed25519,
}

/// A key of a JSON Web Key Set (RFC 7517).
#[derive(Deserialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    /// Whether it is for an algorithm.
    pub fn is_for(&self, algorithm: &str) -> bool {
        let suits = match self.public {
            Public::Rsa { .. } => RSA.iter().any(|(name, _)| *name == algorithm),
            Public::Curve(curve, _) => curve.names().contains(&algorithm),
        };
        suits && self.alg.as_ref().is_none_or(|alg| alg == algorithm)
    }

    /// Whether this is its signature of a message, by an algorithm that it is for.
    pub fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if !self.is_for(algorithm) {
            return false;
        }
        match &self.public {
            Public::Rsa { n, e } => {
                let parameters = RSA.iter().find(|(name, _)| *name == algorithm);
                let key = RsaPublicKeyComponents { n, e };
                parameters.is_some_and(|(_, parameters)| key.verify(parameters, message, signature).is_ok())
            }
            Public::Curve(curve, point) => {
                UnparsedPublicKey::new(curve.verifies(), point).verify(message, signature).is_ok()
            }
        }
    }

    /// The key that this is, or why it verifies nothing.
    pub fn of(jwk: Jwk) -> Result<Key, &'static str> {
        if jwk.r#use.as_ref().is_some_and(|of| of != "sig") {
            return Err("is for no signatures");
        }
        if jwk.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("is not to verify with");
        }
        let public = match (&*jwk.kty, jwk.crv.as_deref()) {
            ("RSA", _) => rsa(number(jwk.n)?, number(jwk.e)?)?,
            ("EC", Some("P-256")) => Public::Curve(Curve::P256, point(32, jwk.x, jwk.y)?),
            ("EC", Some("P-384")) => Public::Curve(Curve::P384, point(48, jwk.x, jwk.y)?),
            ("OKP", Some("Ed25519")) => Public::Curve(Curve::Ed25519, sized(32, number(jwk.x)?)?),
            ("oct", _) => return Err("is a secret, with which whoever verifies could sign"),
            _ => return Err("is of no kind that is known here"),
        };
        let key = Key { id: jwk.kid, alg: jwk.alg, public };
        match &key.alg {
            Some(alg) if !key.is_for(alg) => Err("is for another algorithm than its kind has"),
            _ => Ok(key),
        }
    }

    /// The key in a `SubjectPublicKeyInfo`, or why it is none.
    pub fn of_spki(der: &[u8]) -> Result<Key, &'static str> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| "is broken")?;
        let bytes = info.subject_public_key.as_bytes().ok_or("is broken")?;
        let curve = info.algorithm.parameters.and_then(|any| any.decode_as::<spki::ObjectIdentifier>().ok());
        let public = match (&*info.algorithm.oid.to_string(), curve.map(|curve| curve.to_string()).as_deref()) {
            ("1.2.840.113549.1.1.1", _) => {
                let (n, e) = components(bytes).map_err(|_| "is broken")?;
                rsa(n, e)?
            }
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => {
                Public::Curve(Curve::P256, sized(65, bytes.to_vec())?)
            }
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Public::Curve(Curve::P384, sized(97, bytes.to_vec())?),
            ("1.3.101.112", _) => Public::Curve(Curve::Ed25519, sized(32, bytes.to_vec())?),
            _ => return Err("is of no kind that is known here"),
        };
        Ok(Key { id: None, alg: None, public })
    }
}

impl Curve {
    fn names(self) -> &'static [&'static str] {
        match self {
            Curve::P256 => &["ES256"],
            Curve::P384 => &["ES384"],
            Curve::Ed25519 => &["EdDSA", "Ed25519"],
        }
    }

    fn verifies(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Curve::Ed25519 => &signature::ED25519,
        }
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Public, &'static str> {
    // Some write zeros before it, which are none of it (RFC 7518, section 6.3.1.1).
    let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    match RSA_BITS.contains(&bits) {
        true => Ok(Public::Rsa { n, e }),
        false => Err("has too few bits, or too many: an RSA key is to have 2048 to 8192"),
    }
}

/// Modulus and exponent of an RSA key (PKCS #1).
fn components(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), spki::der::Error> {
    let mut reader = SliceReader::new(der)?;
    let read = reader.sequence(|sequence| {
        let (n, e) = (UintRef::decode(sequence)?, UintRef::decode(sequence)?);
        Ok((n.as_bytes().to_vec(), e.as_bytes().to_vec()))
    })?;
    reader.finish(read)
}

fn number(text: Option<String>) -> Result<Vec<u8>, &'static str> {
    text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or("is broken")
}

fn point(size: usize, x: Option<String>, y: Option<String>) -> Result<Vec<u8>, &'static str> {
    let (x, y) = (sized(size, number(x)?)?, sized(size, number(y)?)?);
    Ok([vec![4], x, y].concat())
}

fn sized(size: usize, bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if bytes.len() == size { Ok(bytes) } else { Err("is broken") }
}
