//! `dovetail up --watch`: what changes on the disk is built, swapped and applied
//! while it serves, or shown and left as it was.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Method, StatusCode};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{Client, Host, app, component, request, until, up};

mod loops;
mod manifest;

/// What a component tells its revision by: its answers' content type.
const FIRST: &str = "application/json";
const SECOND: &str = "application/JSON";
const THIRD: &str = "application/JsOn";

/// Try the second user service with a tenth of the calls.
async fn begin_canary(host: &Host) {
    let put = request(Method::PUT, "/v1/services/user/component?canary=10", user(SECOND));
    let answer = Client::http1(host.admin).await.send(put).await;
    assert_eq!((answer.status, &answer.json()["outcome"]), (StatusCode::OK, &"canary".into()), "{answer:?}");
}

/// Connections of [`Traffic`].
const CONNECTIONS: usize = 8;

/// The shop with a user service whose file may be replaced.
const SHOP: &str = r#"
[app]
name = "shop"
[service.notices]
component = "{notices}"
routes = ["/notices"]
buckets = ["notices"]
[service.user]
component = "user.wasm"
routes = ["/users", "/users/{id}"]
buckets = ["users"]
[service.order]
component = "{order}"
routes = ["/orders", "/orders/{id}"]
buckets = ["orders"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_component_is_swapped_under_requests() {
    let (folder, host) = shop();
    let traffic = Traffic::start(&host).await;
    put(&folder, "user.wasm", &user(SECOND));
    host.wait_for_output("Changed user.wasm");
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
    host.wait_for_output("Drained user, revision 1");
    traffic.stop().await;
    let history = host.admin("/v1/services/user/history").await.json();
    assert_eq!(history["history"][0]["by"], "dovetail up --watch");

    // It is the manifest's file now, and no new one after a restart.
    host.signal("TERM");
    assert!(host.wait().success());
    let host = watched(&folder);
    assert_eq!(host.service("user").await["revision"], 2);
    assert_eq!(content_type(&host).await, SECOND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_component_is_shown_and_the_next_good_one_is_swapped() {
    let (folder, host) = shop();
    let traffic = Traffic::start(&host).await;
    put(&folder, "user.wasm", b"\0asm\x01\0\0\0");
    host.wait_for_output("a core module, not a component");
    put(&folder, "user.wasm", &user(SECOND)[..1000]);
    host.wait_for_output("the file is cut off");
    assert_eq!(content_type(&host).await, FIRST);
    fs::remove_file(folder.path().join("user.wasm")).expect("it is there");
    put(&folder, "user.wasm", &user(SECOND));
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
    traffic.stop().await;
}

/// To read a pipe would wait for who writes into it.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_shown_once_and_the_next_good_one_is_swapped() {
    let (folder, host) = shop();
    let path = folder.path().join("user.wasm");
    fs::remove_file(&path).expect("it is there");
    assert!(Command::new("mkfifo").arg(&path).status().expect("there is mkfifo").success());
    let told = "user.wasm` is no file, but a pipe, a socket or a device";
    host.wait_for_output(told);
    put(&folder, "user.wasm", b"");
    host.wait_for_output("user.wasm` is empty");
    put(&folder, "user.wasm", &user(SECOND));
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
    assert_eq!(host.output().iter().filter(|line| line.contains(told)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_meets_a_canary_is_swapped_when_that_has_ended() {
    let (folder, host) = shop();
    begin_canary(&host).await;
    put(&folder, "user.wasm", &user(THIRD));
    host.wait_for_output("Postponed user.wasm: revision 2 of service `user` is on trial");
    let service = host.service("user").await;
    assert_eq!((&service["revision"], &service["canary"]["revision"]), (&1.into(), &2.into()));

    assert_eq!(host.decide("user", "promote").await.status, StatusCode::OK);
    host.wait_for_output("Live user, revision 3");
    assert_eq!(content_type(&host).await, THIRD);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_sources_are_built_once_and_swapped() {
    let (folder, host) = built("echo built >> builds; cp src/user/next.wasm user.wasm");
    put(&folder, "src/target/noise", b"1");
    put(&folder, "src/user/next.wasm", &user(SECOND));
    host.wait_for_output("Changed sources of other, user: src/user/next.wasm");
    host.wait_for_output("Built other, user in");
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
    // Once at the start, once for both services that have this command.
    assert_eq!(read(&folder, "builds"), "built\nbuilt\n");
}

/// What tells of a folder tells no more when that is gone, though it comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_sources_may_go_and_come_again() {
    let (folder, host) = built("cp src/user/next.wasm new; mv new user.wasm");
    let (sources, away) = (folder.path().join("src"), folder.path().join("away"));
    for (round, content) in [SECOND, THIRD, FIRST].into_iter().enumerate() {
        match round {
            0 => {
                fs::rename(&sources, &away).expect("it is ours");
                fs::rename(&away, &sources).expect("it is ours");
            }
            1 => {
                fs::remove_dir_all(&sources).expect("it is ours");
                put(&folder, "src/user/next.wasm", &user(SECOND));
            }
            // Looked for once more after it was built, as it is.
            _ => {}
        }
        put(&folder, "src/user/next.wasm", &user(content));
        until("it is built and swapped", async || content_type(&host).await == content).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_in_two_watched_folders_is_named_once() {
    let folder = app("[app]\nname = \"twice\"\n[service.user]\ncomponent = \"{user}\"\nbuild = \"true\"\n\
                      watch = [\".\", \"src\", \"./src/user\", \"src/../src/user/lib\"]\n");
    put(&folder, "src/user/lib", b"1");
    // From its folder, as people start it.
    let mut command = up(Path::new(""));
    let host = Host::start(command.arg("--watch").current_dir(folder.path()).stderr(Stdio::piped()));
    put(&folder, "src/user/lib", b"2");
    let told = host.wait_for_output("Changed sources of user: ");
    assert!(told.ends_with("user: src/user/lib"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_change_with_the_manifest_are_built() {
    let (folder, host) = built("cp src/user/next.wasm new; mv new user.wasm");
    let manifest = read(&folder, "dovetail.toml");
    put(&folder, "src/user/next.wasm", &user(SECOND));
    put(&folder, "dovetail.toml", format!("{manifest}limits.instances = 8\n").as_bytes());
    host.wait_for_output("Live built, 2 services, 1 route");
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_is_shown_and_changes_nothing() {
    let (folder, host) = built("cp src/user/next.wasm user.wasm; test ! -e src/fail || (echo no luck; exit 3)");
    put(&folder, "src/user/next.wasm", &user(SECOND));
    host.wait_for_output("Live user, revision 2");
    put(&folder, "src/fail", b"");
    put(&folder, "src/user/next.wasm", &user(THIRD));
    host.wait_for_output("the build of other, user failed");
    host.wait_for_output("no luck");
    until("the build has replaced the file", async || read_bytes(&folder, "user.wasm") == user(THIRD)).await;
    assert_eq!(content_type(&host).await, SECOND);
    fs::remove_file(folder.path().join("src/fail")).expect("it is there");
    host.wait_for_output("Live user, revision 3");
    assert_eq!(content_type(&host).await, THIRD);
    assert_eq!(host.service("user").await["revision"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn components_that_go_together_alone_are_applied_together() {
    let service = |name: &str| format!("[service.{name}]\ncomponent = \"{name}.wasm\"\n");
    let folder = app(&format!("[app]\nname = \"pair\"\n{}{}", service("asks"), service("counts")));
    let put_pair = |number: &str| {
        put(&folder, "counts.wasm", &counts(number));
        put(&folder, "asks.wasm", &asks(number));
    };
    put_pair("u32");
    let host = watched(&folder);
    // One of them does not go with what the other is.
    put(&folder, "counts.wasm", &counts("s32"));
    host.wait_for_output("error: ");
    assert_eq!(host.service("counts").await["revision"], 1);
    put(&folder, "asks.wasm", &asks("s32"));
    host.wait_for_output("Live pair, 2 services, 0 routes");
    for service in ["asks", "counts"] {
        assert_eq!(host.service(service).await["revision"], 2, "{service}");
    }
    put_pair("u8");
    for service in ["asks", "counts"] {
        until("it is applied", async || host.service(service).await["revision"] == 3).await;
    }
}

/// Requests over connections that are kept alive; none of them may fail.
struct Traffic {
    over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Traffic {
    async fn start(host: &Host) -> Traffic {
        let (over, mut clients) = (Arc::<AtomicBool>::default(), JoinSet::new());
        for _ in 0..CONNECTIONS {
            let (mut client, over) = (host.connect().await, over.clone());
            clients.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let user = client.get("/users/1").await;
                    assert_eq!(user.status, StatusCode::OK, "{user:?}");
                    let order = client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await;
                    assert_eq!(order.status, StatusCode::CREATED, "{order:?}");
                }
            });
        }
        Traffic { over, clients }
    }

    async fn stop(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("no request fails");
        }
    }
}

fn shop() -> (TempDir, Host) {
    let folder = app(SHOP);
    put(&folder, "user.wasm", &user(FIRST));
    let host = watched(&folder);
    (folder, host)
}

/// Two services with one build command, which makes the one of its sources.
fn built(command: &str) -> (TempDir, Host) {
    let service = |name: &str, more: &str| {
        format!("[service.{name}]\ncomponent = \"{name}.wasm\"\nbuild = \"{command}\"\nwatch = [\"src\"]\n{more}")
    };
    let (user_table, other) =
        (service("user", "routes = [\"/users/{id}\"]\nbuckets = [\"users\"]\n"), service("other", ""));
    let folder = app(&format!("[app]\nname = \"built\"\n{user_table}{other}"));
    put(&folder, "src/user/next.wasm", &user(FIRST));
    put(&folder, "other.wasm", &wat::parse_str("(component)").expect("a component"));
    let host = watched(&folder);
    (folder, host)
}

/// A component that exports a function with a number of this type.
fn counts(number: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $code (func (export "count") (result i32) i32.const 7))
            (core instance $made (instantiate $code))
            (func $count (result {number}) (canon lift (core func $made "count")))
            (instance $counter (export "count" (func $count)))
            (export "acme:pair/counter" (instance $counter)))"#
    );
    wat::parse_str(text).expect("a component")
}

/// A component that imports it.
fn asks(number: &str) -> Vec<u8> {
    let import = r#"(import "acme:pair/counter" (instance (export "count" (func (result "#;
    wat::parse_str(format!("(component {import}{number}))))))")).expect("a component")
}

fn watched(folder: &TempDir) -> Host {
    Host::up_with(folder.path(), &["--watch"])
}

/// The user service with another content type in its answers.
fn user(content_type: &str) -> Vec<u8> {
    let mut bytes = fs::read(component("user")).expect("it was built");
    let places: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(FIRST.as_bytes())).collect();
    assert!(!places.is_empty(), "the component names its content type");
    for at in places {
        bytes[at..at + FIRST.len()].copy_from_slice(content_type.as_bytes());
    }
    bytes
}

async fn content_type(host: &Host) -> String {
    host.get("/users/1").await.header("content-type").to_owned()
}

/// Replace a file as most tools do: by another with its name, which nobody watches before.
fn put(folder: &TempDir, path: &str, bytes: &[u8]) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    let new = path.with_file_name(format!(".{}", path.file_name().expect("a name").display()));
    fs::write(&new, bytes).expect("a file can be written");
    fs::rename(&new, &path).expect("a file can be replaced");
}

fn read(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).expect("it is there")
}

fn read_bytes(folder: &TempDir, path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(folder.path().join(path)).unwrap_or_default()
}
