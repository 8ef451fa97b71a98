//! The user service in other languages takes the place of that in Rust, and gives
//! it back, while it is used.

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    idempotency::{keyed, keys},
    support::{
        Host, Load, SHOP,
        example::{JAVASCRIPT, PYTHON},
        load::ShopSwaps,
        made::bytes,
        post, request, shop, shop_table, until, write_manifest,
    },
};

/// Clients of the shop, each with a connection of its own.
const CLIENTS: usize = 32;

/// The bodies that make no user, and the status and the beginning of what is said
/// of them. How malformed JSON is told is each parser's own affair.
const REFUSED: &[(&[u8], u16, &str)] = &[
    (b"", 400, "malformed JSON: "),
    (b"{\"name\":\"Carol\",}", 400, "malformed JSON: "),
    (b"{\"name\":\"\\ud800\"}", 400, "malformed JSON: "),
    (b"{\"name\":NaN}", 400, "malformed JSON: "),
    (b"\xef\xbb\xbf{\"name\":\"Carol\"}", 400, "malformed JSON: "),
    (b"{\"name\":\"\xff\"}", 400, "the body is not valid UTF-8"),
    (b"[{\"name\":\"Carol\"}]", 400, "the body must be a JSON object"),
    (b"null", 400, "the body must be a JSON object"),
    (b"{}", 400, "name is missing"),
    (b"{\"name\":7}", 400, "name must be a string"),
    (b"{\"name\":\" \\n\\u2003\"}", 400, "name must not be empty"),
];

#[tokio::test(flavor = "multi_thread")]
async fn python_and_javascript_take_over_from_rust_under_load_and_give_back() {
    let (Some(python), Some(javascript)) = (PYTHON.component(), JAVASCRIPT.component()) else { return };
    let rust = bytes("user");
    let folder = shop();
    let host = Host::up(folder.path());
    // Compiled now, so that the load need not wait for two of this size.
    for component in [javascript, &rust[..]] {
        host.swap_large("user", component).await;
    }
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(host.connect().await);
    }
    // All three say the same type of their answers: nothing seems to be swapped.
    let load = Load::of(clients, &ShopSwaps::default()).await;
    let mut names = vec!["Alice".to_owned(), "Bob".to_owned()];
    make_user(&host, &mut names, "by Rust").await;
    for (language, component) in [("Python", python), ("JavaScript", javascript), ("Rust", &rust[..])] {
        let outcome = host.swap_large("user", component).await;
        assert_eq!(outcome["outcome"], "live", "{language}: {outcome}");
        let drained = host.drained("user").await;
        assert!(drained.iter().all(|gone| gone["stopped"] == 0), "{language}: {drained:?}");
        load.more().await;
        // What those before it wrote is there, and ids go on.
        check_users(&host, &names).await;
        make_user(&host, &mut names, &format!("by {language}: \"ä\u{7f}\\𝕏\"\n")).await;
        check_users(&host, &names).await;
    }
    load.stop().await;
    for service in ["user", "order"] {
        let status = host.service(service).await;
        assert_eq!((&status["errors"], &status["traps"]), (&json!(0), &json!(0)), "{service}");
    }
    host.kill();
    for component in [python, javascript] {
        answers_as_rust_does(&folder, component).await;
    }
    let kept_briefly = "buckets = [\"users\"]\nenv = { IDEMPOTENCY_SECONDS = \"1\" }";
    write_manifest(folder.path(), &SHOP.replace("buckets = [\"users\"]", kept_briefly));
    for (language, component) in [("Python", python), ("JavaScript", javascript)] {
        removes_keys_that_expired(&folder, language, component).await;
    }
}

async fn removes_keys_that_expired(folder: &TempDir, language: &str, component: &[u8]) {
    let host = Host::up(folder.path());
    host.swap_large("user", component).await;
    let mut client = host.connect().await;
    for number in 0..8 {
        let made = client.send(keyed("/users", r#"{"name":"Carol"}"#, &format!("old {language} {number}"))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    }
    let mut number = 0;
    until("they are removed", async || {
        number += 1;
        let made = client.send(keyed("/users", r#"{"name":"Carol"}"#, &format!("new {language} {number}"))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        !keys(folder.path(), "users").iter().any(|key| key.starts_with("key/old"))
    })
    .await;
    assert!(keys(folder.path(), "users").iter().all(|key| !key.starts_with("making/")), "no mark is left");
    host.kill();
}

/// On a store of its own, with code that was compiled before.
async fn answers_as_rust_does(folder: &TempDir, component: &[u8]) {
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    host.swap_large("user", component).await;
    shop_table::run(&mut host.connect().await).await;
    // It is made again at the start, and with it a store without users.
    host.kill();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    for (body, status, said) in REFUSED {
        let answer = client.send(post("/users", *body)).await;
        assert_eq!(answer.status.as_u16(), *status, "{answer:?}");
        let error = answer.json()["error"].as_str().expect("a sentence").to_owned();
        assert!(error.starts_with(said), "{said}: {error}");
    }
    let untyped = client.send(request(Method::POST, "/users", r#"{"name":"Carol"}"#)).await;
    assert_eq!(untyped.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for query in ["limit=0", "limit=1001", "limit=x", "after=-1", "after=18446744073709551616"] {
        assert_eq!(client.get(&format!("/users?{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    for id in ["0", "+1", "1.0", "1%20", "1%2F", "%FF", "18446744073709551615", "18446744073709551616"] {
        let answer = client.get(&format!("/users/{id}")).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::NOT_FOUND, json!({ "error": "User not found" })));
    }
    // Nobody came of all that, and the longest name does.
    let name = "𝕏".repeat(1000);
    let longest = client.post("/users", &json!({ "name": name }).to_string()).await;
    assert_eq!((longest.status, longest.json()), (StatusCode::CREATED, json!({ "id": 3, "name": name })));
    let too_long = client.post("/users", &json!({ "name": format!("{name}x") }).to_string()).await;
    assert_eq!(too_long.json(), json!({ "error": "name must be at most 1000 characters long" }));
    for id in [1, 2] {
        assert_eq!(client.ask(Method::DELETE, &format!("/users/{id}")).await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.get(&format!("/users/{id}")).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(client.get("/users").await.json(), json!({ "users": [{ "id": 3, "name": name }], "next": null }));
    // More than the host takes at once of a body.
    let rest = 10;
    for id in 4..4 + rest {
        assert_eq!(client.post("/users", &json!({ "name": name }).to_string()).await.json()["id"], id);
    }
    let page = client.get(&format!("/users?limit={rest}")).await.json();
    assert_eq!(page["users"].as_array().map(Vec::len), Some(rest));
    assert_eq!(page["next"], 3 + rest - 1);
    assert_eq!(host.service("user").await["traps"], 0);
}

async fn make_user(host: &Host, names: &mut Vec<String>, name: &str) {
    names.push(name.to_owned());
    let made = host.post("/users", &json!({ "name": name }).to_string()).await;
    assert_eq!((made.status, made.json()), (StatusCode::CREATED, json!({ "id": names.len(), "name": name })));
}

/// All users are those of these names, one by one and in a list.
async fn check_users(host: &Host, names: &[String]) {
    let users: Vec<_> = names.iter().zip(1..).map(|(name, id)| json!({ "id": id, "name": name })).collect();
    let mut client = host.connect().await;
    assert_eq!(client.get("/users").await.json(), json!({ "users": users, "next": null }));
    for user in &users {
        assert_eq!(client.get(&format!("/users/{}", user["id"])).await.json(), *user);
    }
}
