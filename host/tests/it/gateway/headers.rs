//! Header fields are set in answers and taken out of them, whoever answers.

use http::{Method, StatusCode};

use crate::support::{Client, Host, app, request};

const MANIFEST: &str = r#"
[app]
name = "headers"
[store]
url = "memory:"
[gateway]
http.headers = { set = { x-everywhere = "gateway" } }
routes = [{ route = "/moved", redirect = "/there", headers = { set = { cache-control = "no-store" }, remove = ["location"] } }]
[service.guest]
component = "{guest}"
routes = [
    "/gateway/*",
    { route = "/route/*", headers = { set = { X-Frame-Options = "DENY", x-name = "one" }, remove = ["server", "content-type"] } },
    { route = "/short/*", timeout = "300ms", body = 4, headers = { set = { x-own = "a; b=\"c, d\"" } } },
    { route = "/none/*", headers = {} },
]
"#;

/// A target, the field of the answer, and its values.
const ROWS: &[(&str, &str, &str)] = &[
    ("/gateway/hello", "x-everywhere", "gateway"),
    ("/gateway/hello", "x-frame-options", ""),
    ("/gateway/x?do=respond&name=x-everywhere&value=own&times=2", "x-everywhere", "gateway"),
    // The nearest says it all.
    ("/route/hello", "x-everywhere", ""),
    ("/none/hello", "x-everywhere", ""),
    ("/route/hello", "x-frame-options", "DENY"),
    ("/route/hello", "content-type", ""),
    ("/gateway/hello", "content-type", "text/plain"),
    ("/route/x?do=respond&name=server&value=guest", "server", ""),
    ("/gateway/x?do=respond&name=server&value=guest", "server", "guest"),
    ("/route/x?do=respond&name=x-name&value=two&times=2", "x-name", "one"),
    ("/route/x?do=respond&name=x-other&value=two&times=2", "x-other", "two|two"),
    ("/route/x?do=respond&status=204&name=server&value=guest", "x-name", "one"),
    ("/moved", "cache-control", "no-store"),
    ("/moved", "location", ""),
    // What is streamed, and what failed.
    ("/route/x?do=download&bytes=300000", "x-name", "one"),
    ("/route/trap", "x-name", "one"),
    ("/short/spin", "x-own", "a; b=\"c, d\""),
];

#[tokio::test]
async fn fields_are_set_and_taken_out() {
    let folder = app(MANIFEST);
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (target, name, values) in ROWS {
            for method in [Method::GET, Method::HEAD] {
                let answer = client.ask(method.clone(), target).await;
                let seen = answer.headers.get_all(*name).iter().map(|value| value.to_str().expect("text"));
                assert_eq!(seen.collect::<Vec<_>>().join("|"), *values, "{method} {target} {name}");
                assert!(answer.headers.contains_key("x-request-id"));
            }
        }
        let answer = client.send(request(Method::POST, "/short/count", "12345")).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.header("x-own"), "a; b=\"c, d\"");
    }
    // What is no route's is not changed.
    let answer = host.get("/elsewhere").await;
    assert_eq!((answer.status, answer.header("x-everywhere")), (StatusCode::NOT_FOUND, ""));
}
