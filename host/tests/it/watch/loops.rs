//! A build that changes what it is made of, or whatever else changes by itself, starts
//! no builds for ever; what a person changes meanwhile is built.

use std::{fs, process::Stdio};

use http::StatusCode;
use tempfile::TempDir;

use super::{FIRST, SECOND, THIRD, built, content_type, put, read, user, watched};
use crate::support::{Host, Running, app, until, up};

/// How many builds there were, of a command that notes each.
fn builds(folder: &TempDir) -> usize {
    fs::read_to_string(folder.path().join("builds")).unwrap_or_default().lines().count()
}

/// How many lines of output contain a text.
fn said(host: &Host, text: &str) -> usize {
    host.output().iter().filter(|line| line.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_changes_its_sources_is_told_and_ends() {
    // Its component is another each time, too: a section that nobody reads is added.
    let (folder, host) = built(
        "echo built >> builds; date +%N > src/version; cp src/user/next.wasm new; \
         printf '\\\\000\\\\004\\\\001x%02d' $(wc -l < builds) >> new; mv new user.wasm",
    );
    host.wait_for_output("Ignored src/version: each build of other, user changes it");
    // At the start, because of what that changed, and once more to be sure.
    assert_eq!(builds(&folder), 3);
    host.wait_for_output("Live user, revision 3");
    for (content, builds_then) in [(SECOND, 4), (THIRD, 5)] {
        put(&folder, "src/user/next.wasm", &user(content));
        host.wait_for_output(&format!("Live user, revision {builds_then}"));
        assert_eq!((builds(&folder), content_type(&host).await), (builds_then, content.to_owned()));
    }
    assert_eq!(said(&host, "Ignored"), 1);
    // Who removes the file, which the next build makes again, has nothing built.
    let told = said(&host, "src/version");
    fs::remove_file(folder.path().join("src/version")).expect("the build made it");
    put(&folder, "src/user/next.wasm", &user(FIRST));
    host.wait_for_output("Live user, revision 6");
    assert_eq!((builds(&folder), said(&host, "src/version")), (6, told));
    // Somebody who changes the file is heard.
    put(&folder, "src/version", b"1");
    host.wait_for_output("Changed sources of other, user: src/version");
    host.wait_for_output("Live user, revision 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_changes_during_builds_is_built() {
    // The second and the third build wait for the test.
    let (folder, host) = built(
        "echo built >> builds; cp src/user/next.wasm new; mv new user.wasm; \
         while test -e gate-$(wc -l < builds); do sleep 0.05; done",
    );
    for gate in ["gate-2", "gate-3"] {
        put(&folder, gate, b"");
    }
    put(&folder, "src/user/next.wasm", &user(SECOND));
    for (build, content) in [(2, THIRD), (3, FIRST)] {
        until("it is built", async || builds(&folder) == build).await;
        put(&folder, "src/user/next.wasm", &user(content));
        fs::remove_file(folder.path().join(format!("gate-{build}"))).expect("it is there");
    }
    host.wait_for_output("Live user, revision 4");
    assert_eq!((builds(&folder), content_type(&host).await), (4, FIRST.to_owned()));
    assert_eq!(said(&host, "Ignored"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_formats_its_sources_is_no_loop() {
    let (folder, host) = built(
        "echo built >> builds; tr a-z A-Z < src/text > text && mv text src/text; cp src/text kept; \
         cp src/user/next.wasm user.wasm",
    );
    for (text, builds_then) in [("one", 3), ("two", 6)] {
        put(&folder, "src/text", text.as_bytes());
        until("it is built again", async || said(&host, "Built other, user") == builds_then).await;
        assert_eq!(read(&folder, "src/text"), text.to_uppercase());
        put(&folder, "src/user/next.wasm", &user(if text == "one" { SECOND } else { THIRD }));
        until("that is built", async || said(&host, "Built other, user") == builds_then + 1).await;
    }
    host.wait_for_output("Live user, revision 3");
    assert_eq!(said(&host, "Ignored"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_that_start_each_other_end() {
    let service = |name: &str, other: &str| {
        format!(
            "[service.{name}]\ncomponent = \"{name}.wasm\"\nwatch = [\"{name}\"]\n\
             build = \"echo {name} >> builds; date +%N > {other}/made\"\n"
        )
    };
    let folder = app(&format!("[app]\nname = \"two\"\n{}{}", service("a", "b"), service("b", "a")));
    for name in ["a", "b"] {
        put(&folder, &format!("{name}/source"), b"1");
        put(&folder, &format!("{name}.wasm"), &wat::parse_str("(component)").expect("a component"));
    }
    let host = watched(&folder);
    host.wait_for_output("Ignored b/made: each build of a changes it");
    put(&folder, "a/source", b"2");
    host.wait_for_output("Changed sources of a: a/source");
    let before = builds(&folder);
    assert!(before < 20, "{before}");
    put(&folder, "b/source", b"2");
    host.wait_for_output("Changed sources of b: b/source");
    until("it is built", async || read(&folder, "builds").ends_with("b\n")).await;
    assert!(builds(&folder) < before + 6, "{}", read(&folder, "builds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_writes_another_command_into_the_manifest_ends() {
    let folder = app("[app]\nname = \"own\"\n[service.user]\ncomponent = \"{user}\"\nbuild = \"sh make 1\"\n\
                      watch = [\"src\"]\nroutes = [\"/users/{id}\"]\nbuckets = [\"users\"]\n");
    put(&folder, "make", b"echo built >> builds; sed -i \"s/sh make [0-9]*/sh make $(date +%N)/\" dovetail.toml\n");
    put(&folder, "src/lib", b"1");
    let host = watched(&folder);
    host.wait_for_output("Ignored dovetail.toml: each build of user changes it");
    let before = builds(&folder);
    assert!(before <= 4, "{before}");
    for more in 1..3 {
        put(&folder, "src/lib", format!("{more} more").as_bytes());
        until("it is built", async || builds(&folder) == before + more).await;
    }
    assert_eq!(host.get("/users/1").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_changes_the_manifest_and_its_sources_ends() {
    let folder = app("[app]\nname = \"own\"\n[service.user]\ncomponent = \"{user}\"\nbuild = \"sh make\"\n\
                      watch = [\"src\"]\nroutes = [\"/users/{id}\"]\nbuckets = [\"users\"]\n");
    put(&folder, "make", b"echo built >> builds; date +%N > src/version; echo '# built' >> dovetail.toml\n");
    put(&folder, "src/lib", b"1");
    let host = watched(&folder);
    host.wait_for_output("Ignored dovetail.toml, src/version: each build of user changes it");
    assert_eq!(builds(&folder), 3);
    for more in 1..3 {
        put(&folder, "src/lib", format!("{more} more").as_bytes());
        until("it is built", async || said(&host, "Built user") == 3 + more).await;
    }
    until("the manifest is applied", async || said(&host, "Live own") == 5).await;
    assert_eq!(builds(&folder), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_reads_and_writes_in_a_watched_folder_is_no_source() {
    let folder = app(r#"
[app]
name = "all"
[store]
url = "sqlite:all.db"
[service.user]
component = "{user}"
build = "mkdir -p target; echo built >> target/builds"
watch = ["."]
routes = ["/users", "/users/{id}"]
buckets = ["users"]
"#);
    let lines = |file: &str, text: &str| {
        let all = fs::read_to_string(folder.path().join(file)).unwrap_or_default();
        all.lines().filter(|line| line.contains(text)).count()
    };
    let log = fs::File::create(folder.path().join("log")).expect("a file can be made");
    let errors = log.try_clone().expect("a file can be shared");
    let mut command = up(folder.path());
    command.args(["--watch", "--state"]).arg(folder.path().join("kept"));
    let running = Running::start(command.stdout(Stdio::from(log)).stderr(Stdio::from(errors)));
    until("it serves", async || lines("log", "Serving") == 1).await;
    let log = read(&folder, "log");
    let line = log.lines().find(|line| line.contains("Serving")).expect("it was there");
    let gateway = line.split_once("http://").expect("an address").1.trim().parse().expect("an address");
    let mut client = crate::support::Client::http1(gateway).await;
    for change in 1..=3 {
        for _ in 0..20 {
            assert_eq!(client.post("/users", r#"{"name":"Carol"}"#).await.status, StatusCode::CREATED);
        }
        put(&folder, "source", format!("{change}").as_bytes());
        until("it is built", async || lines("log", "Changed sources of user: source") == change).await;
        until("it is built", async || lines("target/builds", "built") > change).await;
    }
    // Another manifest is applied, and is nothing to be built.
    let manifest = read(&folder, "dovetail.toml");
    put(&folder, "dovetail.toml", format!("{manifest}limits.instances = 8\n").as_bytes());
    until("it is applied", async || lines("log", "Live all") == 1).await;
    put(&folder, "source", b"4");
    until("it is built", async || lines("log", "Changed sources of user: source") == 4).await;
    until("it is built", async || lines("target/builds", "built") == 5).await;
    assert_eq!(lines("log", "Changed sources"), 4);
    drop(running);
}
