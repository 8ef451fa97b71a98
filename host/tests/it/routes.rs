//! A request reaches the one service that it is for, however its path is spelled and
//! whatever its method, in our host and in what it composes.

mod asked;

use std::{fs, net::SocketAddr};

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Answer, Client, Host, app, composed::composed, elsewhere::Elsewhere, made::variant, raw, request,
};

/// Each component says which it is, and the target that it was handed.
const MANIFEST: &str = r#"
[app]
name = "routes"
[store]
url = "memory:"
[service.exact]
component = "exact.wasm"
routes = ["/x/me", "/exact", "/~user", "/caf%c3%a9", "/admin{/}", "/a/b/*", "/a%2fb"]
[service.param]
component = "param.wasm"
routes = ["/x/{id}", "/x/{id}/parts", "/a/{x}/c", "/m/{x}{/}"]
[service.below]
component = "below.wasm"
routes = ["/x/*", "/*"]
"#;

/// A target, and which service is handed it, as it stands.
const REACHED: &[(&str, &str)] = &[
    // What stands as it is goes first, then a parameter, then the rest.
    ("/x/me", "exact"),
    ("/x/1", "param"),
    ("/x/1/parts", "param"),
    ("/x/1/other", "below"),
    ("/x/", "below"),
    ("/a/b/c", "exact"),
    ("/a/z/c", "param"),
    ("/a/z/d", "below"),
    // With a slash or without, where the route says so.
    ("/admin", "exact"),
    ("/admin/", "exact"),
    ("/m/1", "param"),
    ("/m/1/", "param"),
    ("/exact/", "below"),
    ("/admin//", "below"),
    ("//admin", "below"),
    // However it is spelled.
    ("/e%78act", "exact"),
    ("/%61dmin", "exact"),
    ("/%7euser", "exact"),
    ("/%7Euser", "exact"),
    ("/caf%c3%a9", "exact"),
    ("/caf%C3%A9", "exact"),
    ("/café", "exact"),
    ("/x/m%65", "exact"),
    ("/a%2Fb", "exact"),
    ("/x/../admin", "exact"),
    ("/x/%2e%2E/admin", "exact"),
    ("/../../admin", "exact"),
    ("/admin/.", "exact"),
    // What is another path is another path.
    ("/x/a%2Fb", "param"),
    ("/x%2Fme", "below"),
    ("/x/..%2fadmin", "param"),
    ("/x/me;v=1", "param"),
    ("/x/%7Bid%7D", "param"),
    ("/x/{id}", "param"),
    ("/x/\"a|b\"", "param"),
    ("/x\\me", "below"),
    ("/EXACT", "below"),
    ("/.hidden", "below"),
    ("/admin%20", "below"),
];

/// Targets, and what is said of them.
const REFUSED: &[(&str, &str)] = &[
    ("/%", NO_ESCAPE),
    ("/x/%zz", NO_ESCAPE),
    ("/x/%4", NO_ESCAPE),
    ("/admin%", NO_ESCAPE),
    ("/%00", "The path has a NUL (%00)"),
    ("/admin%00", "The path has a NUL (%00)"),
];

const NO_ESCAPE: &str = "The path has a % that two hexadecimal digits do not follow; write %25 for the sign";

fn routes() -> TempDir {
    let folder = app(MANIFEST);
    for name in ["exact", "param", "below"] {
        let component = variant("guest", "guest ", &format!("{name} "));
        fs::write(folder.path().join(format!("{name}.wasm")), component).expect("it can be written");
    }
    folder
}

#[tokio::test]
async fn a_request_reaches_the_service_that_its_path_means() {
    let folder = routes();
    let host = Host::up(folder.path());
    all_are_reached(&mut host.connect().await).await;
    all_are_reached(&mut Client::http2(host.gateway).await).await;
}

#[tokio::test]
async fn what_is_composed_routes_alike() {
    let folder = routes();
    let options = ["-S", "cli,keyvalue,config"];
    let Some(theirs) = Elsewhere::wasmtime(&composed(&folder, &[]), &options) else { return };
    all_are_reached(&mut theirs.connect().await).await;
    let ours = Host::up(folder.path());
    let (mut theirs, mut ours) = (theirs.connect().await, ours.connect().await);
    for method in ["TRACE", "OPTIONS", "PROPFIND", "QUERY", "get"] {
        let method: Method = method.parse().expect("a method");
        for target in ["/x/me?do=who", "*"] {
            let seen = |answer: Answer| {
                let of = |name| answer.header(name).to_owned();
                (answer.status, of("allow"), of("content-type"), answer.body.clone())
            };
            let asked = [ours.ask(method.clone(), target).await, theirs.ask(method.clone(), target).await];
            let [ours, theirs] = asked.map(seen);
            assert_eq!(ours, theirs, "{method} {target}");
        }
    }
}

async fn all_are_reached(client: &mut Client) {
    for (target, service) in REACHED {
        let target = format!("{target}?do=who");
        let answer = client.get(&target).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, &*format!("{service} {target}")));
    }
    for (target, error) in REFUSED {
        let answer = client.get(target).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, json!({ "error": error })), "{target}");
    }
}

/// The methods that no component is asked by: neither is called.
#[tokio::test]
async fn each_method_has_its_answer() {
    let folder = routes();
    let host = Host::up(folder.path());
    let rows = [
        ("TRACE /x/me", 501, r#"{"error":"The method TRACE is not implemented"}"#),
        ("TRACE *", 501, r#"{"error":"The method TRACE is not implemented"}"#),
        ("OPTIONS *", 204, ""),
        ("GET *", 400, r#"{"error":"The target * is for OPTIONS alone"}"#),
        ("HEAD *", 400, ""),
    ];
    for address in [host.gateway, host.admin] {
        for (line, status, body) in rows {
            let answers = pipelined(address, line, "/healthz?do=who");
            let (head, rest) = answers.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answers}");
            assert_eq!(
                head.contains("\r\nallow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
                status == 204,
                "{head}"
            );
            // What follows on the connection is answered.
            assert!(rest.starts_with(&format!("{body}HTTP/1.1 200 OK\r\n")), "{line}: {answers}");
        }
        // But for what may have been meant for a tunnel.
        let long = format!("CONNECT {}:443", "x".repeat(9000));
        for line in ["CONNECT example.com:443", "CONNECT /x/me", &long] {
            let answers = pipelined(address, line, "/healthz?do=who");
            assert!(answers.starts_with("HTTP/1.1 501 "), "{line}: {answers}");
            assert!(answers.contains("\r\nconnection: close\r\n"), "{line}: {answers}");
            assert_eq!(answers.matches("HTTP/1.1").count(), 1, "{line}: {answers}");
        }
    }
    let answers = pipelined(host.gateway, "GET shop:80", "/healthz");
    assert!(answers.starts_with("HTTP/1.1 400 ") && answers.contains("is no path that begins with /"), "{answers}");
    let mut http2 = Client::http2(host.gateway).await;
    for method in [Method::CONNECT, Method::TRACE] {
        let answer = http2.ask(method.clone(), "/x/me").await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{method}");
        assert_eq!(answer.header("connection"), "");
    }
    for service in ["exact", "param"] {
        assert_eq!(host.service(service).await["calls"], 0, "{service}");
    }
    // Others are the services' own affair.
    for mut client in [host.connect().await, http2] {
        for method in ["GET", "OPTIONS", "PROPFIND", "QUERY", "get", "connect"] {
            let answer = client.send(request(method.parse().expect("a method"), "/x/me?do=who", "")).await;
            assert_eq!((answer.status, answer.text()), (StatusCode::OK, "exact /x/me?do=who"), "{method}");
        }
    }
}

/// All that comes back for a request of this line, and one of a path behind it.
fn pipelined(address: SocketAddr, line: &str, path: &str) -> String {
    let head = format!("host: {address}\r\n");
    raw::exchange(
        address,
        format!("{line} HTTP/1.1\r\n{head}\r\nGET {path} HTTP/1.1\r\n{head}connection: close\r\n\r\n"),
    )
}

#[tokio::test]
async fn the_target_of_a_proxy_is_handed_on_as_a_path() {
    let folder = routes();
    let host = Host::up(folder.path());
    for (target, handed) in [
        ("http://shop/x/me?do=who", "exact /x/me?do=who"),
        ("http://shop/x/%6De?do=who", "exact /x/%6De?do=who"),
        ("http://shop?do=who", "below /?do=who"),
    ] {
        let asked = format!("GET {target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n");
        let answer = raw::exchange(host.gateway, asked);
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(&format!("\r\n\r\n{handed}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_admin_api_reads_paths_in_the_same_way() {
    let folder = routes();
    let host = Host::up(folder.path());
    for path in ["/v1/services", "/v1/servi%63es", "/v1/../v1/services", "/v1/%2E/services"] {
        assert_eq!(host.admin(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(host.admin("/v1/services/ex%61ct/history").await.status, StatusCode::OK);
    for path in ["/v1%2Fservices", "/v1/services/", "//v1/services"] {
        assert_eq!(host.admin(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/v1/services%00", "/v1/services/%zz/history"] {
        assert_eq!(host.admin(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
}
