//! An issuer that is asked for its keys: that is away, that comes back, and whose keys change.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Command, Stdio},
    time::Instant,
};

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use tempfile::TempDir;

use super::ask_as;
use crate::support::{
    Answer, Client, Host, Running, app,
    issuer::Issuer,
    request,
    tokens::{Signer, claims},
    tools, until,
};

fn shop(issuer: &str) -> TempDir {
    app(&format!(
        r#"
[app]
name = "shop"
[store]
url = "memory:"
[gateway.http]
auth = "login"
[auth.login]
issuer = "{issuer}"
audience = "shop"
[service.guest]
component = "{{guest}}"
routes = ["/*"]
"#
    ))
}

/// A port that nothing listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

async fn ask(client: &mut Client, token: &str) -> Answer {
    ask_as(client, "/hello", token).await
}

#[tokio::test]
async fn an_issuer_that_is_away_lets_nobody_in_and_its_keys_serve_when_it_goes() {
    let keys = tempfile::tempdir().expect("a folder");
    let (old, new) = (Signer::new(keys.path(), "old", "P-256"), Signer::new(keys.path(), "new", "P-256"));
    let address = free();
    let url = format!("http://{address}");
    let folder = shop(&url);
    let token = |signer: &Signer, kid: &str, sub: &str| {
        signer.token(&json!({ "alg": "ES256", "kid": kid }), &claims(json!({ "iss": url, "sub": sub })))
    };
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let answer = ask(&mut client, &token(&old, "old", "ada")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(client.get("/hello").await.status, StatusCode::UNAUTHORIZED);
    host.wait_for_output("nobody is let in");

    let issuer = Issuer::at(address, vec![old.jwk("old")]).await;
    until("the issuer is known", async || ask(&mut client, &token(&old, "old", "ada")).await.status == 200).await;
    issuer.stop().await;
    // Nobody was remembered of this name.
    assert_eq!(ask(&mut client, &token(&old, "old", "bob")).await.status, StatusCode::OK);
    assert_eq!(ask(&mut client, &token(&new, "new", "bob")).await.status, StatusCode::UNAUTHORIZED);

    let issuer = Issuer::at(address, vec![old.jwk("old"), new.jwk("new")]).await;
    until("the new key is known", async || ask(&mut client, &token(&new, "new", "ada")).await.status == 200).await;
    assert_eq!(ask(&mut client, &token(&old, "old", "eve")).await.status, StatusCode::OK);
    issuer.rotate(vec![new.jwk("new")]);
    // Whoever names a key that is not known has the issuer asked.
    let unknown = token(&old, "unknown", "eve");
    until("the old key is gone", async || {
        assert_eq!(ask(&mut client, &unknown).await.status, StatusCode::UNAUTHORIZED);
        ask(&mut client, &token(&old, "old", "eve")).await.status == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[tokio::test]
async fn unknown_keys_have_the_issuer_asked_once_in_a_while_by_all_together() {
    let keys = tempfile::tempdir().expect("a folder");
    let (own, other) = (Signer::new(keys.path(), "own", "P-256"), Signer::new(keys.path(), "other", "P-256"));
    let issuer = Issuer::at(free(), vec![own.jwk("own")]).await;
    let folder = shop(&issuer.url);
    let host = Host::up(folder.path());
    let begun = Instant::now();
    let token = |kid: &str| other.token(&json!({ "alg": "ES256", "kid": kid }), &claims(json!({ "iss": issuer.url })));
    let mut number = 0;
    // Until it has been asked twice beyond the start.
    until("the issuer is asked again", async || {
        let mut asks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            number += 1;
            let (token, address) = (token(&number.to_string()), host.gateway);
            asks.spawn(async move { ask(&mut Client::http1(address).await, &token).await.status });
        }
        for status in asks.join_all().await {
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
        issuer.asked() > 2
    })
    .await;
    let most = 2 + begun.elapsed().as_secs() as usize / 5;
    assert!(issuer.asked() <= most, "asked {} times, for {number} tokens", issuer.asked());
    // Tokens of others do not even have it asked.
    let before = issuer.asked();
    let foreign = other.token(&json!({ "alg": "ES256", "kid": "x" }), &claims(json!({})));
    assert_eq!(ask(&mut host.connect().await, &foreign).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(issuer.asked(), before);
}

/// An issuer of others: PyPI's `oidc-provider-mock`, whose tokens name no key.
#[tokio::test]
async fn a_token_of_an_issuer_of_others_lets_in() {
    let Some(program) = tools::find("oidc-provider-mock") else { return };
    let address = free();
    let mut command = Command::new(program);
    command.args(["--port", &address.port().to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _issuer = Running::start(&mut command);
    until("the issuer listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
    let token = token_of_ada(&mut Client::http1(address).await).await;
    let folder = shop(&format!("http://{address}"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let answer = ask_as(&mut client, "/told", &token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.text().contains(r#"["x-dovetail-subject","ada"]"#), "{}", answer.text());
    let (rest, last) = token.split_at(token.len() - 4);
    let changed = format!("{rest}{}", last.chars().rev().collect::<String>());
    assert_eq!(ask(&mut client, &changed).await.status, StatusCode::UNAUTHORIZED);
}

/// Log in as ada, as a browser and a program would (RFC 6749, section 4.1).
async fn token_of_ada(issuer: &mut Client) -> String {
    let form = |path: &str, body: &str| {
        let mut posted = request(Method::POST, path, body.to_owned());
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        posted.headers_mut().insert(header::CONTENT_TYPE, kind);
        posted
    };
    let back = "redirect_uri=http://localhost/back";
    let login = format!("/oauth2/authorize?client_id=shop&{back}&response_type=code&scope=openid");
    let sent_on = issuer.send(form(&login, "sub=ada")).await;
    let code = sent_on.header("location").split_once("code=").expect("a code").1.to_owned();
    let mut exchange = form("/oauth2/token", &format!("grant_type=authorization_code&code={code}&{back}"));
    // `shop:secret`
    exchange.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Basic c2hvcDpzZWNyZXQ="));
    issuer.send(exchange).await.json()["id_token"].as_str().expect("a token").to_owned()
}
