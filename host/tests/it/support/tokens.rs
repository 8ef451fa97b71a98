//! Tokens of the tests' own, with keys that Debian's `openssl` makes.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::{self, PublicKeyComponents},
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use serde_json::{Value, json};

use super::certificates;

/// Who makes them, and for whom.
pub const ISSUER: &str = "https://login.example";
pub const AUDIENCE: &str = "shop";

/// One who signs.
pub enum Signer {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Make keys in a folder: of each NAME its `NAME.der`, and `NAME.pem` with what others may know.
pub fn make(folder: &Path, names: &[(&str, &str)]) {
    for (name, kind) in names {
        let how = match *kind {
            "P-256" => "EC -pkeyopt ec_paramgen_curve:P-256",
            "P-384" => "EC -pkeyopt ec_paramgen_curve:P-384",
            "Ed25519" => "ED25519",
            bits => &format!("RSA -pkeyopt rsa_keygen_bits:{bits}"),
        };
        let make = format!("openssl genpkey -algorithm {how} -out {name}.key");
        let private = format!("openssl pkcs8 -topk8 -nocrypt -in {name}.key -outform DER -out {name}.der");
        let public = format!("openssl pkey -in {name}.key -pubout -out {name}.pem");
        certificates::make(folder, &[make, private, public].join("\n"));
    }
}

impl Signer {
    /// The one whose key was made: see [`make`].
    pub fn of(folder: &Path, (name, kind): (&str, &str)) -> Signer {
        let der = fs::read(folder.join(format!("{name}.der"))).expect("a key");
        let curve = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, &der, &SystemRandom::new()).expect("a key");
        match kind {
            "P-256" => Signer::P256(curve(&signature::ECDSA_P256_SHA256_FIXED_SIGNING)),
            "P-384" => Signer::P384(curve(&signature::ECDSA_P384_SHA384_FIXED_SIGNING)),
            "Ed25519" => Signer::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a key")),
            _ => Signer::Rsa(rsa::KeyPair::from_pkcs8(&der).expect("a key")),
        }
    }

    /// Make it, and have it.
    pub fn new(folder: &Path, name: &str, kind: &str) -> Signer {
        make(folder, &[(name, kind)]);
        Signer::of(folder, (name, kind))
    }

    /// Its public key, as a set has it.
    pub fn jwk(&self, id: &str) -> Value {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let curve = |key: &EcdsaKeyPair, name: &str| {
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({ "kty": "EC", "kid": id, "crv": name, "x": part(x), "y": part(y) })
        };
        match self {
            Signer::P256(key) => curve(key, "P-256"),
            Signer::P384(key) => curve(key, "P-384"),
            Signer::Ed25519(key) => {
                json!({ "kty": "OKP", "kid": id, "crv": "Ed25519", "x": part(key.public_key().as_ref()) })
            }
            Signer::Rsa(key) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "kid": id, "n": part(&public.n), "e": part(&public.e) })
            }
        }
    }

    /// Sign a text by an algorithm.
    pub fn sign(&self, algorithm: &str, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::P256(key) | Signer::P384(key) => key.sign(&random, text).expect("a signature").as_ref().to_vec(),
            Signer::Ed25519(key) => key.sign(text).as_ref().to_vec(),
            Signer::Rsa(key) => {
                let padding: &dyn signature::RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, text, &mut signed).expect("a signature");
                signed
            }
        }
    }

    /// A token with this header and these claims.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = signed(&header.to_string(), &claims.to_string());
        let signature = self.sign(header["alg"].as_str().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// What is signed.
pub fn signed(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// A token with a shared secret.
pub fn with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = signed(&header.to_string(), &claims.to_string());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Claims that are good for ten minutes, those of `with` in their place or, if they are null,
/// left out.
pub fn claims(with: Value) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": now() + 600 });
    let (into, from) = (claims.as_object_mut().expect("an object"), with.as_object().expect("an object"));
    for (name, value) in from {
        match value.is_null() {
            true => drop(into.remove(name)),
            false => drop(into.insert(name.clone(), value.clone())),
        }
    }
    claims
}

/// Seconds since 1970 began.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs()
}
