//! A service is swapped while it is used, and nothing is lost.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Client, Host, Load, app,
    load::{ShopSwaps, Swaps},
    made::{between, bytes, directory, other, relay_and_directory, variant},
    pieces, request, shop, until,
};

/// Clients of the shop, each with a connection of its own.
const CLIENTS: usize = 32;

/// Connections of HTTP/2 that the clients share.
const SHARED: usize = 4;

/// A guest with patience for long bodies.
const GUEST: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/*"]
limits = { body = "512MiB", deadline = "2m" }
"#;

/// The type of the guest's short answers, and that of its other variant's.
const PLAIN: [&str; 2] = ["text/plain", "text/PLAIN"];

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn users_are_read_and_asked_for_while_their_service_is_swapped_100_times() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let swaps = ShopSwaps::default();
    let load = Load::of(clients(&host).await, &swaps).await;
    swap_to_and_fro(&host, &load, "user", &swaps.user, 100).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_taken_and_kept_while_their_service_is_swapped() {
    let folder = shop();
    let host = Host::up(folder.path());
    let swaps = ShopSwaps::default();
    let load = Load::of(clients(&host).await, &swaps).await;
    swap_to_and_fro(&host, &load, "order", &swaps.order, 100).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_http2_live_through_swaps_of_both_services() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut clients = Vec::new();
    for _ in 0..SHARED {
        let connection = Client::http2(host.gateway).await;
        clients.extend((0..CLIENTS / SHARED).map(|_| connection.share().expect("HTTP/2")));
    }
    let swaps = ShopSwaps::default();
    let load = Load::of(clients, &swaps).await;
    tokio::join!(
        swap_to_and_fro(&host, &load, "user", &swaps.user, 100),
        swap_to_and_fro(&host, &load, "order", &swaps.order, 100),
    );
    load.stop().await;
}

async fn clients(host: &Host) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(host.connect().await);
    }
    clients
}

/// Swap a service of the shop so often, and see after each swap that the load
/// goes on, on the new revision alone.
async fn swap_to_and_fro(host: &Host, load: &Load, service: &str, swaps: &Swaps, times: u64) {
    let variants = [bytes(service), other(service)];
    for live in 1..=times {
        swaps.begin();
        let outcome = host.swap(service, &variants[live as usize % 2]).await;
        assert_eq!((&outcome["outcome"], &outcome["service"]), (&json!("live"), &json!(service)));
        let revisions = [&outcome["from"], &outcome["to"]].map(|end| end["revision"].clone());
        assert_eq!(revisions, [json!(live), json!(live + 1)]);
        // Earlier than when the old one is gone, and so this holds then, too.
        swaps.done();
        let drained = host.drained(service).await;
        let gone: Vec<_> = drained.iter().map(|gone| (&gone["revision"], &gone["stopped"])).collect();
        assert_eq!(gone, [(&json!(live), &json!(0))]);
        assert_eq!(host.service(service).await["draining"], json!([]));
        load.more().await;
    }
}

/// A service behind two links.
const CHAIN: &str = r#"
[app]
name = "chain"
[store]
url = "memory:"
[service.relay]
component = "{relay}"
routes = ["/relay/{id}"]
links = { "shop:users/directory" = "between" }
[service.between]
component = "between.wasm"
links = { "shop:users/directory" = "directory" }
[service.directory]
component = "directory.wasm"
"#;

/// What the two variants of the last directory call everybody.
const NAMES: [&str; 2] = ["Alice", "Carol"];

#[tokio::test(flavor = "multi_thread")]
async fn services_behind_links_are_swapped_under_those_that_call_them() {
    let folder = app(CHAIN);
    let [middles, lasts] = [["one", "two"].map(between), NAMES.map(directory)];
    std::fs::write(folder.path().join("between.wasm"), &middles[0]).expect("it can be written");
    std::fs::write(folder.path().join("directory.wasm"), &lasts[0]).expect("it can be written");
    let host = Host::up(folder.path());
    let swaps = std::sync::Arc::new(Swaps::default());
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut client, swaps) = (host.connect().await, swaps.clone());
        asking.spawn(async move {
            // Until it has asked many times after the last swap.
            let mut last = 0;
            while last < 10 {
                let before = swaps.so_far();
                last += usize::from(before == 40);
                let answer = client.get("/relay/5").await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                let name = answer.json()["name"].as_str().expect("a name").to_owned();
                let variant = NAMES.iter().position(|known| *known == name).expect("a known name");
                assert!(swaps.allow(before, variant), "{name} was gone after {before} swaps");
            }
        });
    }
    for swap in 1..=40 {
        swaps.begin();
        host.swap("directory", &lasts[swap % 2]).await;
        swaps.done();
        assert_eq!(host.drained("directory").await.len(), 1);
        host.swap("between", &middles[swap % 2]).await;
        assert_eq!(host.drained("between").await.len(), 1);
    }
    asking.join_all().await;
    // Nobody was swapped but those two, and no call failed.
    let relay = host.service("relay").await;
    assert_eq!((&relay["revision"], &relay["errors"], &relay["traps"]), (&json!(1), &json!(0), &json!(0)));
}

#[tokio::test]
async fn bodies_in_flight_are_finished_by_who_began_them() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let mut new = variant("guest", PLAIN[0], PLAIN[1]);
    let mut old = bytes("guest");
    for (swap, mut client) in [host.connect().await, Client::http2(host.gateway).await].into_iter().enumerate() {
        // More than what buffers on the way hold: most of it is written after the swap.
        let path = format!("/download?bytes={}", 64 * MIB);
        let mut reader = Client::http1(host.gateway).await;
        let mut download = reader.start(request(Method::GET, &path, "")).await.expect("a response");
        assert_eq!(download.status(), StatusCode::OK);
        let begun = read(&mut download, MIB).await.len();
        let (sender, body) = pieces();
        let upload = request(Method::POST, "/echo", "").map(|_| body);
        let mut echo = client.start(upload).await.expect("a response");
        sender.send(Ok("before the swap, ".into())).await.expect("the host reads");
        assert_eq!(read(&mut echo, 1).await, "before the swap, ");

        let outcome = host.swap("guest", &new).await;
        assert_eq!(outcome["outcome"], "live");
        let status = host.service("guest").await;
        assert_eq!((&status["draining"], &status["revision"]), (&json!([swap + 1]), &json!(swap + 2)));
        assert_eq!(host.get("/hello").await.header("content-type"), PLAIN[(swap + 1) % 2]);

        sender.send(Ok("after it".into())).await.expect("the host reads");
        drop(sender);
        let rest = echo.collect().await.expect("it is whole").to_bytes();
        assert_eq!(rest, "after it");
        let rest = download.collect().await.expect("it is whole").to_bytes();
        assert_eq!(begun + rest.len(), 64 * MIB);
        assert!(rest.iter().all(|byte| *byte == b'x'));
        let drained = host.drained("guest").await;
        let gone: Vec<_> = drained.iter().map(|gone| (&gone["revision"], &gone["stopped"])).collect();
        assert_eq!(gone, [(&json!(swap + 1), &json!(0))]);
        std::mem::swap(&mut old, &mut new);
    }
}

/// The next bytes of a body: so many, and what came with them.
async fn read(response: &mut Response<Incoming>, length: usize) -> Bytes {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let frame = response.body_mut().frame().await.expect("more of the body").expect("no error");
        bytes.extend(frame.into_data().expect("data alone"));
    }
    bytes.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlive_the_drain_deadline_are_stopped_and_counted() {
    let limits = r#"limits = { deadline = "1h", drain = "300ms", instances = 8 }"#;
    let folder = app(&GUEST.replace(r#"limits = { body = "512MiB", deadline = "2m" }"#, limits));
    let host = Host::up(folder.path());
    let mut stuck = JoinSet::new();
    for path in ["/hang", "/hang", "/spin"] {
        let mut client = host.connect().await;
        stuck.spawn(async move { client.get(path).await });
    }
    until("they are stuck", async || host.busy("guest").await == 3).await;
    host.swap("guest", &variant("guest", PLAIN[0], PLAIN[1])).await;
    assert_eq!(host.service("guest").await["draining"], json!([1]));
    // Those that are stuck hold up nobody.
    let mut client = host.connect().await;
    for _ in 0..20 {
        assert_eq!(client.get("/hello").await.header("content-type"), PLAIN[1]);
    }
    let drained = host.drained("guest").await;
    let gone: Vec<_> = drained.iter().map(|gone| (&gone["revision"], &gone["stopped"])).collect();
    assert_eq!(gone, [(&json!(1), &json!(3))]);
    for answer in stuck.join_all().await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.json(), json!({ "error": "The service was replaced meanwhile" }));
    }
    assert!(host.wait_for_output("limits.drain").contains("guest"));
    assert_eq!(client.get("/hello").await.header("content-type"), PLAIN[1]);
    let status = host.service("guest").await;
    assert_eq!((&status["draining"], &status["errors"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_swap_to_what_is_live_changes_nothing_and_says_so() {
    let folder = relay_and_directory("Alice");
    let live = directory("Alice");
    let host = Host::up(folder.path());
    let before = host.history("directory").await;
    let outcome = host.swap("directory", &live).await;
    assert_eq!(outcome["outcome"], "unchanged");
    assert_eq!(outcome["from"], outcome["to"]);
    assert_eq!(outcome["to"], json!({ "revision": 1, "digest": before[0]["digest"] }));
    let steps: Vec<_> = outcome["steps"].as_array().expect("a list").iter().map(|step| &step["step"]).collect();
    assert_eq!(steps, ["read"]);
    assert_eq!(host.history("directory").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_of_one_service_come_one_after_another_and_of_two_side_by_side() {
    let folder = relay_and_directory("Alice");
    let host = std::sync::Arc::new(Host::up(folder.path()));
    let mut swaps = JoinSet::new();
    for (service, component) in [
        ("directory", directory("Berta")),
        ("relay", variant("relay", "application/json", "application/JSON")),
        ("directory", directory("Carol")),
        ("directory", directory("Doris")),
    ] {
        let host = host.clone();
        swaps.spawn(async move { (service, host.swap(service, &component).await) });
    }
    let outcomes = swaps.join_all().await;
    assert!(outcomes.iter().all(|(_, outcome)| outcome["outcome"] == "live"), "{outcomes:?}");
    // Each went on from what the one before it left.
    let mut directories: Vec<_> = outcomes.iter().filter(|(service, _)| *service == "directory").collect();
    directories.sort_by_key(|(_, outcome)| outcome["to"]["revision"].as_u64());
    for (revision, pair) in (2..).zip(directories.windows(2)) {
        assert_eq!(pair[0].1["to"], pair[1].1["from"]);
        assert_eq!(pair[0].1["to"]["revision"], revision);
    }
    let history = host.history("directory").await;
    let recorded: Vec<_> = history.iter().rev().skip(1).map(|entry| &entry["digest"]).collect();
    let swapped: Vec<_> = directories.iter().map(|(_, outcome)| &outcome["to"]["digest"]).collect();
    assert_eq!(recorded, swapped);
    assert_eq!(host.history("relay").await.len(), 2);
    let answer = host.get("/relay/5").await;
    let names = ["Berta", "Carol", "Doris"];
    assert_eq!(answer.header("content-type"), "application/JSON");
    assert!(names.iter().any(|name| answer.json()["name"] == *name), "{answer:?}");
}
