//! Who may ask: routes that ask, what those are told who may not, and what a component is told
//! of whoever may, which no client can say of itself.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::with;
use crate::support::{
    Client, Host, app, raw,
    tokens::{Signer, claims},
};

/// A folder with the app, and a token of these scopes.
fn shop() -> (TempDir, impl Fn(&str) -> String) {
    let folder = app(r#"
[app]
name = "shop"
[store]
url = "memory:"
[auth.login]
issuer = "https://login.example"
audience = "shop"
key = "own.pem"
[auth.handed]
issuer = "https://login.example"
audience = "shop"
key = "own.pem"
forward = true
[service.guest]
component = "{guest}"
http = { auth = "login" }
routes = [
    "/known/*",
    { route = "/open/*", auth = "none" },
    { route = "/write/*", scopes = ["orders:write", "orders:read"] },
    { route = "/handed/*", auth = "handed" },
]
"#);
    let own = Signer::new(folder.path(), "own", "P-256");
    let token = move |scopes: &str| own.token(&json!({ "alg": "ES256" }), &claims(json!({ "scope": scopes })));
    (folder, token)
}

/// What a component was told by fields of these names, in any spelling.
fn told(answer: &Value, family: &str) -> Vec<(String, String)> {
    let fields = answer["headers"].as_array().expect("a list").iter();
    let named = fields.filter(|field| {
        let name = field[0].as_str().expect("text").replace('_', "-").to_lowercase();
        name.starts_with(family)
    });
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut named: Vec<_> = named.map(|field| (text(&field[0]), text(&field[1]))).collect();
    named.sort();
    named
}

#[tokio::test]
async fn a_component_is_told_who_asks() {
    let (folder, token) = shop();
    let host = Host::up(folder.path());
    let bearer = format!("bearer {}", token("orders:read  orders:write"));
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        let answer = client.send(with("/known/told", &[("authorization", &bearer)])).await.json();
        let expected = [
            ("x-dovetail-auth", "login"),
            ("x-dovetail-issuer", "https://login.example"),
            ("x-dovetail-scopes", "orders:read orders:write"),
            ("x-dovetail-subject", "ada"),
        ];
        assert_eq!(told(&answer, "x-dovetail-"), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // What it was known by stays here, unless the manifest says so.
        assert_eq!(told(&answer, "authorization"), []);
        let answer = client.send(with("/handed/told", &[("authorization", &bearer)])).await.json();
        assert_eq!(told(&answer, "authorization"), [("authorization".to_owned(), bearer.clone())]);
        let answer = client.send(with("/open/told", &[("authorization", "Basic YTpi")])).await.json();
        assert_eq!(told(&answer, "authorization"), [("authorization".to_owned(), "Basic YTpi".to_owned())]);
        assert_eq!(told(&answer, "x-dovetail-"), []);
    }
}

#[tokio::test]
async fn whoever_may_not_ask_is_told_what_is_missing() {
    let (folder, token) = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let (read, both) =
        (format!("Bearer {}", token("orders:read")), format!("Bearer {}", token("orders:write orders:read x")));
    let rows: &[(&str, &[&str], u16, &str)] = &[
        ("/known/hello", &[], 401, "Bearer realm=\"shop\""),
        ("/known/hello", &["Basic YTpi"], 401, "Bearer realm=\"shop\""),
        (
            "/known/hello",
            &["Bearer x"],
            401,
            "Bearer realm=\"shop\", error=\"invalid_token\", error_description=\"The token is not a signed JSON Web Token\"",
        ),
        (
            "/known/hello",
            &["Bearer"],
            400,
            "Bearer realm=\"shop\", error=\"invalid_request\", error_description=\"Authorization: Bearer has no token, or more than one\"",
        ),
        (
            "/known/hello",
            &["Bearer a b"],
            400,
            "Bearer realm=\"shop\", error=\"invalid_request\", error_description=\"Authorization: Bearer has no token, or more than one\"",
        ),
        ("/known/hello", &[&read], 200, ""),
        (
            "/write/hello",
            &[&read],
            403,
            "Bearer realm=\"shop\", error=\"insufficient_scope\", scope=\"orders:write orders:read\"",
        ),
        ("/write/hello", &[&both], 200, ""),
        ("/open/hello", &[], 200, ""),
        ("/open/hello", &["Bearer x"], 200, ""),
        ("/known/../open/hello", &[], 200, ""),
        ("/open/../known/hello", &[], 401, "Bearer realm=\"shop\""),
        ("/open/%2e%2e/known/hello", &[], 401, "Bearer realm=\"shop\""),
        ("/%6bnown/hello", &[], 401, "Bearer realm=\"shop\""),
        ("//known/hello", &[], 404, ""),
        ("/open%2f..%2fknown/hello", &[], 404, ""),
    ];
    for (path, authorization, status, challenge) in rows {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        let answer = client.send(with(path, &headers)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("www-authenticate")),
            (*status, *challenge),
            "{path} {authorization:?}"
        );
        assert_eq!(answer.text().starts_with("{\"error\":\""), *status != 200, "{}", answer.text());
    }
    for twice in [[&*read, &*read], [&*read, "Basic YTpi"], ["Bearer x", &*read]] {
        let headers: Vec<_> = twice.iter().map(|value| ("authorization", *value)).collect();
        assert_eq!(client.send(with("/known/hello", &headers)).await.status, StatusCode::BAD_REQUEST);
    }
    // A token in the path is in everybody's logs.
    let in_query = format!("/known/hello?access_token={}", token("orders:read"));
    assert_eq!(client.get(&in_query).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.ask(Method::HEAD, "/known/hello").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.ask(Method::OPTIONS, "/known/hello").await.status, StatusCode::UNAUTHORIZED);
}

/// What an attacker would say of itself.
const CLAIMS: [(&str, &str); 12] = [
    ("x-dovetail-subject", "root"),
    ("X-Dovetail-Subject", "root"),
    ("x_dovetail_subject", "root"),
    ("X-DOVETAIL_SCOPES", "admin"),
    ("x-dovetail-issuer", "https://login.example"),
    ("x-dovetail-auth", "login"),
    ("x-dovetail-claims", "{}"),
    ("x-dovetail-", "root"),
    ("x-forwarded-for", "6.6.6.6"),
    ("x_forwarded_for", "6.6.6.6"),
    ("forwarded", "for=6.6.6.6"),
    ("x-forwarded-host", "evil.example"),
];

#[tokio::test]
async fn no_client_says_who_it_is() {
    let (folder, token) = shop();
    let host = Host::up(folder.path());
    let bearer = format!("Bearer {}", token(""));
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (path, known) in [("/open/told", false), ("/known/told", true), ("/handed/told", true)] {
            let mut headers = CLAIMS.to_vec();
            if known {
                headers.push(("authorization", &bearer));
            }
            let answer = client.send(with(path, &headers)).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
            let told = told(&answer.json(), "x-dovetail-");
            assert_eq!(
                told.iter().any(|(name, value)| name == "x-dovetail-subject" && value == "ada"),
                known,
                "{told:?}"
            );
            assert!(told.iter().all(|(_, value)| value != "root" && value != "admin"), "{told:?}");
            assert_eq!(told.len(), if known { 4 } else { 0 }, "{told:?}");
            assert!(!answer.text().contains("6.6.6.6") && !answer.text().contains("evil.example"), "{}", answer.text());
        }
    }
    // By itself none of it lets anybody in.
    for claim in CLAIMS {
        let answer = host.connect().await.send(with("/known/told", &[claim])).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{claim:?}");
    }
}

/// Requests that two servers could read differently.
#[tokio::test]
async fn what_has_two_meanings_reaches_nobody() {
    let (folder, token) = shop();
    let host = Host::up(folder.path());
    let bearer = token("");
    let rows = [
        // What Connection names goes, but for what says who asks.
        (
            "/known/told",
            format!("authorization: Bearer {bearer}\r\nconnection: authorization, x-dovetail-subject"),
            "200",
        ),
        ("/open/told", "x-dovetail-subject: root\r\nconnection: x-dovetail-subject".to_owned(), "200"),
        ("/known/told", "host: other".to_owned(), "400"),
        ("/known/told", format!("authorization: Bearer {bearer}\r\nAuthorization: Bearer x"), "400"),
        ("/known/told", format!("authorization : Bearer {bearer}"), "400"),
        ("/known/told", format!("authorization:\r\n Bearer {bearer}"), "400"),
        ("/known%00/told", String::new(), "400"),
        ("/open/%2e%2e/known/told", String::new(), "401"),
        ("/open/..;/known/told", String::new(), "200"),
        ("/open/..\\known/told", String::new(), "200"),
        ("http://shop/known/told", String::new(), "401"),
        ("http://open/known/told", String::new(), "400"),
    ];
    for (target, head, status) in rows {
        let end = if head.is_empty() { "" } else { "\r\n" };
        let asked = format!("GET {target} HTTP/1.1\r\nhost: shop\r\n{head}{end}connection: close\r\n\r\n");
        let answer = raw::exchange(host.gateway, &asked);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{asked}{answer}");
        assert!(!answer.contains("root"), "{answer}");
    }
    let answer = raw::exchange(
        host.gateway,
        format!(
            "GET /known/told HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n"
        ),
    );
    assert!(answer.contains("[\"x-dovetail-subject\",\"ada\"]"), "{answer}");
}
