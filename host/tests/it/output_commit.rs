//! Nothing leaves before all is durable that it rests on, however its call ends. The
//! disk of these hosts finishes no sync while a test holds it.

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{self, error::TryRecvError},
    task::JoinHandle,
    time::timeout,
};

use crate::support::{
    Answer, Client, GUESTS, Host, PATIENCE, app,
    disk::{Disk, Unsynced},
    pieces, request, until,
};

/// Callers of WASI 0.2 and 0.3, and whom they call. All who keep something share a
/// bucket.
const LINKED: &str = r#"
[app]
name = "linked"
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
buckets = ["fixtures"]
[service.alone]
component = "{guest}"
routes = ["/alone/*"]
buckets = ["fixtures"]
limits = { instances = 1, deadline = "1m" }
[service.hasty]
component = "{guest}"
routes = ["/hasty/*"]
buckets = ["fixtures"]
limits = { deadline = "300ms" }
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
limits = { deadline = "1m" }
links = { "shop:users/directory" = "directory" }
[service.other-relay]
component = "{relay}"
routes = ["/other-relay/*"]
limits = { deadline = "1m" }
links = { "shop:users/directory" = "later" }
[service.asker]
component = "{asker}"
routes = ["/asker/*"]
limits = { deadline = "1m" }
links = { "shop:users/directory" = "directory" }
[service.directory]
component = "{faulty_directory}"
buckets = ["fixtures"]
limits = { deadline = "300ms", memory = "8MiB" }
[service.later]
component = "{later}"
buckets = ["fixtures"]
limits = { deadline = "300ms" }
"#;

fn linked() -> (TempDir, Disk, Host) {
    let folder = app(LINKED);
    let disk = Disk::of(folder.path());
    let host = disk.up();
    (folder, disk, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_behind_a_link_is_told_when_its_writes_are_durable() {
    let (_folder, disk, host) = linked();
    let mut client = host.connect().await;
    for (path, inner, status) in [
        // A trap, too long, too much memory, each after a write. 0.2 calls 0.2.
        ("/relay/1013", "directory", StatusCode::INTERNAL_SERVER_ERROR),
        ("/relay/1014", "directory", StatusCode::GATEWAY_TIMEOUT),
        ("/relay/1016", "directory", StatusCode::INTERNAL_SERVER_ERROR),
        // 0.2 calls 0.3.
        ("/other-relay/1013", "later", StatusCode::INTERNAL_SERVER_ERROR),
        // 0.3 calls 0.2.
        ("/asker/directory/1013", "directory", StatusCode::INTERNAL_SERVER_ERROR),
        ("/asker/directory/1014", "directory", StatusCode::GATEWAY_TIMEOUT),
        // 0.3 calls 0.3.
        ("/asker/later/1013", "later", StatusCode::INTERNAL_SERVER_ERROR),
        ("/asker/later/1014", "later", StatusCode::GATEWAY_TIMEOUT),
    ] {
        // What is there already need not be written.
        client.get("/guest/delete?key=noted").await;
        let held = disk.hold();
        let asked = fails_in(&host, path, inner).await;
        nothing_comes(&host, || asked.is_finished()).await;
        drop(held);
        assert_eq!(answer(asked).await.status, status, "{path}");
        // The call failed; what it wrote stays.
        let (_, noted) = path.rsplit_once('/').expect("the path ends in an id");
        assert_eq!(client.get("/guest/get?key=noted").await.text(), noted, "{path}");
    }
    host.kill();
    disk.cut_power(Unsynced::Lost);
    assert_eq!(disk.up().get("/guest/get?key=noted").await.text(), "1014");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_behind_a_link_is_told_when_what_it_read_is_durable() {
    let (_folder, disk, host) = linked();
    for path in ["/relay/2013", "/asker/directory/2013"] {
        // What is there already need not be written.
        host.get("/guest/delete?key=noted").await;
        let held = disk.hold();
        let writing = fails_in(&host, "/relay/1013", "directory").await;
        let reading = fails_in(&host, path, "directory").await;
        nothing_comes(&host, || writing.is_finished()).await;
        nothing_comes(&host, || reading.is_finished()).await;
        drop(held);
        for asked in [writing, reading] {
            assert_eq!(answer(asked).await.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_instance_remembers_is_told_when_it_is_durable() {
    let (_folder, disk, host) = linked();
    let held = disk.hold();
    let [wrote, asked] = [host.connect().await, host.connect().await];
    let ask = |mut client: Client, path| tokio::spawn(async move { client.get(path).await });
    let wrote = ask(wrote, "/alone/remember?key=n");
    host.wait_for_output("remembers 1");
    let asked = ask(asked, "/alone/remembered");
    nothing_comes(&host, || asked.is_finished() || wrote.is_finished()).await;
    drop(held);
    for told in [wrote, asked] {
        assert_eq!(answer(told).await.text(), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_wait_and_says_nothing_of_what_was_written() {
    let (_folder, disk, host) = linked();
    let held = disk.hold();
    let late = host.get("/hasty/increment?key=n").await;
    assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT, "{late:?}");
    drop(held);
    assert_eq!(host.get("/guest/increment?key=n&by=0").await.text(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_piece_of_a_body_leaves_before_what_was_written_for_it_is_durable() {
    for component in GUESTS {
        let folder = app(&format!(
            "[app]\nname = \"streams\"\n[service.guest]\ncomponent = \"{{{component}}}\"\nroutes = [\"/*\"]\n\
             buckets = [\"fixtures\"]\nlimits = {{ deadline = \"2m\" }}\n\
             [service.reader]\ncomponent = \"{{guest}}\"\nroutes = [\"/reader/*\"]\nbuckets = [\"fixtures\"]\n"
        ));
        let disk = Disk::of(folder.path());
        let host = disk.up();
        let (to, mut from) = exchange(&host).await;
        to.send(Ok("first".into())).await.expect("the host reads");
        assert_eq!(next(&mut from).await, Some("first".to_owned()), "nothing holds it");

        let held = disk.hold();
        to.send(Ok("second".into())).await.expect("the host reads");
        host.wait_for_output("sent \"second\"");
        nothing_comes(&host, || !matches!(from.try_recv(), Err(TryRecvError::Empty))).await;
        drop(held);
        assert_eq!(next(&mut from).await, Some("second".to_owned()));

        // So with the end.
        let held = disk.hold();
        drop(to);
        host.wait_for_output("sent the end");
        nothing_comes(&host, || !matches!(from.try_recv(), Err(TryRecvError::Empty))).await;
        drop(held);
        assert_eq!(next(&mut from).await, Some("the end".to_owned()));

        // What is lost with the power was told to nobody.
        let (to, mut from) = exchange(&host).await;
        let held = disk.hold();
        to.send(Ok("third".into())).await.expect("the host reads");
        host.wait_for_output("sent \"third\"");
        host.kill();
        assert_eq!(next(&mut from).await, None, "it breaks off");
        drop(held);
        disk.cut_power(Unsynced::Lost);
        assert_eq!(disk.up().get("/reader/get?key=k").await.text(), "the end");
    }
}

/// Begin an upload whose pieces are kept and sent back: where they go, and where they
/// come, with `the end` after the last of a body that looks whole.
async fn exchange(host: &Host) -> (mpsc::Sender<std::io::Result<bytes::Bytes>>, mpsc::UnboundedReceiver<String>) {
    let (to, body) = pieces();
    let upload = request(Method::POST, "/keep-and-echo?key=k", "").map(|_| body);
    let response = host.connect().await.start(upload).await.expect("a response");
    let (came, from) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return };
            let piece = frame.into_data().expect("no trailers");
            came.send(String::from_utf8_lossy(&piece).into_owned()).expect("the test reads");
        }
        came.send("the end".to_owned()).expect("the test reads");
    });
    (to, from)
}

async fn next(from: &mut mpsc::UnboundedReceiver<String>) -> Option<String> {
    timeout(PATIENCE, from.recv()).await.expect("it comes in time")
}

/// Ask for what fails in a service behind, and wait until it has.
async fn fails_in(host: &Host, path: &'static str, inner: &str) -> JoinHandle<Answer> {
    let traps = async || host.service(inner).await["traps"].as_u64().expect("a number");
    let before = traps().await;
    let mut client = host.connect().await;
    let asked = tokio::spawn(async move { client.get(path).await });
    until("it has failed", async || traps().await > before).await;
    asked
}

async fn answer(asked: JoinHandle<Answer>) -> Answer {
    timeout(PATIENCE, asked).await.expect("an answer in time").expect("no panic")
}

/// Others are answered all the while, and this is not.
async fn nothing_comes(host: &Host, mut has_come: impl FnMut() -> bool) {
    let mut client = host.connect().await;
    for _ in 0..20 {
        assert_eq!(client.get("/guest/hello").await.text(), "hello\n");
        assert!(!has_come(), "something left before the disk had what it rests on");
    }
}
