//! Who asks goes with the call: to the service that has the route, and through links.

use serde_json::json;
use tempfile::TempDir;

use super::ask_as;
use crate::support::{
    Client, Host, app,
    tokens::{Signer, claims},
};

fn shop(instances: &str) -> (TempDir, Signer) {
    let folder = app(&format!(
        r#"
[app]
name = "shop"
[store]
url = "memory:"
[auth.login]
issuer = "https://login.example"
audience = "shop"
key = "own.pem"
[gateway.http]
auth = "login"
[service.introduced]
component = "{{introduced}}"
routes = ["/me", {{ route = "/open", auth = "none" }}]
limits = {{ {instances} }}
[service.relay]
component = "{{relay}}"
routes = ["/known/{{id}}", {{ route = "/anybody/{{id}}", auth = "none" }}]
"#
    ));
    let own = Signer::new(folder.path(), "own", "P-256");
    (folder, own)
}

async fn asked(client: &mut Client, path: &str, token: Option<&str>) -> String {
    let answer = match token {
        Some(token) => ask_as(client, path, token).await,
        None => client.get(path).await,
    };
    let answer = answer.json();
    answer["asks"].as_str().or(answer["name"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_component_learns_who_asks_by_http_and_through_links() {
    // One instance, so that what it knew of one call would be seen in the next.
    let (folder, own) = shop("instances = 1");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let token = |sub: &str| own.token(&json!({ "alg": "ES256" }), &claims(json!({ "sub": sub, "scope": "a b" })));
    for sub in ["ada", "bob"] {
        let token = token(sub);
        let expected = format!("login {sub} https://login.example a+b true");
        assert_eq!(asked(&mut client, "/me", Some(&token)).await, expected);
        assert_eq!(asked(&mut client, "/open", Some(&token)).await, "nobody");
        assert_eq!(asked(&mut client, "/known/7", Some(&token)).await, expected);
        assert_eq!(asked(&mut client, "/anybody/7", Some(&token)).await, "nobody");
        assert_eq!(asked(&mut client, "/open", None).await, "nobody");
    }
}
