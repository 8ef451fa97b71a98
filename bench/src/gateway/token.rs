//! An issuer of tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::json;

/// How long its tokens are good.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands before a point of P-256 in a public key (RFC 5480, section 2).
const PUBLIC: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The letters of base64, where they are for text and where for URLs.
const TEXT: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Whoever has its public key believes its tokens, which are signed by ES256.
pub struct Issuer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// One with a new key.
    pub fn new() -> Result<Issuer> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
        let key = key.map_err(|_| anyhow!("there is no key"))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        let pair = pair.map_err(|refused| anyhow!("the key is refused: {refused}"))?;
        Ok(Issuer { pair, random })
    }

    /// Its public key in PEM.
    pub fn public_key(&self) -> String {
        let mut text = base64(&[&PUBLIC, self.pair.public_key().as_ref()].concat(), TEXT);
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }

    /// A token of its own.
    pub fn token(&self) -> Result<String> {
        let end = (SystemTime::now() + LIFE).duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({ "iss": "bench", "aud": "shop", "sub": "ada", "exp": end, "scope": "users:read" });
        let head = json!({ "alg": "ES256", "typ": "JWT" });
        let parts = [head, claims].map(|part| base64(part.to_string().as_bytes(), URL));
        let signed = parts.join(".");
        let signature = self.pair.sign(&self.random, signed.as_bytes()).map_err(|_| anyhow!("nothing was signed"))?;
        Ok(format!("{signed}.{}", base64(signature.as_ref(), URL)))
    }
}

fn base64(bytes: &[u8], letters: &[u8; 64]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            let letter = number >> (18 - 6 * place) & 63;
            text.push(char::from(letters[letter as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{TEXT, URL, base64};

    #[test]
    fn bytes_are_written_in_letters() {
        for (bytes, text) in [(&b""[..], ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foob", "Zm9vYg")] {
            assert_eq!(base64(bytes, TEXT), text);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe], URL), "-__-");
    }
}
