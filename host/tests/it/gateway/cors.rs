//! Pages of other origins may ask what a route lets them, and nothing else.

use http::{Method, StatusCode};

use super::ask;
use crate::support::{Answer, Client, Host, app};

const MANIFEST: &str = r#"
[app]
name = "cors"
[store]
url = "memory:"
[gateway]
http.cors = { origins = ["*"] }
[service.guest]
component = "{guest}"
http.cors = { origins = ["https://app.example", "http://localhost:3000"], methods = ["GET", "PUT", "DELETE"], headers = ["x-a", "content-type"], expose = ["etag"], credentials = true, max_age = "10m" }
routes = [
    "/these/*",
    "PUT /put/*",
    { route = "POST /put/*", cors = { origins = ["https://poster.example"] } },
    { route = "GET /version/*", header = { x-version = "2" }, cors = { origins = ["https://two.example"] } },
    { route = "/null/*", cors = { origins = ["null"] } },
    { route = "/headers/*", headers = { set = { x-set = "1" } }, timeout = "300ms" },
]
[service.open]
component = "{guest}"
routes = ["/open/*", { route = "/open/moved", redirect = "/there" }]
"#;

/// What is said of a preflight: `Allow-Origin`, `-Methods`, `-Headers`, `-Credentials`, `Max-Age`.
fn said(answer: &Answer) -> [&str; 5] {
    ["allow-origin", "allow-methods", "allow-headers", "allow-credentials", "max-age"].map(|name| {
        answer.headers.get(format!("access-control-{name}")).map_or("", |value| value.to_str().expect("text"))
    })
}

const THESE: [&str; 5] = ["https://app.example", "GET, PUT, DELETE", "x-a, content-type", "true", "600"];
const NONE: [&str; 5] = [""; 5];
const OPEN: [&str; 5] = ["*", "GET, HEAD, POST", "", "", ""];

/// A target, an origin, a method and fields that a browser asks for, and what is said.
const PREFLIGHTS: &[(&str, &str, &str, &str, [&str; 5])] = &[
    ("/these/hello", "https://app.example", "PUT", "", THESE),
    ("/these/hello", "https://app.example", "PUT", "x-a, x-b", THESE),
    // The browser sees that its own is not among them.
    ("/these/hello", "https://app.example", "PATCH", "x-z", THESE),
    (
        "/these/hello",
        "http://localhost:3000",
        "GET",
        "",
        ["http://localhost:3000", THESE[1], THESE[2], THESE[3], THESE[4]],
    ),
    ("/these/hello", "http://app.example", "GET", "", NONE),
    ("/these/hello", "https://app.example:443", "GET", "", NONE),
    ("/these/hello", "https://app.example.evil.example", "GET", "", NONE),
    ("/these/hello", "https://evilapp.example", "GET", "", NONE),
    ("/these/hello", "https://APP.example", "GET", "", NONE),
    ("/these/hello", "https://app.example, https://evil.example", "GET", "", NONE),
    ("/these/hello", "null", "GET", "", NONE),
    ("/these/hello", "*", "GET", "", NONE),
    // By the route that the method has.
    ("/put/hello", "https://app.example", "PUT", "", THESE),
    ("/put/hello", "https://app.example", "POST", "", NONE),
    ("/put/hello", "https://poster.example", "POST", "", ["https://poster.example", "GET, HEAD, POST", "", "", ""]),
    (
        "/version/hello",
        "https://two.example",
        "GET",
        "x-other, X-Version",
        ["https://two.example", "GET, HEAD, POST", "", "", ""],
    ),
    ("/null/hello", "null", "GET", "", ["null", "GET, HEAD, POST", "", "", ""]),
    ("/open/hello", "https://evil.example", "GET", "", OPEN),
    ("/open/moved", "https://evil.example", "GET", "", OPEN),
];

#[tokio::test]
async fn a_preflight_is_answered_for_the_route_of_the_request_behind_it() {
    let folder = app(MANIFEST);
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (target, origin, method, fields, expected) in PREFLIGHTS {
            let mut asked = format!("origin: {origin}\naccess-control-request-method: {method}");
            if !fields.is_empty() {
                asked += &format!("\naccess-control-request-headers: {fields}");
            }
            asked += "\naccess-control-request-private-network: true";
            let answer = ask(&mut client, Method::OPTIONS, target, &asked).await;
            assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""), "{target} {origin}");
            assert_eq!(said(&answer), *expected, "{target} {origin} {method} {fields}");
            assert!(!answer.headers.contains_key("access-control-allow-private-network"));
            let varies: Vec<_> =
                answer.headers.get_all("vary").iter().map(|value| value.to_str().expect("text")).collect();
            assert_eq!(varies.contains(&"origin"), expected[0] != "*", "{target} {varies:?}");
            assert!(varies.contains(&"access-control-request-method"), "{target}");
        }
        let asked = "origin: https://app.example\naccess-control-request-method: GET";
        let answer = ask(&mut client, Method::OPTIONS, "/headers/hello", asked).await;
        assert_eq!(answer.header("x-set"), "1");
        // What no route would have is answered as ever.
        let asked = "origin: https://app.example\naccess-control-request-method: DELETE";
        let answer = ask(&mut client, Method::OPTIONS, "/put/hello", asked).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST, PUT"));
        let answer = ask(&mut client, Method::OPTIONS, "/none", asked).await;
        assert_eq!((answer.status, said(&answer)), (StatusCode::NOT_FOUND, NONE));
    }
    assert_eq!(host.service("guest").await["calls"], 0);
    // What only looks like one is the service's.
    for asked in ["origin: https://app.example", "access-control-request-method: GET"] {
        let answer = ask(&mut host.connect().await, Method::OPTIONS, "/these/hello", asked).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello\n"), "{asked}");
    }
}

/// Targets, an origin, and who may read the answer.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("/these/hello", "https://app.example", "https://app.example"),
    ("/these/hello", "https://evil.example", ""),
    ("/these/hello", "", ""),
    ("/these/x?do=respond&name=access-control-allow-origin&value=*", "https://evil.example", ""),
    ("/these/x?do=respond&name=access-control-allow-origin&value=*", "https://app.example", "https://app.example"),
    ("/these/trap", "https://app.example", "https://app.example"),
    ("/headers/spin", "https://app.example", "https://app.example"),
    ("/open/hello", "https://evil.example", "*"),
    ("/open/hello", "", "*"),
    ("/open/moved", "null", "*"),
    ("/null/hello", "null", "null"),
];

#[tokio::test]
async fn an_answer_may_be_read_by_whom_the_route_names() {
    let folder = app(MANIFEST);
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (target, origin, allowed) in ANSWERS {
            let fields = if origin.is_empty() { String::new() } else { format!("origin: {origin}") };
            let answer = ask(&mut client, Method::GET, target, &fields).await;
            let all: Vec<_> = answer.headers.get_all("access-control-allow-origin").iter().collect();
            assert_eq!(
                (all.len(), answer.header("access-control-allow-origin")),
                (usize::from(!allowed.is_empty()), *allowed),
                "{target} {origin}"
            );
            let is_listed = allowed.starts_with("http");
            assert_eq!(
                answer.header("access-control-allow-credentials"),
                if is_listed { "true" } else { "" },
                "{target}"
            );
            assert_eq!(answer.header("access-control-expose-headers"), if is_listed { "etag" } else { "" }, "{target}");
            assert_eq!(answer.header("vary"), if *allowed == "*" { "" } else { "origin" }, "{target}");
        }
        // What a service says that its answer rests on stays.
        let answer = ask(&mut client, Method::GET, "/these/x?do=respond&name=vary&value=accept,%20ORIGIN", "").await;
        assert_eq!(answer.headers.get_all("vary").iter().count(), 1);
        let answer = ask(&mut client, Method::GET, "/these/x?do=respond&name=vary&value=accept", "").await;
        assert_eq!(answer.headers.get_all("vary").iter().count(), 2);
    }
}
