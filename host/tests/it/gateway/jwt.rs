//! Tokens: those that are good let in, and each trap that others fell into lets nobody in.

use std::{fs, path::Path};

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ask_as;
use crate::support::{
    Answer, Client, Host, app,
    tokens::{AUDIENCE, ISSUER, Signer, claims, make, now, signed, with_secret},
    until,
};

const MANIFEST: &str = r#"
[app]
name = "shop"
[store]
url = "memory:"
[gateway.http]
auth = "login"
[auth.login]
issuer = "https://login.example"
audience = ["shop", "api"]
keys = "jwks.json"
[service.guest]
component = "{guest}"
routes = ["/*"]
"#;

/// Kinds of keys, each with the algorithms that it is for.
const KINDS: [(&str, &[&str]); 4] = [
    ("2048", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
    ("P-256", &["ES256"]),
    ("P-384", &["ES384"]),
    ("Ed25519", &["EdDSA", "Ed25519"]),
];

/// A folder with an app whose keys are these, each named as its kind.
fn shop(keys: &[Value]) -> TempDir {
    let folder = app(MANIFEST);
    keys_are(folder.path(), keys);
    folder
}

fn keys_are(folder: &Path, keys: &[Value]) {
    fs::write(folder.join("jwks.json"), json!({ "keys": keys }).to_string()).expect("it can be written");
}

async fn ask(client: &mut Client, token: &str) -> Answer {
    ask_as(client, "/told", token).await
}

#[tokio::test]
async fn a_token_of_every_algorithm_is_verified_by_a_key_that_is_for_it() {
    let keys = tempfile::tempdir().expect("a folder");
    let signers: Vec<_> =
        KINDS.iter().map(|(kind, algorithms)| (Signer::new(keys.path(), kind, kind), *kind, *algorithms)).collect();
    let folder = shop(&signers.iter().map(|(signer, kind, _)| signer.jwk(kind)).collect::<Vec<_>>());
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (signer, kind, algorithms) in &signers {
        for algorithm in *algorithms {
            let good = signer.token(&json!({ "alg": algorithm, "kid": kind }), &claims(json!({})));
            // The second is remembered.
            for _ in 0..2 {
                assert_eq!(ask(&mut client, &good).await.status, StatusCode::OK, "{algorithm}");
            }
            let (rest, last) = good.split_at(good.len() - 8);
            let changed = format!("{rest}{}", last.chars().rev().collect::<String>());
            assert_eq!(ask(&mut client, &changed).await.status, StatusCode::UNAUTHORIZED, "{algorithm}");
        }
        // One kind of key for the algorithm of another.
        for (_, _, others) in signers.iter().filter(|(_, other, _)| other != kind) {
            let wrong = signer.token(&json!({ "alg": others[0], "kid": kind }), &claims(json!({})));
            assert_eq!(ask(&mut client, &wrong).await.status, StatusCode::UNAUTHORIZED, "{kind} for {}", others[0]);
        }
    }
}

/// Each trap by its name: a header, and claims, of which all else is good.
#[tokio::test]
async fn what_others_fell_for_lets_nobody_in() {
    let keys = tempfile::tempdir().expect("a folder");
    make(keys.path(), &[("ec", "P-256"), ("rsa", "2048"), ("other", "P-256"), ("short", "1024")]);
    let of = |name, kind| Signer::of(keys.path(), (name, kind));
    let (ec, rsa, other) = (of("ec", "P-256"), of("rsa", "2048"), of("other", "P-256"));
    let secret = json!({ "kty": "oct", "kid": "oct", "k": "c2VjcmV0" });
    let mut pinned = rsa.jwk("pinned");
    pinned["alg"] = json!("PS256");
    let mut for_others = other.jwk("enc");
    for_others["use"] = json!("enc");
    let folder = shop(&[ec.jwk("ec"), rsa.jwk("rsa"), secret, pinned, for_others]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;

    let head = json!({ "alg": "ES256", "kid": "ec" });
    let with = |more: Value| {
        let mut head = head.clone();
        more.as_object().expect("an object").iter().for_each(|(name, value)| head[name] = value.clone());
        ec.token(&head, &claims(json!({})))
    };
    let good = with(json!({}));
    let says = |with: Value| ec.token(&head, &claims(with));
    let unsigned = |head: &str| format!("{}.", signed(head, &claims(json!({})).to_string()));
    let part = |bytes: &[u8]| base64(bytes);
    let public = fs::read(keys.path().join("rsa.pem")).expect("a key");
    let modulus = rsa.jwk("rsa")["n"].as_str().expect("text").to_owned();
    let hmac =
        |secret: &[u8], kid: &str| with_secret(secret, &json!({ "alg": "HS256", "kid": kid }), &claims(json!({})));
    let signature = good.rsplit('.').next().expect("a part").to_owned();
    let rows: Vec<(&str, String)> = vec![
        ("the algorithm none", unsigned(r#"{"alg":"none"}"#)),
        ("none in other letters", unsigned(r#"{"alg":"nOnE","kid":"ec"}"#)),
        (
            "none with a signature",
            good.replace(good.split('.').next().expect("a part"), &part(br#"{"alg":"none","kid":"ec"}"#)),
        ),
        ("no algorithm", unsigned(r#"{"kid":"ec"}"#)),
        ("no signature", unsigned(r#"{"alg":"ES256","kid":"ec"}"#)),
        ("a signature of zeros", format!("{}{}", unsigned(r#"{"alg":"ES256","kid":"ec"}"#), part(&[0; 64]))),
        ("the public key as a secret", hmac(&public, "rsa")),
        ("the modulus as a secret", hmac(modulus.as_bytes(), "rsa")),
        ("a secret of the set", hmac(b"secret", "oct")),
        ("a secret of the set without a name", with_secret(b"secret", &json!({ "alg": "HS256" }), &claims(json!({})))),
        (
            "another algorithm than the key is for",
            rsa.token(&json!({ "alg": "RS256", "kid": "pinned" }), &claims(json!({}))),
        ),
        ("a key that is for no signatures", other.token(&json!({ "alg": "ES256", "kid": "enc" }), &claims(json!({})))),
        ("a key that is not known", other.token(&json!({ "alg": "ES256", "kid": "other" }), &claims(json!({})))),
        ("a name of another's key", other.token(&head, &claims(json!({})))),
        (
            "a key that it brings along",
            other.token(&json!({ "alg": "ES256", "jwk": other.jwk("x") }), &claims(json!({}))),
        ),
        ("a path as a name", other.token(&json!({ "alg": "ES256", "kid": "../../dev/null" }), &claims(json!({})))),
        ("without a name, where two could be meant", rsa.token(&json!({ "alg": "PS256" }), &claims(json!({})))),
        ("no iss", says(json!({ "iss": null }))),
        ("another iss", says(json!({ "iss": "https://login.example/" }))),
        ("a list as iss", says(json!({ "iss": [ISSUER] }))),
        ("no aud", says(json!({ "aud": null }))),
        ("another aud", says(json!({ "aud": ["shops", "SHOP"] }))),
        ("no exp", says(json!({ "exp": null }))),
        ("an exp that has passed", says(json!({ "exp": now() - 61 }))),
        ("text as exp", says(json!({ "exp": (now() + 600).to_string() }))),
        ("an nbf to come", says(json!({ "nbf": now() + 90 }))),
        ("no sub", says(json!({ "sub": null }))),
        ("crit", with(json!({ "crit": ["exp"], "exp": 1 }))),
        ("an empty crit", with(json!({ "crit": [] }))),
        ("a token of a logout", with(json!({ "typ": "logout+jwt" }))),
        (
            "the header twice",
            format!(
                "{}.{}",
                part(br#"{"alg":"ES256","alg":"none","kid":"ec"}"#),
                &good[good.find('.').expect("a dot") + 1..]
            ),
        ),
        ("four parts", format!("{good}.{signature}")),
        ("two parts", good.rsplit_once('.').expect("a dot").0.to_owned()),
        ("one part", "abc".to_owned()),
        ("five parts, as if encrypted", "a.b.c.d.e".to_owned()),
        ("padded", format!("{good}=")),
        ("oversize", says(json!({ "more": "x".repeat(8 << 10) }))),
        (
            "the signature as DER",
            format!("{}.{}", good.rsplit_once('.').expect("a dot").0, part(&[0x30, 6, 2, 1, 1, 2, 1, 1])),
        ),
    ];
    for (trap, token) in &rows {
        let answer = ask(&mut client, token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{trap}: {}", answer.text());
        let challenge = answer.header("www-authenticate");
        let begin = "Bearer realm=\"shop\", error=\"invalid_token\", error_description=\"";
        assert!(challenge.starts_with(begin), "{trap}: {challenge}");
    }
    for typ in ["JWT", "at+jwt", "application/at+jwt"] {
        assert_eq!(ask(&mut client, &with(json!({ "typ": typ }))).await.status, StatusCode::OK, "{typ}");
    }
    for late in [
        says(json!({ "exp": now() - 30 })),
        says(json!({ "nbf": now() + 30 })),
        says(json!({ "aud": ["x", AUDIENCE] })),
    ] {
        assert_eq!(ask(&mut client, &late).await.status, StatusCode::OK);
    }
    assert_eq!(ask(&mut client, &good).await.status, StatusCode::OK);
    assert_eq!(host.service("guest").await["calls"], 7, "nobody else has reached it");
    // None of it stands anywhere.
    let output = host.output().join("\n");
    for (trap, token) in &rows {
        assert!(token.len() < 20 || !output.contains(&token[..20]), "{trap} is in the log");
    }
}

#[tokio::test]
async fn keys_in_a_file_are_others_when_the_file_is() {
    let keys = tempfile::tempdir().expect("a folder");
    let (old, new) = (Signer::new(keys.path(), "old", "P-256"), Signer::new(keys.path(), "new", "Ed25519"));
    let folder = shop(&[old.jwk("old")]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let of_old = old.token(&json!({ "alg": "ES256", "kid": "old" }), &claims(json!({})));
    let of_new = new.token(&json!({ "alg": "EdDSA", "kid": "new" }), &claims(json!({})));
    assert_eq!(ask(&mut client, &of_old).await.status, StatusCode::OK);
    assert_eq!(ask(&mut client, &of_new).await.status, StatusCode::UNAUTHORIZED);
    // What is no good leaves the old ones.
    fs::write(folder.path().join("jwks.json"), "{}").expect("it can be written");
    host.wait_for_output("cannot be used");
    assert_eq!(ask(&mut client, &of_old).await.status, StatusCode::OK);
    keys_are(folder.path(), &[new.jwk("new")]);
    until("the new key is known", async || ask(&mut client, &of_new).await.status == StatusCode::OK).await;
    // Though it was remembered.
    assert_eq!(ask(&mut client, &of_old).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_may_stand_alone_in_pem() {
    for (kind, algorithms) in KINDS {
        let folder = app(&MANIFEST.replace("keys = \"jwks.json\"", "key = \"own.pem\""));
        let own = Signer::new(folder.path(), "own", kind);
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        for named in [json!({ "alg": algorithms[0] }), json!({ "alg": algorithms[0], "kid": "any" })] {
            assert_eq!(ask(&mut client, &own.token(&named, &claims(json!({})))).await.status, StatusCode::OK, "{kind}");
        }
        let secret = fs::read(folder.path().join("own.pem")).expect("a key");
        let wrong = with_secret(&secret, &json!({ "alg": "HS256" }), &claims(json!({})));
        assert_eq!(ask(&mut client, &wrong).await.status, StatusCode::UNAUTHORIZED, "{kind}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}
