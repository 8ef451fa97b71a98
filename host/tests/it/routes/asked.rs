//! A route may ask for a host, for methods and for header fields, and has limits of its own.

use std::{fs, time::Duration};

use http::{HeaderName, Method, StatusCode, header, uri::Scheme};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::{Client, Host, app, composed::composed, elsewhere::Elsewhere, made::variant, pieces, request};

/// Each component says which it is, and the target that it was handed.
const MANIFEST: &str = r#"
[app]
name = "asked"
[store]
url = "memory:"
[service.plain]
component = "plain.wasm"
routes = ["/*", "/x", "GET /d"]
[service.named]
component = "named.wasm"
routes = ["shop.example/*", "*.example/x", "DELETE,PUT /d", "POST shop.example/d"]
[service.field]
component = "field.wasm"
routes = [
    { route = "/v", header = { X-Version = "2" } },
    { route = "/v", header = { x-version = "2", x-beta = "*" } },
    { route = "GET /v", header = { x-version = "3" } },
    "POST /v/{id}",
]
"#;

/// A method, a host, a path and header fields; and whose the request is.
const ROWS: &[(&str, &str, &str, &str, &str)] = &[
    ("GET", "other", "/x", "", "plain"),
    ("GET", "shop.example", "/x", "", "named"),
    ("GET", "SHOP.example.:8080", "/x", "", "named"),
    ("GET", "shop.example", "/y", "", "named"),
    ("GET", "a.b.example", "/x", "", "named"),
    // What a host has no route for goes to the routes of every host.
    ("GET", "a.b.example", "/y", "", "plain"),
    ("GET", "example", "/x", "", "plain"),
    ("GET", "notshop.example.org", "/x", "", "plain"),
    ("GET", "other", "/d", "", "plain"),
    ("HEAD", "other", "/d", "", "plain"),
    ("PUT", "other", "/d", "", "named"),
    ("POST", "shop.example", "/d", "", "named"),
    // A path that is a method's alone leaves the others to what goes after it.
    ("PATCH", "other", "/d", "", "plain"),
    ("GET", "other", "/v", "", "plain"),
    ("GET", "other", "/v", "x-version: 2", "field"),
    ("POST", "other", "/v", "x-version: 1\nx-version: 2", "field"),
    ("POST", "other", "/v", "x-version: 2\nx-beta: ", "field"),
    ("POST", "other", "/v", "x-version: 1", "plain"),
    ("POST", "other", "/v", "x-version: 3", "plain"),
    ("GET", "other", "/v", "x-version: 3", "field"),
    // Nobody's word but the gateway's.
    ("GET", "other", "/x", "x-forwarded-host: shop.example", "plain"),
];

fn services() -> TempDir {
    let folder = app(MANIFEST);
    for name in ["plain", "named", "field"] {
        let component = variant("guest", "guest ", &format!("{name} "));
        fs::write(folder.path().join(format!("{name}.wasm")), component).expect("it can be written");
    }
    folder
}

#[tokio::test]
async fn a_request_reaches_the_service_that_asks_for_what_it_has() {
    let folder = services();
    let host = Host::up(folder.path());
    all_are_reached(&mut host.connect().await).await;
    for (_, host_name, path, _, service) in ROWS.iter().filter(|row| row.0 == "GET" && row.3.is_empty()) {
        let stream = TcpStream::connect(host.gateway).await.expect("the host listens");
        let mut client = Client::http2_over(stream, Scheme::HTTP, (*host_name).to_owned()).await;
        let target = format!("{path}?do=who");
        assert_eq!(client.get(&target).await.text(), format!("{} {target}", service));
    }
}

#[tokio::test]
async fn what_is_composed_asks_alike() {
    let folder = services();
    let options = ["-S", "cli,keyvalue,config"];
    let Some(theirs) = Elsewhere::wasmtime(&composed(&folder, &[]), &options) else { return };
    all_are_reached(&mut theirs.connect().await).await;
}

async fn all_are_reached(client: &mut Client) {
    for (method, host, path, fields, service) in ROWS {
        let target = format!("{path}?do=who");
        let mut asked = request(method.parse().expect("a method"), &target, "");
        asked.headers_mut().insert(header::HOST, host.parse().expect("a host"));
        for (name, value) in fields.split('\n').filter_map(|field| field.split_once(": ")) {
            let name: HeaderName = name.parse().expect("a name");
            asked.headers_mut().append(name, value.parse().expect("a value"));
        }
        let answer = client.send(asked).await;
        let expected = match *method {
            "HEAD" => String::new(),
            _ => format!("{} {target}", service),
        };
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, &*expected), "{method} {host} {path} {fields}");
    }
}

#[tokio::test]
async fn other_methods_are_answered_with_those_that_there_are() {
    let manifest = MANIFEST.replace("\"/*\", ", "");
    let folder = services();
    fs::write(folder.path().join("dovetail.toml"), manifest).expect("it can be written");
    let host = Host::up(folder.path());
    for (method, path, allow) in [
        ("POST", "/d?do=who", "DELETE, GET, HEAD, PUT"),
        ("OPTIONS", "/v/1", "POST"),
        ("GET", "/v/1", "POST"),
        ("delete", "/d", "DELETE, GET, HEAD, PUT"),
    ] {
        let answer = host.connect().await.ask(method.parse().expect("a method"), path).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, allow), "{method} {path}");
        assert_eq!(answer.json(), json!({ "error": "The method is not allowed here" }));
    }
    for (method, path) in [("GET", "/v"), ("POST", "/v/1/2")] {
        let answer = host.connect().await.ask(method.parse().expect("a method"), path).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::NOT_FOUND, ""), "{method} {path}");
    }
}

/// The nearest says it: the route, then its service, then the gateway.
#[tokio::test]
async fn a_route_has_limits_of_its_own() {
    let folder = app(r#"
[app]
name = "limits"
[gateway]
http.body = 4
[service.guest]
component = "{guest}"
routes = [
    "/plain/*",
    { route = "/large/*", body = "2MiB" },
    { route = "/short/*", timeout = "300ms" },
]
[service.tight]
component = "{guest}"
routes = ["/tight/*"]
http = { body = 2 }
limits.deadline = "300ms"
"#);
    let host = Host::up(folder.path());
    for (path, most) in [("/plain/count", 4), ("/large/count", 2 << 20), ("/tight/count", 2)] {
        for (length, status) in [(most, StatusCode::OK), (most + 1, StatusCode::PAYLOAD_TOO_LARGE)] {
            let answer = host.connect().await.send(request(Method::POST, path, vec![b'a'; length])).await;
            assert_eq!(answer.status, status, "{path} {length}: {}", answer.text());
            let (sender, body) = pieces();
            let sent = tokio::spawn(async move { sender.send(Ok(vec![b'a'; length].into())).await });
            let answer = host.connect().await.send(request(Method::POST, path, "").map(|_| body)).await;
            assert_eq!(answer.status, status, "{path} {length} in pieces: {}", answer.text());
            sent.await.expect("it was sent").ok();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                assert_eq!(answer.json(), json!({ "error": format!("The body must have at most {most} bytes") }));
            }
        }
    }
    // That the answer comes before the service's own deadline, which is 10 s.
    let answer = tokio::time::timeout(Duration::from_secs(9), host.get("/short/spin")).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::GATEWAY_TIMEOUT, json!({"error": "The service took too long"}))
    );
    assert_eq!(host.get("/tight/spin").await.status, StatusCode::GATEWAY_TIMEOUT);
}
