//! Keys of the host's own: made by a verb, known by their hashes, taken back with the file.

use std::{fs, path::Path, process::Output};

use http::{HeaderName, HeaderValue, Method, StatusCode};
use tempfile::TempDir;

use crate::support::{Answer, Client, Host, app, dovetail, request, until};

/// Names and values.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn shop() -> TempDir {
    app(r#"
[app]
name = "shop"
[store]
url = "memory:"
[gateway.http]
auth = "keys"
[auth.keys]
api_keys = "keys.toml"
[service.guest]
component = "{guest}"
routes = ["/*", { route = "/write/*", scopes = ["orders:write"] }, { route = "GET /open/hello", auth = "none" }]
"#)
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let manifest = folder.join("dovetail.toml");
    dovetail().args(arguments).arg("--manifest").arg(manifest).current_dir(folder).output().expect("dovetail starts")
}

/// The key that the verb makes.
fn key(folder: &Path, arguments: &[&str]) -> String {
    let made = run(folder, &[&["key"], arguments].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).expect("text").trim().to_owned()
}

async fn ask(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut asked = request(Method::GET, path, "");
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a name");
        asked.headers_mut().append(name, HeaderValue::try_from(*value).expect("a value"));
    }
    client.send(asked).await
}

#[tokio::test]
async fn a_key_lets_in_as_long_as_the_file_has_its_hash() {
    let folder = shop();
    let (ada, bob) = (key(folder.path(), &["ada", "--scopes", "orders:write,x"]), key(folder.path(), &["bob"]));
    let file = folder.path().join("keys.toml");
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(ada.starts_with("dvt_") && ada.len() == 47 && ada != bob, "{ada}");
    assert!(!text.contains(&ada) && !text.contains(&bob) && text.contains("[ada]\nhash = \""), "{text}");
    let twice = run(folder.path(), &["key", "ada"]);
    assert!(!twice.status.success() && String::from_utf8_lossy(&twice.stderr).contains("has a key of `ada` already"));

    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let bearer = |key: &str| format!("Bearer {key}");
    let told = ask(&mut client, "/told", &[("x-api-key", &ada)]).await;
    assert!(told.text().contains(r#"["x-dovetail-subject","ada"]"#), "{}", told.text());
    assert!(told.text().contains(r#"["x-dovetail-scopes","orders:write x"]"#) && !told.text().contains("dvt_"));
    let wrong = format!("{}x", &ada[..46]);
    let rows: &[(&str, Fields, u16)] = &[
        ("/hello", &[("x-api-key", &ada)], 200),
        ("/hello", &[("authorization", &bearer(&bob))], 200),
        ("/write/hello", &[("authorization", &bearer(&ada))], 200),
        ("/write/hello", &[("authorization", &bearer(&bob))], 403),
        ("/hello", &[("x-api-key", &wrong)], 401),
        ("/hello", &[("authorization", &bearer(&wrong))], 401),
        ("/hello", &[("authorization", "Bearer a.b.c")], 401),
        ("/hello", &[("x-api-key", &ada), ("x-api-key", &bob)], 400),
        ("/hello", &[("x-api-key", &ada), ("authorization", &bearer(&bob))], 400),
        ("/hello", &[], 401),
        ("/open/hello", &[], 200),
    ];
    for (path, headers, status) in rows {
        assert_eq!(ask(&mut client, path, headers).await.status.as_u16(), *status, "{path} {headers:?}");
    }
    // Bob's hash is taken out.
    let text = text.split("[bob]").next().expect("a part").to_owned();
    fs::write(&file, text).expect("it can be written");
    let gone = async |client: &mut Client| ask(client, "/hello", &[("x-api-key", &bob)]).await.status;
    until("bob is let in no more", async || gone(&mut client).await == StatusCode::UNAUTHORIZED).await;
    assert_eq!(ask(&mut client, "/hello", &[("x-api-key", &ada)]).await.status, StatusCode::OK);
    assert!(!host.output().join("\n").contains("dvt_"));
}

#[test]
fn what_is_open_is_said_and_what_is_not_is_not_composed_by_a_slip() {
    let folder = shop();
    let check = run(folder.path(), &["check", "--no-build"]);
    let text = String::from_utf8_lossy(&check.stderr);
    assert!(text.contains("keys.toml` is not there") && text.contains("api_keys"), "{text}");
    key(folder.path(), &["ada"]);
    let check = run(folder.path(), &["check", "--no-build"]);
    let text = String::from_utf8_lossy(&check.stdout);
    assert!(text.ends_with("\nopen to everybody: GET /open/hello → guest\n"), "{text}");
    let graph = run(folder.path(), &["graph"]);
    let text = String::from_utf8_lossy(&graph.stdout);
    for line in [
        "route /*, auth keys\n",
        "route /write/*, auth keys orders:write\n",
        "route GET /open/hello, open to everybody\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let out = folder.path().join("all.wasm");
    let out = out.to_str().expect("text");
    let composed = run(folder.path(), &["compose", "-o", out]);
    assert!(!composed.status.success());
    assert!(String::from_utf8_lossy(&composed.stderr).contains("--without-auth"));
    assert!(run(folder.path(), &["compose", "-o", out, "--without-auth"]).status.success());
}

#[test]
fn what_is_wrong_with_a_file_of_keys_is_said_without_its_keys() {
    let folder = shop();
    let hash = "ab".repeat(32);
    for (text, told) in [
        ("[ada]\nhash = \"dvt_s3cret\"\n".to_owned(), "has no SHA-256 in hexadecimal as the `hash` of \"ada\""),
        ("[ada]\nscopes = []\n".to_owned(), "is no file of keys in line 1"),
        ("[ada]\nhash = 1\nkey = \"s3cret\"\n".to_owned(), "is no file of keys in line"),
        ("s3cret".to_owned(), "is no file of keys in line 1"),
        (format!("[ada]\nhash = \"{hash}\"\n[bob]\nhash = \"{hash}\"\n"), "has the key of \"bob\" twice"),
        (format!("[ada]\nhash = \"{hash}\"\nscopes = [\"a b\"]\n"), "has what is no scope"),
    ] {
        fs::write(folder.path().join("keys.toml"), text).expect("it can be written");
        let check = run(folder.path(), &["check", "--no-build"]);
        let said = String::from_utf8_lossy(&check.stderr);
        assert!(said.contains(told) && !said.contains("s3cret"), "{said}");
    }
}
