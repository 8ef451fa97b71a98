//! A disk that is full: what is there can be read, nothing is promised, and it goes on
//! when there is room.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use http::{Method, StatusCode};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{
    Client, Host, app, dovetail,
    made::{directory, other, relay_and_directory, variant},
    mount, pieces, plain, post, request, shop, until, up,
};

const WRITERS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_ends_when_there_is_room() {
    let folder = shop();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let mut answered = vec![order(&mut client, "first").await.expect("there is room")];

    let log = folder.path().join("data/shop.db-wal");
    let size = log.metadata().expect("the store has a log").len();
    limit(&host, Some(size + 64 * 1024));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let mut client = host.connect().await;
        writers.spawn(async move {
            let mut taken = Vec::new();
            while let Some(order) = order(&mut client, &format!("{writer}.{}", taken.len())).await {
                taken.push(order);
            }
            taken
        });
    }
    for taken in writers.join_all().await {
        answered.extend(taken);
    }
    // There would be room again when the log is folded into the database.
    limit(&host, Some(0));
    assert_eq!(order(&mut client, "full").await, None);
    assert_kept(&mut client, &answered).await;
    let mut admin = Client::http1(host.admin).await;
    let ready = admin.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        ready.json()["error"]
            .as_str()
            .is_some_and(|error| error.contains("failed, because the disk does not take it; reads go on")),
        "{ready:?}"
    );
    assert_eq!(order(&mut client, "still full").await, None);

    limit(&host, None);
    until("it takes orders again", async || match order(&mut client, "room again").await {
        Some(order) => {
            answered.push(order);
            true
        }
        None => false,
    })
    .await;
    assert_eq!(admin.get("/readyz").await.status, StatusCode::OK);
    assert_kept(&mut client, &answered).await;

    // Without it a `sqlite3` takes itself for the last who has it open, and deletes its log.
    assert!(has_lock(&host, &folder.path().join("data/shop.db")), "it opened the file beside SQLite, and closed it");
    host.signal("KILL");
    assert!(!host.wait().success());
    let host = Host::up(folder.path());
    assert_kept(&mut host.connect().await, &answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_lost_a_write_fails_though_it_wrote_again_when_there_was_room() {
    let folder = app("[app]\nname = \"kept\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n\
         buckets = [\"fixtures\"]\nlimits = { deadline = \"1m\" }\n");
    let host = Host::up(folder.path());
    host.get("/increment?key=n").await;
    let (to, body) = pieces();
    let upload = request(Method::POST, "/keep-each?key=k", "").map(|_| body);
    let mut uploader = host.connect().await;
    let answer = tokio::spawn(async move { uploader.try_send(upload).await.expect("an answer") });

    limit(&host, Some(0));
    to.send(Ok("lost".into())).await.expect("the host reads");
    host.wait_for_output("kept \"lost\"");
    let mut admin = Client::http1(host.admin).await;
    until("the commit has failed", async || !admin.get("/readyz").await.status.is_success()).await;
    limit(&host, None);
    until("there is room", async || admin.get("/readyz").await.status.is_success()).await;
    to.send(Ok("kept".into())).await.expect("the host reads");
    drop(to);
    let answer = answer.await.expect("no panic");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");

    // The instance does not serve on with what it remembers of it.
    assert_eq!(host.get("/calls").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_an_atomic_service_that_finds_no_room_leaves_nothing() {
    let folder = app("[app]\nname = \"kept\"\n[service.worker]\ncomponent = \"{worker}\"\nroutes = [\"/*\"]\n\
         buckets = [\"fixtures\"]\natomic = true\n[service.directory]\ncomponent = \"{faulty_directory}\"\n\
         buckets = [\"fixtures\"]\natomic = true\n");
    let host = Host::up(folder.path());
    assert_eq!(host.get("/?steps=set:a:0;ask:1000000").await.status, StatusCode::OK);
    assert_eq!(host.get("/?steps=getmany:a,b").await.json(), json!([["a=0", null]]));
    limit(&host, Some(0));
    let full = host.get("/?steps=remember:this;set:a:1;set:b:1;ask:1000001").await;
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE, "{full:?}");
    assert_eq!(full.json(), json!({ "error": "The store cannot keep anything now; try again later" }));
    // Neither instance serves on with what it remembers of it.
    assert_eq!(host.get("/?steps=remembered").await.json(), json!([""]));
    assert_eq!(host.get("/?steps=ask:17").await.json(), json!([{ "Ok": "Noted 0" }]));
    assert_eq!(host.get("/?steps=getmany:a,b,noted/1000001").await.json(), json!([["a=0", null, null]]));

    limit(&host, None);
    until("there is room", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    assert_eq!(host.get("/?steps=getmany:a,b,noted/1000001").await.json(), json!([["a=0", null, null]]));
    assert_eq!(host.get("/?steps=set:a:2;ask:1000002").await.status, StatusCode::OK);
    let kept = host.get("/?steps=getmany:a,b,noted/1000001,noted/1000002").await;
    assert_eq!(kept.json(), json!([["a=2", null, null, "noted/1000002=1000002"]]));
}

#[tokio::test]
async fn a_swap_that_finds_no_room_is_taken_back_and_goes_well_when_there_is() {
    let folder = relay_and_directory("Alice");
    let state = folder.path().join(".dovetail");
    let Some(host) = on_small_disk(&folder, &state) else { return };
    host.canary("relay", &other("relay"), "canary=50").await;
    let filling = mount::seen_by(&host, &state).join("filling");
    fs::write(&filling, vec![0; 8 << 20]).expect_err("it is larger than the disk");

    for answer in [host.put("directory", &directory("Berta")).await, host.decide("relay", "promote").await] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        let answer = answer.json();
        let error = answer["error"].as_str().expect("a sentence");
        let told = "what is to be live cannot be recorded, and what was live stays: cannot write ";
        assert!(error.starts_with(told) && error.contains("No space left on device"), "{error}");
    }
    assert_eq!((host.name().await, host.history("directory").await.len()), ("Alice".to_owned(), 1));
    let relay = host.service("relay").await;
    assert_eq!((&relay["revision"], &relay["canary"]["revision"]), (&json!(1), &json!(2)), "its trial goes on");

    fs::remove_file(&filling).expect("it is there");
    let outcome = host.swap("directory", &directory("Berta")).await;
    assert_eq!((host.name().await, &outcome["to"]["revision"]), ("Berta".to_owned(), &json!(2)));
    assert_eq!(host.decide("relay", "promote").await.status, StatusCode::OK);
}

#[tokio::test]
async fn verbs_tell_of_a_full_disk_what_is_to_be_done() {
    let folder = relay_and_directory("Alice");
    let state = folder.path().join(".dovetail");
    let Some(host) = on_small_disk(&folder, &state) else { return };
    host.swap("directory", &directory("Berta")).await;
    host.canary("relay", &other("relay"), "canary=50").await;
    fs::write(mount::seen_by(&host, &state).join("filling"), vec![0; 8 << 20]).expect_err("it is larger than the disk");
    fs::write(folder.path().join("carol.wasm"), directory("Carol")).expect("there is room");

    let run = |arguments: &[&str]| {
        let admin = host.admin.to_string();
        let output = dovetail().args(arguments).args(["--admin", &admin]).current_dir(&folder).output();
        output.expect("dovetail starts")
    };
    for verb in [&["swap", "directory", "carol.wasm"][..], &["rollback", "directory"], &["promote", "relay"]] {
        let Output { status, stderr, .. } = run(verb);
        let said = String::from_utf8_lossy(&stderr);
        let told = "error: what is to be live cannot be recorded, and what was live stays: cannot write \"";
        assert!(status.code() == Some(1) && said.contains(told), "{verb:?}: {said}");
        assert!(said.ends_with("\": No space left on device (os error 28); make room, and try again\n"), "{said}");
        assert!(!said.contains(".wasm.tmp"), "{verb:?}: {said}");
    }
    let Output { status, stdout, .. } = run(&["status"]);
    let shown = String::from_utf8(stdout).expect("text");
    assert!(status.success() && shown.contains("\n  canary, 50%  "), "it is looked at all the same: {shown}");
    assert_eq!(host.name().await, "Berta");
}

#[tokio::test]
async fn a_canary_that_cannot_be_recorded_is_withdrawn_and_the_cause_told_once() {
    let folder = relay_and_directory("Alice");
    let state = folder.path().join(".dovetail");
    let Some(host) = on_small_disk(&folder, &state) else { return };
    // Nothing is decided before it has been called.
    host.canary("directory", &directory("Berta"), "canary=50&for=1ms&calls=1").await;
    fs::write(mount::seen_by(&host, &state).join("filling"), vec![0; 8 << 20]).expect_err("it is larger than the disk");
    until("it is withdrawn", async || {
        host.name().await;
        host.service("directory").await["canary"].is_null()
    })
    .await;
    let line = host.wait_for_output("the trial could not be ended well");
    assert!(line.contains("the canary cannot be promoted, and was withdrawn"), "{line}");
    assert_eq!(line.matches("No space left on device").count(), 1, "{line}");
}

/// What the store does not do is the fault of no canary.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_whose_probe_finds_no_room_is_not_withdrawn() {
    let folder = app(r#"
[app]
name = "app"
[store]
url = "sqlite:data/app.db"
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["fixtures"]
probe = "/increment?bucket=fixtures&key=probes&by=1"
"#);
    let mut up = up(folder.path());
    let host = Host::start(up.env("DOVETAIL_LOG", "info,dovetail::swap=debug").stderr(Stdio::piped()));
    host.canary("guest", &variant("guest", "text/plain", "text/PLAIN"), "canary=1&for=100ms&calls=1000").await;
    let probes = async || host.service("guest").await["canary"]["probes"].as_u64().expect("it is on trial");
    until("the probe is asked", async || probes().await > 0).await;
    limit(&host, Some(0));
    host.wait_for_output("a probe of a canary says nothing: the store failed it");
    let before = probes().await;
    limit(&host, None);
    until("the probe is answered again", async || probes().await > before).await;
    assert_eq!(host.service("guest").await["revision"], 1);
}

#[test]
fn a_host_that_cannot_begin_for_want_of_room_says_what_helps() {
    let folder = plain("");
    let large = format!("(component (core module (memory 32) (data (i32.const 0) \"{}\")))", "x".repeat(2 << 20));
    fs::write(folder.path().join("plain.wasm"), wat::parse_str(large).expect("a component")).expect("there is room");
    let state = folder.path().join("state");
    fs::create_dir(&state).expect("there is room");
    let Some(mut up) = mount::of_size(&state, 1) else { return };
    up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "memory:", "--state"]).arg(&state);
    let output = up.arg("--manifest").arg(folder.path().join("dovetail.toml")).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let told = "error: the disk is full, so that what is to be live cannot be kept; make room, or name another folder \
                with `--state DIR`\n  caused by: cannot write \"";
    assert!(output.status.code() == Some(1) && said.contains(told), "{said}");
    assert!(said.ends_with(".wasm\"\n  caused by: No space left on device (os error 28)\n"), "{said}");
}

#[test]
fn a_backup_without_room_names_the_file_that_was_asked_for() {
    let folder = plain("");
    let line = format!("{{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"{}\"}}\n", "v".repeat(2 << 20));
    fs::write(folder.path().join("line"), line).expect("there is room");
    let import = dovetail().args(["store", "import", "line"]).current_dir(&folder).output().expect("dovetail starts");
    assert!(import.status.success(), "{import:?}");
    let (store, small) = (folder.path().join("data/plain.db"), folder.path().join("small"));
    fs::create_dir(&small).expect("there is room");
    let arguments = ["store".to_owned(), "backup".to_owned(), "copy.db".to_owned(), "--store".to_owned()];
    let url = format!("sqlite:{}", store.display());
    let told = |output: Output, cause: &str| {
        let said = String::from_utf8_lossy(&output.stderr);
        let told = format!("error: the backup \"copy.db\" could not be made\n  caused by: cannot {cause}\n");
        assert!(output.status.code() == Some(1) && said == told, "{said}");
    };

    // SQLite cannot read either where it cannot have a file beside the store's.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]).arg(dovetail().get_program());
    let output = limited.args(&arguments).arg(&url).current_dir(&folder).output().expect("sh starts");
    let cause = "no space left on its disk, which SQLite needs to read it, too; make room";
    told(output, &format!("open the store at {store:?}: {cause}"));

    let Some(mut backup) = mount::of_size(&small, 1) else { return };
    let cause = "no space left on the disk of the copy; make room, or name a file on another";
    let output = backup.args(arguments).arg(url).output().expect("it starts");
    told(output, &format!("copy the store at {store:?}: {cause}"));
}

/// A host whose folder for its state is a disk of 4 MiB; none where there can be none.
fn on_small_disk(folder: &TempDir, state: &Path) -> Option<Host> {
    fs::create_dir(state).expect("there is room");
    let mut up = mount::of_size(state, 4)?;
    up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]);
    Some(Host::start(up.arg(folder.path().join("dovetail.toml")).stderr(Stdio::piped())))
}

/// An order that was taken; none if it was refused as it should be.
async fn order(client: &mut Client, item: &str) -> Option<Value> {
    let order = json!({ "user_id": 1, "item": item });
    let answer = client.try_send(post("/orders", order.to_string())).await.expect("an answer");
    match answer.status {
        StatusCode::CREATED => Some(answer.json()),
        StatusCode::SERVICE_UNAVAILABLE => None,
        _ => panic!("{answer:?}"),
    }
}

/// Orders that were taken are there, each under an id of its own.
async fn assert_kept(client: &mut Client, answered: &[Value]) {
    for order in answered {
        assert_eq!(client.get(&format!("/orders/{}", order["id"])).await.json(), *order);
    }
}

/// Let no file of the host grow beyond this: that is an error of the write, as a full disk
/// is, and ends no host.
pub fn limit(host: &Host, bytes: Option<u64>) {
    let pid = Pid::from_raw(host.id().cast_signed()).expect("it runs");
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("it may be limited");
}

/// Whether a host has SQLite's lock on a file, which says that it has it open.
fn has_lock(host: &Host, file: &Path) -> bool {
    let inode = file.metadata().expect("the file is there").ino();
    let (pid, place) = (format!(" {} ", host.id()), format!(":{inode} "));
    let locks = fs::read_to_string("/proc/locks").expect("the kernel lists locks");
    locks.lines().any(|lock| lock.contains("POSIX") && lock.contains(&pid) && lock.contains(&place))
}
