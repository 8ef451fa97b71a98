//! A route sends its requests on, to a host that no request chooses.

use std::{fs, process::Command};

use http::Method;

use crate::support::{Client, Host, app, dovetail};

const MANIFEST: &str = r#"
[app]
name = "moved"
[store]
url = "memory:"
[gateway]
routes = [
    { route = "/old/{id}", redirect = "/new/{id}" },
    { route = "/old/{id}/parts/*", redirect = "/new/{*}?of={id}" },
    { route = "/away/*", redirect = { to = "https://new.example/{*}", status = 301 } },
    { route = "POST /form", redirect = { to = "/thanks", status = 303 } },
    { route = "shop.example/*", redirect = "https://www.shop.example/{*}" },
    { route = "/*", redirect = { to = "/{*}", status = 307 } },
]
[service.guest]
component = "{guest}"
routes = ["GET /form", { route = "/g", redirect = { to = "/h", status = 302 } }]
"#;

/// A method and a target, the status, and where it is.
const ROWS: &[(&str, &str, u16, &str)] = &[
    ("GET", "/old/1", 308, "/new/1"),
    ("DELETE", "/old/1", 308, "/new/1"),
    ("GET", "/old/1?a=b&c", 308, "/new/1?a=b&c"),
    ("GET", "/old/1?", 308, "/new/1?"),
    // As it is compared: what means no more than the character is the character.
    ("GET", "/old/%61%2fb%20%25", 308, "/new/a%2Fb%20%25"),
    ("GET", "/old/é", 308, "/new/%C3%A9"),
    ("GET", "/old/%5c%5cevil.example", 308, "/new/%5C%5Cevil.example"),
    ("GET", "/old/%0d%0aset-cookie:a", 308, "/new/%0D%0Aset-cookie:a"),
    ("GET", "/old/a&b=c/parts/d/e?f", 308, "/new/d/e?of=a%26b%3Dc"),
    ("GET", "/away/a//b/?c=%2F", 301, "https://new.example/a//b/?c=%2F"),
    ("GET", "/away/", 301, "https://new.example/"),
    ("GET", "/away/@evil.example", 301, "https://new.example/@evil.example"),
    ("GET", "/away//evil.example", 301, "https://new.example//evil.example"),
    ("GET", "/away/../old/1", 308, "/new/1"),
    ("POST", "/form?a", 303, "/thanks?a"),
    // Not to another host, whatever follows.
    ("GET", "//evil.example", 307, "/evil.example"),
    ("GET", "////evil.example/a?b", 307, "/evil.example/a?b"),
    ("GET", "/%2F/evil.example", 307, "/%2F/evil.example"),
    ("GET", "/\\evil.example", 307, "/%5Cevil.example"),
    ("GET", "/%09/evil.example", 307, "/%09/evil.example"),
    ("GET", "/https://evil.example", 307, "/https://evil.example"),
];

#[tokio::test]
async fn a_request_is_sent_on() {
    let folder = app(MANIFEST);
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (method, target, status, location) in ROWS {
            let answer = client.ask(method.parse().expect("a method"), target).await;
            let seen = (answer.status.as_u16(), answer.header("location"), answer.text());
            assert_eq!(seen, (*status, *location, ""), "{method} {target}");
        }
        let answer = client.ask(Method::GET, "/g").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (302, "/h"));
        assert_eq!(client.get("/form?do=hello").await.text(), "hello\n");
    }
    assert_eq!(host.service("guest").await["calls"], 2, "the requests that were not sent on");
}

#[tokio::test]
async fn what_is_sent_on_is_shown() {
    let folder = app(MANIFEST);
    let host = Host::up(folder.path());
    let output = host.output().join("\n");
    for line in ["/old/{id} ", "→ 308 /new/{id}", "→ 302 /h", "→ guest"] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let graph = printed(dovetail().args(["graph", "--manifest"]).arg(folder.path().join("dovetail.toml")));
    for line in ["gateway\n", "route /old/{id} → 308 /new/{id}\n", "route /g → 302 /h\n"] {
        assert!(graph.contains(line), "{line}: {graph}");
    }
    let composed = folder.path().join("app.wasm");
    let mut compose = dovetail();
    let composed =
        compose.args(["compose", "--manifest"]).arg(folder.path().join("dovetail.toml")).arg("-o").arg(&composed);
    let said = printed(composed);
    assert!(said.contains("what routes say of `redirect` is left out"), "{said}");
    // A component that answers nothing needs no handler.
    let manifest = MANIFEST.replace("\"GET /form\", ", "").replace("{guest}", "plain.wasm");
    fs::write(folder.path().join("dovetail.toml"), manifest).expect("it can be written");
    fs::write(folder.path().join("plain.wasm"), wat::parse_str("(component)").expect("a component")).expect("room");
    let checked = printed(dovetail().args(["check", "--manifest"]).arg(folder.path().join("dovetail.toml")));
    assert!(checked.contains("ready to serve"), "{checked}");
}

fn printed(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{printed}");
    printed
}
