//! A service has what its manifest grants and nothing else.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Client, Host, app, request};

/// One service for each of these names and grants, all of the same component.
pub fn guests(services: &[(&str, &str)]) -> TempDir {
    guests_of("guest", services)
}

/// The same with one of [`GUESTS`](crate::support::GUESTS).
pub fn guests_of(component: &str, services: &[(&str, &str)]) -> TempDir {
    let mut manifest = "[app]\nname = \"app\"\n[store]\nurl = \"memory:\"\n".to_owned();
    for (name, grants) in services {
        let head = format!("[service.{name}]\ncomponent = \"{{{component}}}\"\nroutes = [\"/{name}/*\"]\n");
        manifest.push_str(&format!("{head}{grants}\n"));
    }
    app(&manifest)
}

#[tokio::test]
async fn a_service_opens_only_the_buckets_it_was_granted() {
    let folder = guests(&[
        ("one", r#"buckets = ["a"]"#),
        ("two", r#"buckets = ["b"]"#),
        ("both", r#"buckets = ["a", "b"]"#),
        ("none", ""),
    ]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (service, bucket) in [("one", "a"), ("two", "b")] {
        assert_eq!(set(&mut client, &format!("/{service}/set?bucket={bucket}&key=k"), service).await.text(), "done\n");
    }
    for (service, a, b) in [
        ("one", Some("one"), None),
        ("two", None, Some("two")),
        ("both", Some("one"), Some("two")),
        ("none", None, None),
    ] {
        for (bucket, expected) in [("a", a), ("b", b)] {
            let answer = client.get(&format!("/{service}/get?bucket={bucket}&key=k")).await;
            match expected {
                Some(value) => assert_eq!((answer.status, answer.text()), (StatusCode::OK, value)),
                None => {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{service} {bucket}");
                    let told = format!("to allow it, write buckets = [{bucket:?}] in [service.{service}]");
                    assert!(host.wait_for_output(&told).contains(&format!("refused to open bucket {bucket:?}")));
                }
            }
        }
    }
    assert_eq!(host.service("none").await["traps"], 0, "a refusal is an answer");
}

#[tokio::test]
async fn a_refusal_shows_the_beginning_of_an_overlong_name() {
    let folder = guests(&[("guest", "")]);
    let host = Host::up(folder.path());
    let name = "ä".repeat(1_000);
    assert_eq!(host.get(&format!("/guest/get?key=k&bucket={name}")).await.status, StatusCode::FORBIDDEN);
    let line = host.wait_for_output("refused to open bucket");
    assert_eq!(line.matches('ä').count(), 2 * 100, "{line}");
    assert!(line.contains("ä…\"; to allow it, write buckets = [\"ä"), "{line}");
}

#[tokio::test]
async fn keyvalue_is_whole() {
    let folder = guests(&[("guest", r#"buckets = ["fixtures"]"#)]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    for (key, value) in [("empty", vec![]), ("binary", all_bytes), ("", b"no key".to_vec()), ("long", vec![7; 500_000])]
    {
        assert_eq!(client.get(&format!("/guest/get?key={key}")).await.status, StatusCode::NOT_FOUND);
        assert_eq!(client.get(&format!("/guest/exists?key={key}")).await.json(), false);
        for value in [b"replaced".to_vec(), value] {
            set(&mut client, &format!("/guest/set?key={key}"), value.clone()).await;
            assert_eq!(client.get(&format!("/guest/get?key={key}")).await.body, value);
            assert_eq!(client.get(&format!("/guest/exists?key={key}")).await.json(), true);
        }
    }
    assert_eq!(keys(&mut client).await, ["empty", "binary", "", "long"]);
    for key in ["empty", "long", "long", "never there"] {
        let key = key.replace(' ', "+");
        assert_eq!(client.get(&format!("/guest/delete?key={key}")).await.text(), "done\n");
        assert_eq!(client.get(&format!("/guest/exists?key={key}")).await.json(), false);
    }
    assert_eq!(keys(&mut client).await, ["binary", ""]);
}

#[tokio::test]
async fn counters_count() {
    let folder = guests(&[("guest", r#"buckets = ["fixtures"]"#)]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (by, number) in [("", "1"), ("&by=0", "1"), ("&by=41", "42"), ("&by=0", "42")] {
        assert_eq!(client.get(&format!("/guest/increment?key=n{by}")).await.text(), number);
    }
    // To read a counter that is not there makes none.
    assert_eq!(client.get("/guest/increment?key=other&by=0").await.text(), "0");
    assert_eq!(keys(&mut client).await, ["n"]);

    set(&mut client, "/guest/set?key=text", "many").await;
    let answer = client.get("/guest/increment?key=text").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text().contains("cannot increment key"), "{answer:?}");
    assert!(host.wait_for_output("the store failed").contains("its value is no decimal number"));
    let all = format!("/guest/increment?key=n&by={}", u64::MAX);
    assert_eq!(client.get(&all).await.status, StatusCode::INTERNAL_SERVER_ERROR, "it would not fit");
    assert_eq!(client.get("/guest/increment?key=n&by=0").await.text(), "42");
}

#[tokio::test]
async fn many_keys_at_once_are_set_read_listed_and_deleted() {
    let folder = guests(&[("guest", r#"buckets = ["fixtures"]"#)]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    // Two pages and a bit.
    let names: Vec<String> = (1..=2001).map(|number| format!("key {number}")).collect();
    for names in names.chunks(700) {
        let entries: serde_json::Map<_, _> =
            names.iter().map(|name| (name.clone(), json!(format!("of {name}")))).collect();
        assert_eq!(post(&mut client, "setmany", &json!(entries)).await.text(), "done\n");
    }
    let mut listed = keys(&mut client).await;
    listed.sort_by_key(|name| name.len());
    let numbers = |names: &[String]| -> std::collections::BTreeSet<String> { names.iter().cloned().collect() };
    assert_eq!((listed.len(), numbers(&listed)), (2001, numbers(&names)));

    let asked = json!(["key 2001", "missing", "key 1", "key 1"]);
    let found = json!(["of key 2001", null, "of key 1", "of key 1"]);
    assert_eq!(post(&mut client, "getmany", &asked).await.json(), found);
    assert_eq!(post(&mut client, "getmany", &json!([])).await.json(), json!([]));

    assert_eq!(post(&mut client, "deletemany", &json!(names[1..])).await.text(), "done\n");
    assert_eq!(post(&mut client, "deletemany", &json!(["missing"])).await.text(), "done\n");
    assert_eq!(keys(&mut client).await, ["key 1"]);
}

#[tokio::test]
async fn what_one_call_of_keyvalue_may_carry_is_bounded() {
    let folder = guests(&[("guest", "buckets = [\"fixtures\"]\nlimits = { body = \"32 MiB\", memory = \"256 MiB\" }")]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let (mib, longest) = (1 << 20, "é".repeat(512));
    assert_eq!(set(&mut client, "/guest/set?key=large", vec![b'x'; mib]).await.text(), "done\n");
    assert_eq!(client.get("/guest/get?key=large").await.body.len(), mib);
    for behaviour in ["increment", "get", "exists", "delete"] {
        let path = format!("/guest/{behaviour}?key={}", "%C3%A9".repeat(512));
        assert_eq!(client.get(&path).await.status, StatusCode::OK, "{behaviour}");
        refused(&client.get(&format!("{path}k")).await, "1025 bytes is too long: it may have at most 1024");
    }
    let too_large = set(&mut client, "/guest/set?key=k", vec![b'x'; mib + 1]).await;
    refused(&too_large, "1048577 bytes is too large: it may have at most 1048576");

    // A page of the shop, of names with as many bytes as they may have.
    let names: Vec<_> = (0..1000).map(|number| format!("name {number}")).collect();
    let pairs: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!("🦀".repeat(1000)))).collect();
    assert_eq!(post(&mut client, "setmany", &json!(pairs)).await.text(), "done\n");
    let page = post(&mut client, "getmany", &json!(names)).await.json();
    assert_eq!(page, json!(vec!["🦀".repeat(1000); 1000]));

    for behaviour in ["getmany", "deletemany"] {
        let keys = |count| json!(vec!["none"; count]);
        assert_eq!(post(&mut client, behaviour, &keys(10_000)).await.status, StatusCode::OK);
        let told = "10001 keys are too many for one call: it may name at most 10000";
        refused(&post(&mut client, behaviour, &keys(10_001)).await, told);
        refused(&post(&mut client, behaviour, &json!([format!("{longest}k")])).await, "1025 bytes is too long");
    }
    let told = "the answer would have more than 16777216 bytes";
    refused(&post(&mut client, "getmany", &json!(vec!["large"; 16])).await, told);
    // A short question whose answer would be ten times what the host may take.
    refused(&post(&mut client, "getmany", &json!(vec!["large"; 160])).await, told);
    let pairs: serde_json::Map<_, _> = (0..17).map(|n| (format!("{n}"), json!("x".repeat(mib)))).collect();
    refused(&post(&mut client, "setmany", &json!(pairs)).await, "it may set at most 16777216");
    assert_eq!(client.get("/guest/exists?key=16").await.json(), false, "nothing of it was set");
    assert_eq!(host.service("guest").await["traps"], 0, "a refusal is an answer");
}

/// The answer to a call that was refused for this reason.
fn refused(answer: &Answer, reason: &str) {
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
    assert!(answer.text().contains(reason), "{answer:?}");
}

#[tokio::test]
async fn a_service_may_keep_larger_values_than_others() {
    let limits = |value| format!("buckets = [\"fixtures\"]\nlimits = {{ body = \"4 MiB\", value = {value} }}");
    let folder = guests(&[("guest", &limits("\"2 MiB\"")), ("small", &limits("7")), ("none", &limits("0"))]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (service, largest) in [("guest", 2 << 20), ("small", 7), ("none", 0)] {
        let path = format!("/{service}/set?key={service}");
        assert_eq!(set(&mut client, &path, vec![b'x'; largest]).await.text(), "done\n");
        let told = format!("{} bytes is too large: it may have at most {largest} (limits.value)", largest + 1);
        refused(&set(&mut client, &path, vec![b'y'; largest + 1]).await, &told);
        assert_eq!(client.get(&format!("/{service}/get?key={service}")).await.body, vec![b'x'; largest]);
        // What is there is read, whoever set it.
        assert_eq!(client.get(&format!("/{service}/get?key=guest")).await.body.len(), 2 << 20);
    }
}

async fn set(client: &mut Client, path: &str, value: impl Into<Bytes>) -> Answer {
    client.send(request(Method::PUT, path, value)).await
}

async fn post(client: &mut Client, behaviour: &str, body: &Value) -> Answer {
    client.post(&format!("/guest/{behaviour}"), &body.to_string()).await
}

async fn keys(client: &mut Client) -> Vec<String> {
    serde_json::from_value(client.get("/guest/keys").await.json()).expect("a list of keys")
}

#[tokio::test]
async fn a_service_reads_its_own_config_and_environment_only() {
    let folder = guests(&[
        ("one", "config = { greeting = \"hello\", empty = \"\" }\nenv = { NAME = \"Äpfel\" }"),
        ("two", "config = { greeting = \"servus\" }\nenv = { OTHER = \"2\" }"),
    ]);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (path, value) in [
        ("/one/config?key=greeting", Some("hello")),
        ("/one/config?key=empty", Some("")),
        ("/two/config?key=greeting", Some("servus")),
        ("/two/config?key=empty", None),
        ("/one/env?key=NAME", Some("Äpfel")),
        ("/one/env?key=OTHER", None),
        ("/two/env?key=NAME", None),
        // The host, and so this process that starts it, has one.
        ("/one/env?key=PATH", None),
    ] {
        let answer = client.get(path).await;
        match value {
            Some(value) => assert_eq!((answer.status, answer.text()), (StatusCode::OK, value), "{path}"),
            None => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}"),
        }
    }
    assert!(std::env::var_os("PATH").is_some());
}

#[tokio::test]
async fn a_service_has_no_files_and_no_sockets() {
    // The loopback address is granted to requests, not to sockets.
    let folder = guests(&[("guest", r#"outbound = ["127.0.0.1:1"]"#)]);
    let host = Host::up(folder.path());
    let tried = host.get("/guest/files").await.json();
    assert!(tried["files"].as_str().unwrap().starts_with("Err("), "{tried}");
    for what in ["listen", "udp", "lookup"] {
        assert!(tried[what].as_str().unwrap().starts_with("Err("), "{tried}");
    }
    let connect = tried["connect"].as_str().unwrap();
    assert!(connect.contains("PermissionDenied"), "refused by the host and not by the other side: {connect}");
}

#[tokio::test]
async fn a_service_has_clocks() {
    let folder = guests(&[("guest", "")]);
    let host = Host::up(folder.path());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let before = now();
    let told = host.get("/guest/clocks").await.json();
    assert!((before..=now()).contains(&told["wall"].as_u64().expect("seconds")), "{told}");
    assert!(told["passed"].as_u64().expect("nanoseconds") >= 1_000_000, "{told}");
}

#[tokio::test]
async fn what_a_service_prints_is_in_the_log_with_its_name() {
    let folder = guests(&[("one", ""), ("two", "")]);
    let host = Host::up(folder.path());
    for (path, service) in [("/two/stdout", "two"), ("/one/stdout", "one")] {
        assert_eq!(host.get(path).await.text(), "printed\n");
        for stream in ["stdout", "stderr"] {
            let line = host.wait_for_output(&format!("service={service:?} stream={stream:?}"));
            assert!(line.contains(&format!("a line to {stream}")), "{line}");
        }
    }
}
