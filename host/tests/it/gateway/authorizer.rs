//! A service that decides: what it is told, what it may say, and that nothing opens where it
//! fails.

use std::fs;

use http::{HeaderValue, Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use super::with;
use crate::support::{
    Answer, Host, app, component, dovetail,
    made::variant,
    request,
    tokens::{Signer, claims, now},
};

/// Names and values.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn shop() -> (TempDir, Signer) {
    let folder = app(r#"
[app]
name = "shop"
[store]
url = "memory:"
[auth.login]
issuer = "https://login.example"
audience = "shop"
key = "own.pem"
[service.policy]
component = "policy.wasm"
limits = { deadline = "300ms", instances = 1 }
[service.guest]
component = "{guest}"
http = { auth = "none", authorize = { service = "policy", headers = ["X-Tenant", "x-other"] } }
routes = [
    "/open/*",
    { route = "GET /known/{what}/{how}", auth = "login" },
    { route = "/free/*", authorize = "none" },
]
"#);
    fs::copy(component("decider"), folder.path().join("policy.wasm")).expect("it is built");
    let own = Signer::new(folder.path(), "own", "P-256");
    (folder, own)
}

/// What the guest was told under a name.
fn told(answer: &Answer, name: &str) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let found = answer.json();
    let fields = found["headers"].as_array().expect("a list").iter().filter(|field| field[0] == name);
    fields.map(|field| field[1].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn it_is_told_what_is_asked_as_the_router_has_understood_it() {
    let (folder, own) = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let headers = [("x-tenant", "a"), ("x-tenant", "b"), ("x-mine", "c"), ("x-told", "forged")];
    let answer = client.send(with("/free/../%6fpen/%2e/a%2Fb/told?do=told&q=1", &headers)).await;
    let expected = r#"GET /open/* /open/a%2Fb/told [("x-tenant", "a"), ("x-tenant", "b")] None 127.0.0.1"#;
    assert_eq!(told(&answer, "x-told"), [expected]);
    let token = own.token(&json!({ "alg": "ES256" }), &claims(json!({ "scope": "a b" })));
    let answer = client.send(with("/known/x/told", &[("authorization", &format!("Bearer {token}"))])).await;
    let who = r#"Some(("login", "ada", Some("https://login.example"), ["a", "b"], Some(true)))"#;
    assert_eq!(told(&answer, "x-told"), [format!("GET GET /known/{{what}}/{{how}} /known/x/told [] {who} 127.0.0.1")]);
    assert_eq!(told(&answer, "x-dovetail-subject"), ["ada"]);
    // It is asked of nobody who is not known where the route asks, nor where none is to decide.
    let before = host.service("policy").await["calls"].clone();
    assert_eq!(client.get("/known/x/told").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(told(&client.get("/free/told").await, "x-told"), [""; 0]);
    assert_eq!(host.service("policy").await["calls"], before);
}

#[tokio::test]
async fn nothing_opens_where_it_refuses_or_fails() {
    let (folder, _) = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let later = "It cannot be decided now; try again";
    for (how, status, sentence) in [
        ("refused", 403, "Not today"),
        ("teapot", 418, "Short and stout"),
        ("no-status", 503, later),
        ("forged", 503, later),
        ("framed", 503, later),
        ("split", 503, later),
        ("trap", 503, later),
        ("spin", 503, later),
    ] {
        let answer = client.get(&format!("/open/{how}?do=told")).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, json!({ "error": sentence })), "{how}");
    }
    assert_eq!(host.service("guest").await["calls"], 0);
    assert_eq!(told(&client.get("/open/told").await, "x-told").len(), 1);
}

#[tokio::test]
async fn what_it_allows_is_remembered_by_all_that_it_was_told_and_forgotten_at_a_swap() {
    let (folder, own) = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let token = |more| own.token(&json!({ "alg": "ES256" }), &claims(more));
    let (ada, bob) = (token(json!({})), token(json!({ "sub": "bob" })));
    let ended = token(json!({ "exp": now() - 1 }));
    let [ada, bob, ended] = [ada, bob, ended].map(|token| format!("Bearer {token}"));
    let rows: &[(&str, Fields, &str)] = &[
        ("/open/remembered?do=told", &[], "1"),
        ("/open/remembered?do=told", &[], "1"),
        ("/open/remembered?do=told&more", &[("x-mine", "b")], "1"),
        ("/open/x/../remembered?do=told", &[], "1"),
        ("/open/x/remembered?do=told", &[], "2"),
        ("/open/remembered?do=told", &[("x-tenant", "a")], "3"),
        ("/open/remembered?do=told", &[("x-tenant", "a")], "3"),
        ("/open/remembered?do=told", &[("x-other", "a")], "4"),
        ("/open/remembered?do=told", &[("x-tenant", "a"), ("x-other", "a")], "5"),
        ("/open/remembered?do=told", &[("x-tenant", "a"), ("x-tenant", "a")], "6"),
        ("/known/x/remembered?do=told", &[("authorization", &ada)], "7"),
        ("/known/x/remembered?do=told", &[("authorization", &bob)], "8"),
        ("/known/x/remembered?do=told", &[("authorization", &ada)], "7"),
        // Within the minute that clocks may differ, and beyond its end.
        ("/known/x/remembered?do=told", &[("authorization", &ended)], "9"),
        ("/known/x/remembered?do=told", &[("authorization", &ended)], "10"),
        ("/open/asked-again?do=told", &[], "11"),
        ("/open/asked-again?do=told", &[], "12"),
    ];
    for (path, headers, turn) in rows {
        assert_eq!(told(&client.send(with(path, headers)).await, "x-turn"), [*turn], "{path} {headers:?}");
    }
    let posted = client.send(request(Method::POST, "/open/remembered?do=told", "")).await;
    assert_eq!(told(&posted, "x-turn"), ["13"], "another method");
    let other = folder.path().join("other.wasm");
    fs::write(&other, variant("decider", "Not today", "Not todaz")).expect("it can be written");
    let admin = format!("http://{}", host.admin);
    let output = dovetail().args(["swap", "policy"]).arg(&other).args(["--admin", &admin]).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told(&client.get("/open/remembered?do=told").await, "x-turn"), ["1"]);
    // What decides is not replaced by what does not.
    let swap = dovetail().args(["swap", "policy"]).arg(component("guest")).args(["--admin", &admin]).output();
    let said = String::from_utf8_lossy(&swap.expect("it starts").stderr).into_owned();
    assert!(said.contains("is to authorize requests, but its component does not export that"), "{said}");
}

#[test]
fn who_is_to_decide_and_cannot_is_told_at_the_start() {
    for (part, told) in [
        ("guest", "service `policy` is to authorize requests, but its component does not export that"),
        ("user", "service `policy` is to authorize requests, but its component does not export that"),
    ] {
        let (folder, _) = shop();
        fs::copy(component(part), folder.path().join("policy.wasm")).expect("it is built");
        let manifest = folder.path().join("dovetail.toml");
        let output = dovetail().args(["check", "--no-build", "--manifest"]).arg(manifest).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(told), "{said}");
    }
}

/// The one of `examples/`.
#[tokio::test]
async fn the_example_decides_on_the_shops_orders() {
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        fs::read_to_string(crate::support::root().join("examples/authorizer/dovetail.toml")).expect("it is there");
    let text = text.lines().filter(|line| !line.starts_with("build =") && !line.starts_with("watch =")).fold(
        String::new(),
        |text, line| match line.rsplit_once("/release/") {
            Some((_, file)) => format!("{text}component = \"{{{}}}\"\n", file.trim_end_matches(".wasm\"")),
            None => format!("{text}{line}\n"),
        },
    );
    crate::support::write_manifest(folder.path(), &text);
    let manifest = folder.path().join("dovetail.toml");
    let key = |name: &str, scopes: &[&str]| {
        let made = dovetail().args(["key", name]).args(scopes).arg("--manifest").arg(&manifest).output();
        String::from_utf8(made.expect("it starts").stdout).expect("text").trim().to_owned()
    };
    let (ada, bob) = (key("ada", &["--scopes", "orders:write"]), key("bob", &[]));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (method, path, key, tenant, status) in [
        (Method::GET, "/orders?user_id=1", &*ada, "acme", 200),
        (Method::GET, "/orders?user_id=1", &bob, "acme", 200),
        (Method::POST, "/orders", &bob, "acme", 403),
        // The service is asked, and this is no order.
        (Method::POST, "/orders", &ada, "acme", 415),
        (Method::GET, "/orders?user_id=1", &ada, "", 403),
        (Method::GET, "/orders?user_id=1", "dvt_x", "acme", 401),
        (Method::GET, "/users", &bob, "", 200),
        (Method::GET, "/notices?user_id=1", "", "", 200),
    ] {
        let mut asked = with(path, &[]);
        *asked.method_mut() = method.clone();
        for (name, value) in
            [("x-api-key", key), ("x-tenant", tenant)].into_iter().filter(|(_, value)| !value.is_empty())
        {
            asked.headers_mut().insert(name, HeaderValue::try_from(value).expect("a value"));
        }
        let answer = client.send(asked).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {tenant}: {}", answer.text());
    }
}
