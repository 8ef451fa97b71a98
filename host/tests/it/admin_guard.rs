//! Who may use the admin API: programs of those who may, and no web page.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Answer, Client, Host, dovetail, plain, request};

const SECRET: &str = "c29tZXRoaW5nLW5vYm9keS1ndWVzc2Vz";

type Headers<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn a_web_page_cannot_drive_it() {
    let folder = plain("");
    let host = Host::up(folder.path());
    let origin = ("origin", "https://evil.example");
    let site = ("sec-fetch-site", "cross-site");
    // What browsers send without asking first: a form, an image, a link, a fetch.
    let attempts: [(Method, &str, Headers); 6] = [
        (Method::POST, "/v1/services", &[origin, site, ("content-type", "text/plain"), ("sec-fetch-mode", "no-cors")]),
        (Method::POST, "/v1/services", &[("origin", "null"), ("content-type", "text/plain")]),
        (Method::GET, "/v1/services", &[origin]),
        (Method::GET, "/v1/services", &[site, ("sec-fetch-dest", "image")]),
        (Method::GET, "/healthz", &[origin]),
        (Method::OPTIONS, "/v1/services", &[origin, ("access-control-request-method", "PUT")]),
    ];
    for http2 in [false, true] {
        let mut client = if http2 { Client::http2(host.admin).await } else { Client::http1(host.admin).await };
        for (method, path, headers) in &attempts {
            let refused = ask(&mut client, method.clone(), path, headers).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
            assert_eq!(refused.json(), json!({ "error": "A web page may not use the admin API" }));
            assert!(!refused.headers.contains_key("access-control-allow-origin"));
        }
        let typed = ask(&mut client, Method::GET, "/v1/services", &[("sec-fetch-site", "none")]).await;
        assert_eq!(typed.status, StatusCode::OK, "what a person types is no page's");
    }
}

#[tokio::test]
async fn another_name_that_leads_here_is_refused() {
    let folder = plain("");
    let host = Host::up(folder.path());
    let port = host.admin.port();
    let mut client = Client::http1(host.admin).await;
    for name in ["127.0.0.1", "localhost", "[::1]:1", &format!("localhost:{port}")] {
        assert_eq!(ask(&mut client, Method::GET, "/v1/services", &[("host", name)]).await.status, 200, "{name}");
    }
    for name in ["evil.example", &format!("evil.example:{port}"), "192.168.0.2", "localhost.evil.example"] {
        for path in ["/v1/services", "/healthz"] {
            let refused = ask(&mut client, Method::GET, path, &[("host", name)]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{name}");
            assert!(refused.text().contains("ask for 127.0.0.1, [::1] or localhost"), "{}", refused.text());
        }
    }
    // Beside the authority, which is right.
    let mut client = Client::http2(host.admin).await;
    assert_eq!(client.get("/v1/services").await.status, 200);
    let refused = ask(&mut client, Method::GET, "/v1/services", &[("host", "evil.example")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_a_token_only_those_who_bring_it_are_answered() {
    let folder = guarded("");
    let host = Host::up(folder.path());
    answers_to_its_token(&host).await;
    drop(host);
    // The token leaves nothing of itself anywhere but in its file.
    let output = dovetail().arg("check").env("DOVETAIL_LOG", "trace").current_dir(&folder).output().expect("it runs");
    assert!(output.status.success());
    assert!(!String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains(SECRET));
}

#[tokio::test]
async fn with_a_token_it_may_listen_for_other_machines() {
    // By the manifest, and by the command line.
    for (manifest, arguments) in [("listen = \"0.0.0.0:0\"\n", [].as_slice()), ("", &["--admin", "0.0.0.0:0"])] {
        let folder = guarded(manifest);
        let mut up = dovetail();
        up.args(["up", "--listen", "127.0.0.1:0"]).args(arguments).current_dir(&folder).env("DOVETAIL_LOG", "trace");
        let host = Host::start(up.stderr(std::process::Stdio::piped()));
        assert!(host.admin.ip().is_unspecified());
        answers_to_its_token(&host).await;
        let named = [("host", "admin.example"), ("authorization", &format!("Bearer {SECRET}"))];
        let mut client = Client::http1(host.admin).await;
        assert_eq!(ask(&mut client, Method::GET, "/v1/services", &named).await.status, 200);
    }
}

/// That it answers to the token alone, and prints it nowhere.
async fn answers_to_its_token(host: &Host) {
    let mut client = Client::http1(host.admin).await;
    let wrong = ["Bearer wrong", "Bearer ", "Basic c29tZXRoaW5n", &SECRET[1..], &format!("Bearer {SECRET}x")];
    let wrong = wrong.map(|value| vec![("authorization", value.to_owned())]);
    for headers in [vec![]].into_iter().chain(wrong) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for (method, path) in [(Method::GET, "/v1/services"), (Method::PUT, "/v1/services"), (Method::GET, "/nothing")]
        {
            let refused = ask(&mut client, method, path, &headers).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path} {headers:?}");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            assert!(refused.json()["error"].as_str().is_some_and(|error| error.contains("token")));
            assert!(!refused.text().contains(SECRET), "{}", refused.text());
        }
        for path in ["/healthz", "/readyz"] {
            assert_eq!(ask(&mut client, Method::GET, path, &headers).await.status, 200, "{path}");
        }
    }
    let right = format!("Bearer {SECRET}");
    let right = ("authorization", right.as_str());
    assert_eq!(ask(&mut client, Method::GET, "/v1/services", &[right]).await.status, 200);
    assert_eq!(ask(&mut client, Method::GET, "/nothing", &[right]).await.status, 404);
    let page = ask(&mut client, Method::GET, "/v1/services", &[right, ("origin", "https://evil.example")]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "not even a page that knows it");
    assert!(!host.output().join("\n").contains(SECRET));
}

#[test]
fn without_a_token_it_listens_for_other_machines_nowhere() {
    let folder = plain("[admin]\nlisten = \"0.0.0.0:0\"\n");
    for verb in ["up", "check"] {
        let told = fails(verb, &folder);
        assert!(told.contains("`admin.listen` is no loopback address"), "{told}");
        assert!(told.contains("dovetail.toml:6:10"), "{told}");
        assert!(told.contains("add to `[admin]` `token_file = \"admin.token\"`"), "{told}");
    }
}

#[test]
fn a_token_file_that_is_none_is_refused_at_its_line() {
    let folder = guarded("");
    let file = folder.path().join("admin.token");
    let refused = |told: &str| {
        for verb in ["up", "check"] {
            let output = fails(verb, &folder);
            assert!(output.contains("error: the token file `") && output.contains(told), "{output}");
            assert!(output.contains("dovetail.toml:6:14"), "{output}");
            assert!(!output.contains(SECRET), "{output}");
        }
    };
    mode(&file, 0o644);
    refused("admin.token` is open to others than its owner (its mode is 644)");
    mode(&file, 0o600);
    fs::write(&file, "\n").expect("it can be written");
    refused("admin.token` is empty");
    fs::write(&file, SECRET.repeat(200)).expect("it can be written");
    refused("admin.token` is longer than 4 KiB");
    fs::remove_file(&file).expect("it is there");
    refused("admin.token` cannot be read");
}

/// An app with a token, and more of its `[admin]`.
fn guarded(more: &str) -> TempDir {
    let folder = plain(&format!("[admin]\ntoken_file = \"admin.token\"\n{more}"));
    let file = folder.path().join("admin.token");
    fs::write(&file, format!("{SECRET}\n")).expect("it can be written");
    mode(&file, 0o600);
    folder
}

fn mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// What a verb prints that ends with 1.
fn fails(verb: &str, folder: &TempDir) -> String {
    let output = dovetail().arg(verb).current_dir(folder).output().expect("dovetail starts");
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
    String::from_utf8(output.stderr).expect("UTF-8")
}

async fn ask(client: &mut Client, method: Method, path: &str, headers: Headers<'_>) -> Answer {
    let mut request = request(method, path, "");
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    client.send(request).await
}
