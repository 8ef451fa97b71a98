//! An upstream of several addresses: which of them is asked, and what comes of those that fail.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{before, before_all};
use crate::support::{
    Client, Host,
    peer::{Peer, say},
    request, until,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port")
}

async fn shown(host: &Host, place: usize) -> Value {
    host.admin("/v1/services").await.json()["upstreams"][0]["addresses"][place].clone()
}

#[tokio::test]
async fn all_are_asked_and_who_is_away_fails_nobody() {
    let peers = [Peer::saying("ok"), Peer::saying("ok")];
    let away = free();
    let (_folder, host) = before_all(&[peers[0].address, away, peers[1].address], "");
    let mut client = host.connect().await;
    for _ in 0..60 {
        assert_eq!(client.post("/", "{}").await.text(), "ok");
    }
    let seen = peers.each_ref().map(|peer| peer.seen().len());
    assert_eq!(seen[0] + seen[1], 60);
    assert!(seen.iter().all(|seen| *seen >= 15), "{seen:?}");
    // After five failures in a row it is left alone.
    assert_eq!(shown(&host, 1).await["failures"], 5);
    assert_eq!(shown(&host, 1).await["well"], false);
    host.wait_for_output("an address that fails is left out for a while");
}

/// One of two that fails is left out, and the other never is.
#[tokio::test]
async fn never_more_than_half_are_left_out() {
    let failing = || Peer::start(|_: &str, stream: &mut TcpStream| say(stream, &OK.replace("200 OK", "503 No")));
    let peers = [failing(), failing()];
    let (_folder, host) = before_all(&peers.each_ref().map(|peer| peer.address), "");
    let mut client = host.connect().await;
    for _ in 0..40 {
        // What it answers is its answer.
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.text()), (StatusCode::SERVICE_UNAVAILABLE, "ok"));
    }
    let well = [shown(&host, 0).await, shown(&host, 1).await].map(|it| it["well"] == true);
    assert_eq!(well.iter().filter(|well| **well).count(), 1, "{well:?}");
}

/// A request that may be sent twice is, where nothing of an answer has come; another is not.
#[tokio::test]
async fn only_what_may_be_sent_twice_is() {
    let broken = Peer::start(|_: &str, _: &mut TcpStream| false);
    let good = Peer::saying("ok");
    for (method, expected) in [
        ("GET", [200, 200]),
        ("HEAD", [200, 200]),
        ("OPTIONS", [200, 200]),
        ("PUT", [200, 200]),
        ("DELETE", [200, 200]),
        ("PATCH", [200, 502]),
        ("POST", [200, 502]),
    ] {
        let (_folder, host) = before_all(&[broken.address, good.address], "");
        let mut statuses = Vec::new();
        for _ in 0..2 {
            let request = request(method.parse().expect("a method"), "/", "");
            statuses.push(host.connect().await.send(request).await.status.as_u16());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, expected, "{method}");
    }
    // A body is not kept to be sent again.
    let (_folder, host) = before_all(&[broken.address, good.address], "");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(host.connect().await.send(request(Method::PUT, "/", "x")).await.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 502]);
}

/// Where everything fails, not everything is sent twice.
#[tokio::test]
async fn what_is_sent_again_has_a_budget() {
    let peers = [Peer::start(|_: &str, _: &mut TcpStream| false), Peer::start(|_: &str, _: &mut TcpStream| false)];
    let (_folder, host) = before_all(&peers.each_ref().map(|peer| peer.address), "");
    for _ in 0..50 {
        assert_eq!(host.get("/").await.status, StatusCode::BAD_GATEWAY);
    }
    let sent = peers[0].seen().len() + peers[1].seen().len();
    // A fifth of them, and three.
    assert!((51..=63).contains(&sent), "{sent}");
}

#[tokio::test]
async fn an_address_that_is_not_well_gets_no_requests() {
    let is_well = Arc::new(AtomicBool::new(true));
    let looks = Arc::new(AtomicUsize::new(0));
    let (well, looked) = (is_well.clone(), looks.clone());
    let peer = Peer::start(move |request: &str, stream: &mut TcpStream| {
        let is_look = request.starts_with("GET /healthz?look HTTP/1.1\r\nhost: 127.0.0.1:");
        looked.fetch_add(usize::from(is_look), Ordering::SeqCst);
        match is_look && !well.load(Ordering::SeqCst) {
            true => say(stream, &OK.replace("200 OK", "500 Not well")),
            false => say(stream, OK),
        }
    });
    let (_folder, host) = before(peer.address, "health = { path = \"/healthz?look\", every = \"100ms\" }");
    assert_eq!(host.get("/").await.text(), "ok");
    is_well.store(false, Ordering::SeqCst);
    host.wait_for_output("an address is not well, and gets no requests");
    let answer = host.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json(), json!({ "error": "The service is not well; try again later" }));
    is_well.store(true, Ordering::SeqCst);
    host.wait_for_output("an address is well again");
    assert_eq!(host.get("/").await.text(), "ok");
    assert!(looks.load(Ordering::SeqCst) > 2);
}

/// Those that find no place wait, as many as there are places; others are answered at once.
#[tokio::test]
async fn there_are_so_many_requests_at_once() {
    let (go_on, goes_on) = mpsc::channel::<()>();
    let goes_on = std::sync::Mutex::new(goes_on);
    let peer = Peer::start(move |_: &str, stream: &mut TcpStream| {
        goes_on.lock().expect("nobody panics").recv().expect("the test goes on");
        say(stream, OK)
    });
    let (_folder, host) = before(peer.address, "connections = 1");
    let of_upstream = async |key: &str| host.admin("/v1/services").await.json()["upstreams"][0][key].clone();
    let get = || {
        let address = host.gateway;
        tokio::spawn(async move { Client::http1(address).await.get("/").await })
    };
    let first = get();
    until("it is asked", async || of_upstream("busy").await == 1).await;
    let second = get();
    until("one waits", async || of_upstream("waiting").await == 1).await;
    let refused = host.get("/").await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(refused.json(), json!({ "error": "The service is busy; try again" }));
    for answered in [first, second] {
        go_on.send(()).expect("it serves");
        assert_eq!(answered.await.expect("no panic").text(), "ok");
    }
    assert_eq!((of_upstream("busy").await, of_upstream("waiting").await), (json!(0), json!(0)));
}

/// A name that has several addresses is one of which all are tried.
#[tokio::test]
async fn a_name_may_have_several_addresses() {
    let peer = Peer::saying("ok");
    let port = peer.address.port();
    let folder = crate::support::plain(&format!(
        "[store]\nurl = \"memory:\"\n[upstream.there]\nurl = \"http://localhost:{port}\"\nroutes = [\"/*\"]\n"
    ));
    let host = Host::up(folder.path());
    for _ in 0..4 {
        assert_eq!(host.post("/", "{}").await.text(), "ok");
    }
    // Where nobody has the name there is nobody to ask.
    let folder = crate::support::plain(
        "[store]\nurl = \"memory:\"\n[upstream.there]\nurl = \"http://nobody.invalid\"\nroutes = [\"/*\"]\n",
    );
    let host = Host::up(folder.path());
    let answer = host.get("/").await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::BAD_GATEWAY, json!({ "error": "The service cannot be reached" }))
    );
}
