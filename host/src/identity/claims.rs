//! What a token says, and whether it is for us and for now.

use serde::Deserialize;

use super::{Refusal, now};
use crate::manifest::{TokenManifest, scope};

/// How far the clocks of an issuer and of this host may be apart, in seconds.
const LEEWAY: f64 = 60.0;

/// The longest subject, in bytes.
const LONGEST_SUBJECT: usize = 1 << 10;

/// The claims that are looked at. A name that is there twice is refused, and so is one whose
/// value is of another type than RFC 7519 has it.
#[derive(Deserialize)]
pub struct Claims {
    iss: Option<String>,
    aud: Option<Several>,
    exp: Option<f64>,
    nbf: Option<f64>,
    sub: Option<String>,
    scope: Option<Several>,
    scp: Option<Several>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Several(Vec<String>),
}

/// What a token that is good says.
#[derive(Debug)]
pub struct Said {
    /// Who it is for.
    pub subject: String,
    /// What that may do.
    pub scopes: Vec<String>,
    /// Until when, in seconds since 1970 began.
    pub expires: u64,
}

impl Claims {
    /// Those in the payload of a token of this issuer, of which nothing is verified yet.
    pub fn read(payload: &str, issuer: &str) -> Result<Claims, Refusal> {
        let claims: Claims =
            serde_json::from_str(payload).map_err(|_| Refusal::Invalid("The token's claims are none"))?;
        match claims.iss.as_deref() == Some(issuer) {
            true => Ok(claims),
            false => Err(Refusal::Invalid("The token is of another issuer (iss)")),
        }
    }

    /// What they say, of a token whose signature has been verified.
    pub fn said(self, wanted: &TokenManifest) -> Result<Said, Refusal> {
        self.at(wanted, now() as f64)
    }

    fn at(self, wanted: &TokenManifest, now: f64) -> Result<Said, Refusal> {
        let claims = self;
        let expires = claims.exp.ok_or(Refusal::Invalid("The token has no end (exp)"))?;
        let is_for_us = |aud: &Several| aud.texts().any(|text| wanted.audience.iter().any(|wanted| wanted == text));
        match () {
            () if !claims.aud.as_ref().is_some_and(is_for_us) => Err(Refusal::Invalid("The token is for others (aud)")),
            () if now >= expires + LEEWAY => Err(Refusal::Invalid("The token has expired (exp)")),
            () if claims.nbf.is_some_and(|begins| now + LEEWAY < begins) => {
                Err(Refusal::Invalid("The token is not good yet (nbf)"))
            }
            () => {
                let subject = claims.sub.filter(|subject| (1..=LONGEST_SUBJECT).contains(&subject.len()));
                let subject = subject.ok_or(Refusal::Invalid("The token says of nobody whose it is (sub)"))?;
                let scopes = claims.scope.iter().chain(&claims.scp).flat_map(Several::words);
                Ok(Said { subject, scopes: scopes.map(ToOwned::to_owned).collect(), expires: expires as u64 })
            }
        }
    }
}

impl Several {
    fn texts(&self) -> impl Iterator<Item = &str> {
        match self {
            Several::One(one) => std::slice::from_ref(one),
            Several::Several(several) => several,
        }
        .iter()
        .map(String::as_str)
    }

    /// Scopes: those that are none, by RFC 6749, are left out.
    fn words(&self) -> impl Iterator<Item = &str> {
        self.texts().flat_map(|text| text.split(' ')).filter(|word| scope(word).is_ok())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;
    use crate::manifest::KeySource;

    fn read(payload: &str) -> Result<Said, Refusal> {
        let keys = KeySource::Issuer { ca: None };
        let wanted = TokenManifest { issuer: "i".into(), audience: vec!["a".into(), "b".into()], keys };
        Claims::read(payload, "i")?.at(&wanted, 1000.0)
    }

    #[test]
    fn clocks_may_be_a_minute_apart_and_no_more() {
        let at = |times: &str| read(&format!(r#"{{"iss":"i","aud":"a","sub":"s",{times}}}"#)).is_ok();
        for good in [r#""exp":941"#, r#""exp":940.5"#, r#""exp":1e3"#, r#""exp":1e300"#, r#""exp":2000,"nbf":1060"#] {
            assert!(at(good), "{good}");
        }
        for bad in [
            r#""exp":940"#,
            r#""exp":-1"#,
            r#""exp":"2000""#,
            r#""exp":null"#,
            r#""exp":1e999"#,
            r#""exp":2000,"nbf":1061"#,
            r#""exp":2000,"nbf":"1""#,
            r#""exp":2000,"exp":2000"#,
        ] {
            assert!(!at(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_required_is_there_and_of_its_type() {
        for (claims, good) in [
            (r#""iss":"i","aud":"b""#, true),
            (r#""iss":"i","aud":["x","a"]"#, true),
            (r#""iss":"i","aud":[]"#, false),
            (r#""iss":"i","aud":"A""#, false),
            (r#""iss":"i","aud":"a b""#, false),
            (r#""iss":"i""#, false),
            (r#""iss":"i","aud":{"a":1}"#, false),
            (r#""iss":"i/","aud":"a""#, false),
            (r#""iss":["i"],"aud":"a""#, false),
            (r#""aud":"a""#, false),
            (r#""iss":"x","iss":"i","aud":"a""#, false),
        ] {
            assert_eq!(read(&format!(r#"{{"exp":2000,"sub":"s",{claims}}}"#)).is_ok(), good, "{claims}");
        }
        for (subject, good) in [(r#""s""#, true), (r#""""#, false), ("1", false), ("null", false)] {
            assert_eq!(read(&format!(r#"{{"exp":2000,"iss":"i","aud":"a","sub":{subject}}}"#)).is_ok(), good);
        }
    }

    #[test]
    fn scopes_are_read_as_issuers_write_them() {
        let scopes = |claims: &str| {
            let said = read(&format!(r#"{{"exp":2000,"iss":"i","aud":"a","sub":"s",{claims}}}"#));
            said.expect("a token").scopes.join(",")
        };
        assert_eq!(scopes(r#""scope":"a:read  b""#), "a:read,b");
        assert_eq!(scopes(r#""scp":["a","b c"]"#), "a,b,c");
        assert_eq!(scopes(r#""scope":"a","scp":"b""#), "a,b");
        assert_eq!(scopes(r#""scope":"a\r\nx: y \"q\" ü b""#), "y,b");
    }
}
