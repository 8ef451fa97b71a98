//! Names and passwords.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Method, StatusCode, header};

use crate::support::{Answer, Client, Host, app, request, until};

/// The cheapest there is: what is shown is who is let in.
const COST: u32 = 4;

const MANIFEST: &str = r#"
[app]
name = "shop"
[store]
url = "memory:"
[gateway.http]
auth = "people"
[auth.people]
basic = "users.htpasswd"
[auth.keys]
api_keys = "keys.toml"
[service.guest]
component = "{guest}"
routes = ["/*", { route = "/both/*", auth = ["keys", "people"] }]
"#;

fn people(folder: &Path, people: &[(&str, &str)]) {
    let lines = people.iter().map(|(name, password)| {
        let hash = bcrypt::hash_with_salt(password, COST, [7; 16]).expect("a hash");
        format!("{name}:{}\n", hash.format_for_version(bcrypt::Version::TwoY))
    });
    fs::write(folder.join("users.htpasswd"), format!("# people\n{}", lines.collect::<String>())).expect("room");
}

async fn ask(client: &mut Client, path: &str, who: &str) -> Answer {
    let mut asked = request(Method::GET, path, "");
    let value = HeaderValue::try_from(format!("basic {}", STANDARD.encode(who))).expect("a header");
    asked.headers_mut().insert(header::AUTHORIZATION, value);
    client.send(asked).await
}

#[tokio::test]
async fn a_password_lets_in_and_what_is_wrong_is_said_alike() {
    let folder = app(MANIFEST);
    let long = "x".repeat(72);
    people(folder.path(), &[("ada", "s3cret:word"), ("bob", &long)]);
    fs::write(folder.path().join("keys.toml"), "").expect("room");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for _ in 0..2 {
        let answer = ask(&mut client, "/told", "ada:s3cret:word").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(answer.text().contains(r#"["x-dovetail-subject","ada"]"#) && !answer.text().contains("authorization"));
    }
    assert_eq!(ask(&mut client, "/hello", &format!("bob:{long}")).await.status, StatusCode::OK);
    for wrong in ["ada:s3cret", "ada:", "eve:s3cret:word", ":s3cret:word", "ADA:s3cret:word", &format!("bob:{long}y")] {
        let answer = ask(&mut client, "/hello", wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answer.text(), r#"{"error":"The name or the password is wrong"}"#, "{wrong}");
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"shop\", charset=\"UTF-8\"");
    }
    assert_eq!(ask(&mut client, "/hello", "ada").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&mut client, "/both/hello", "ada:s3cret:word").await.status, StatusCode::OK);
    let answer = client.get("/both/hello").await;
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Bearer realm=\"shop\"", "Basic realm=\"shop\", charset=\"UTF-8\""]);
    people(folder.path(), &[("ada", "another")]);
    until("the new password is known", async || ask(&mut client, "/hello", "ada:another").await.status == 200).await;
    // Though it was remembered.
    assert_eq!(ask(&mut client, "/hello", "ada:s3cret:word").await.status, StatusCode::UNAUTHORIZED);
    assert!(!host.output().join("\n").contains("s3cret"));
}
