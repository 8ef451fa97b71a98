//! Values of `config` and `env` that are in files: which instances have which, what is
//! refused, and who is shown them, which is nobody.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Stdio,
};

use http::StatusCode;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Client, GUESTS, Host, Upload, app, made::variant, until, up, write_manifest};

mod shown;
mod start;

/// Two values of each service that are in files.
const SETTINGS: &str = "config = { greeting = \"hello\", key = { file = \"secrets/key\" } }\nenv = { TOKEN = { file = \"secrets/token\" } }";

/// The type of the guest's short answers, and that of its other variant's.
const PLAIN: [&str; 2] = ["text/plain", "text/PLAIN"];

/// The manifest of one of [`GUESTS`] alone, with more keys of its service.
fn manifest(component: &str, more: &str) -> String {
    format!(
        "[app]\nname = \"app\"\n[store]\nurl = \"memory:\"\n\
        [service.guest]\ncomponent = \"{{{component}}}\"\nroutes = [\"/*\"]\n{more}\n"
    )
}

/// A folder with that manifest, and with the files that [`SETTINGS`] names.
fn guest(component: &str, more: &str) -> TempDir {
    let folder = app(&manifest(component, more));
    fs::create_dir(folder.path().join("secrets")).expect("there is room");
    put(folder.path(), "secrets/key", "key-1\n");
    put(folder.path(), "secrets/token", "token-1\n");
    folder
}

/// Put a file that only its owner may read in the place of another.
fn put(folder: &Path, file: &str, text: impl AsRef<[u8]>) {
    let new = folder.join("new");
    fs::write(&new, text).expect("there is room");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("it is ours");
    fs::rename(&new, folder.join(file)).expect("it is ours");
}

/// A host whose log tells what it reads again.
fn host(folder: &TempDir) -> Host {
    Host::start(up(folder.path()).env("DOVETAIL_LOG", "dovetail=info").stderr(Stdio::piped()))
}

/// What the guest has as the key and as the token.
async fn values(client: &mut Client) -> [String; 2] {
    let [key, token] = [client.get("/config?key=key").await, client.get("/env?key=TOKEN").await];
    assert_eq!((key.status, token.status), (StatusCode::OK, StatusCode::OK), "{key:?} {token:?}");
    [key.text().to_owned(), token.text().to_owned()]
}

async fn until_values(client: &mut Client, wanted: [&str; 2]) {
    until("the guest has the new values", async || values(client).await == wanted).await;
}

#[tokio::test]
async fn a_call_has_what_the_files_have() {
    for component in GUESTS {
        // There is room for no second instance beside one of before.
        let folder = guest(component, &format!("{SETTINGS}\nlimits.instances = 1"));
        let host = host(&folder);
        let mut client = host.connect().await;
        assert_eq!(values(&mut client).await, ["key-1", "token-1"]);
        assert_eq!(client.get("/config?key=greeting").await.text(), "hello");
        // Instances are kept, but for what changes: `key` alone makes new ones as well, for a
        // component may have read it once.
        assert_eq!(client.get("/calls").await.text(), "4");
        put(folder.path(), "secrets/key", "key-2\r\n");
        until_values(&mut client, ["key-2", "token-1"]).await;
        let calls: u64 = client.get("/calls").await.text().parse().expect("a number");
        put(folder.path(), "secrets/token", "token-2\n\n");
        until_values(&mut client, ["key-2", "token-2\n"]).await;
        let told = "new calls of service `guest` have the `env.TOKEN` that is there now";
        assert!(host.wait_for_output(told).contains("secrets/token` changed"));
        let after: u64 = client.get("/calls").await.text().parse().expect("a number");
        // One of before had had four calls, and then two or more for each look.
        assert!(calls <= 4 && after <= 4, "they are new: {calls} {after}");
        assert_eq!(client.get("/config?key=greeting").await.text(), "hello");
        assert_eq!(host.service("guest").await["traps"], 0);
    }
}

#[tokio::test]
async fn a_folder_whose_link_is_swapped_is_seen() {
    // As Kubernetes mounts a secret: its files are links into a folder, which is itself one.
    for component in GUESTS {
        let folder = app(&manifest(component, SETTINGS));
        let mounted = folder.path().join("secrets");
        for number in ["1", "2"] {
            let version = mounted.join(format!("..{number}"));
            fs::create_dir_all(&version).expect("there is room");
            put(folder.path(), &format!("secrets/..{number}/key"), format!("key-{number}"));
            put(folder.path(), &format!("secrets/..{number}/token"), format!("token-{number}"));
        }
        symlink("..1", mounted.join("..data")).expect("there is room");
        for file in ["key", "token"] {
            symlink(format!("..data/{file}"), mounted.join(file)).expect("there is room");
        }
        let host = host(&folder);
        let mut client = host.connect().await;
        assert_eq!(values(&mut client).await, ["key-1", "token-1"]);
        symlink("..2", mounted.join("..new")).expect("there is room");
        fs::rename(mounted.join("..new"), mounted.join("..data")).expect("it is ours");
        until_values(&mut client, ["key-2", "token-2"]).await;
    }
}

#[tokio::test]
async fn a_call_in_flight_ends_where_it_began() {
    for component in GUESTS {
        let folder = guest(component, &format!("{SETTINGS}\nlimits = {{ instances = 2, deadline = \"1h\" }}"));
        let host = host(&folder);
        let upload = Upload::begin(host.connect().await, "/count");
        upload.send("12").await;
        until("it has an instance", async || host.busy("guest").await == 1).await;
        let mut client = host.connect().await;
        put(folder.path(), "secrets/token", "token-2");
        until_values(&mut client, ["key-1", "token-2"]).await;
        upload.send("345").await;
        let answer = upload.finish().await;
        assert_eq!((answer.status, answer.text().trim()), (StatusCode::OK, "5"));
        // And its instance, which was given back last, serves nobody more.
        for _ in 0..4 {
            assert_eq!(values(&mut client).await, ["key-1", "token-2"]);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_no_good_leaves_the_value_before_and_is_told_once() {
    let folder = guest("guest", SETTINGS);
    let host = host(&folder);
    let mut client = host.connect().await;
    let long = "s3cret".repeat(16 << 10);
    let contents: [(&[u8], &str); 4] = [
        (b"s3cret\xff", "is not UTF-8; save it"),
        (b"s3cret\0", "has a NUL, which no variable has"),
        (long.as_bytes(), "is longer than 64 KiB"),
        (b"\n", "is empty"),
    ];
    for (content, told) in contents {
        put(folder.path(), "secrets/token", content);
        let line = host.wait_for_output(told);
        assert!(line.contains(" WARN ") && line.contains("What was there goes on serving"), "{line}");
        assert_eq!(values(&mut client).await, ["key-1", "token-1"]);
    }
    fs::remove_file(folder.path().join("secrets/token")).expect("it is ours");
    host.wait_for_output("is not there");
    // What is beside it is read all the same, and then the right one comes.
    put(folder.path(), "secrets/key", "key-2");
    until_values(&mut client, ["key-2", "token-1"]).await;
    put(folder.path(), "secrets/token", "token-2");
    until_values(&mut client, ["key-2", "token-2"]).await;
    let output = host.output();
    for told in contents.map(|(_, told)| told).iter().chain(&["is not there"]) {
        assert_eq!(output.iter().filter(|line| line.contains(told)).count(), 1, "{told} {output:?}");
    }
    assert!(!output.iter().any(|line| line.contains("s3cret")), "{output:?}");
}

#[tokio::test]
async fn swaps_and_canaries_have_what_the_files_have() {
    let folder = guest("guest", SETTINGS);
    let host = host(&folder);
    let mut client = host.connect().await;
    put(folder.path(), "secrets/token", "token-2");
    until_values(&mut client, ["key-1", "token-2"]).await;
    host.swap("guest", &variant("guest", PLAIN[0], PLAIN[1])).await;
    assert_eq!(values(&mut client).await, ["key-1", "token-2"]);
    let outcome = host.canary("guest", &variant("guest", PLAIN[0], "text/Plain"), "canary=50").await;
    assert_eq!(outcome["outcome"], json!("canary"));
    put(folder.path(), "secrets/token", "token-3");
    until_values(&mut client, ["key-1", "token-3"]).await;
    let mut seen = [0; 2];
    while seen.contains(&0) {
        let answer = client.get("/env?key=TOKEN").await;
        assert_eq!(answer.text(), "token-3");
        seen[usize::from(answer.header("content-type") == "text/Plain")] += 1;
    }
}

#[tokio::test]
async fn another_manifest_names_other_files() {
    let folder = guest("guest", SETTINGS);
    let host = Host::up_with(folder.path(), &["--watch"]);
    let mut client = host.connect().await;
    assert_eq!(values(&mut client).await, ["key-1", "token-1"]);
    write_manifest(folder.path(), &manifest("guest", &SETTINGS.replace("secrets/key", "secrets/other")));
    host.wait_for_output("the file `");
    host.wait_for_output("secrets/other` of `service.guest.config.key` is not there");
    assert_eq!(values(&mut client).await, ["key-1", "token-1"]);
    put(folder.path(), "secrets/other", "other-1");
    put(folder.path(), "secrets/token", "token-2");
    until_values(&mut client, ["key-1", "token-2"]).await;
    // What was refused is tried again when it is written again.
    let more = format!("{}\nlimits.reuse = 7", SETTINGS.replace("secrets/key", "secrets/other"));
    write_manifest(folder.path(), &manifest("guest", &more));
    host.wait_for_output("Live app");
    until_values(&mut client, ["other-1", "token-2"]).await;
    put(folder.path(), "secrets/other", "other-2");
    until_values(&mut client, ["other-2", "token-2"]).await;
}
