//! A changed manifest is applied whole while the host serves, or not at all.

use std::{
    fs,
    net::SocketAddr,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{FIRST, SECOND, SHOP, Traffic, begin_canary, content_type, put, shop, user, watched};
use crate::support::{Client, Host, app, dovetail, pieces, post, request, until, write_manifest};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_manifest_is_applied_under_requests() {
    let (folder, host) = shop();
    let traffic = Traffic::start(&host).await;
    let more = "limits.body = \"64B\"\nlimits.instances = 8\n\
        [service.people]\ncomponent = \"{user}\"\nroutes = [\"/people/{id}\"]\nbuckets = [\"users\"]\n\
        [service.order.links]\n\"shop:users/directory\" = \"user\"\n";
    let moved = SHOP.replace("routes = [\"/users\",", "routes = [\"/members\", \"/users\",");
    write_manifest(folder.path(), &format!("{moved}{more}"));
    host.wait_for_output("Added service people");
    host.wait_for_output("Live shop, 4 services, 7 routes");
    host.wait_for_output("Drained the calls from before");
    assert_eq!(host.service("order").await["instances"]["max"], 8);
    assert_eq!(host.service("order").await["links"]["shop:users/directory@0.1.0"], "user");
    let long = format!(r#"{{"user_id":1,"item":"{}"}}"#, "x".repeat(64));
    assert_eq!(host.post("/orders", &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_ne!(host.get("/people/1").await.status, StatusCode::OK, "its users are others");
    assert_eq!(host.service("people").await["calls"], 1);

    write_manifest(folder.path(), SHOP);
    host.wait_for_output("Removed service people");
    host.wait_for_output("Live shop, 3 services, 5 routes");
    assert_eq!(host.get("/people/1").await.json()["error"], "Not found");
    assert_eq!(host.get("/members").await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.post("/orders", &long).await.status, StatusCode::CREATED);
    // Swaps go on with the app that serves now.
    put(&folder, "user.wasm", &user(SECOND));
    host.wait_for_output("Live user, revision 2");
    assert_eq!(content_type(&host).await, SECOND);
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_cannot_be_applied_changes_nothing() {
    let (folder, host) = shop();
    let traffic = Traffic::start(&host).await;
    let route = "[service.user.limits]\nbody = \"1B\"\n";
    for (manifest, shown) in [
        (format!("{SHOP}{route}memory = \"lots\"\n"), "`service.user.limits.memory` is not a size in bytes"),
        (format!("{SHOP}{route}memory = \"64KiB\"\n"), "of memory when it starts"),
        (format!("{SHOP}{route}[service.new]\ncomponent = \"new.wasm\"\n"), "service `new` has no component"),
        (format!("{SHOP}{route}[store]\nurl = \"memory:\"\n"), "`store.url` cannot change while the host runs"),
        (format!("{SHOP}{route}[admin]\ntoken_file = \"a\"\n"), "`admin.token_file` cannot change while the host"),
        (SHOP.replace("\"shop\"", "\"store\"") + route, "`app.name` cannot change while the host runs"),
    ] {
        write_manifest(folder.path(), &manifest);
        host.wait_for_output(shown);
    }
    fs::remove_file(folder.path().join("dovetail.toml")).expect("it is there");
    let told = host.wait_for_output("Removed ");
    assert!(told.ends_with("dovetail.toml; what it said is served on, until there is one again"), "{told}");
    assert_eq!(host.post("/users", r#"{"name":"Carol"}"#).await.status, StatusCode::CREATED);
    assert!(!host.output().iter().any(|line| line.contains("Live")));
    traffic.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_not_overridden_is_not_changed_live() {
    let folder = app(&format!("{SHOP}[gateway]\nlisten = \"127.0.0.1:0\"\n"));
    put(&folder, "user.wasm", &user(FIRST));
    let mut command = dovetail();
    command.args(["up", "--watch", "--admin", "127.0.0.1:0", "--store", "memory:", "--manifest"]);
    command.arg(folder.path().join("dovetail.toml")).stderr(Stdio::piped());
    let host = Host::start(&mut command);
    write_manifest(folder.path(), &format!("{SHOP}[gateway]\nlisten = \"127.0.0.1:7\"\n"));
    host.wait_for_output("`gateway.listen` cannot change while the host runs");
    host.wait_for_output("restart the host, or go back to \"127.0.0.1:0\"");
    let tls = "tls = { certificate = \"shop.pem\", key = \"shop.key\" }";
    write_manifest(folder.path(), &format!("{SHOP}[gateway]\nlisten = \"127.0.0.1:0\"\n{tls}\n"));
    host.wait_for_output("`gateway.tls` cannot change while the host runs");
    host.wait_for_output("restart the host, or leave the key out");
    assert_eq!(content_type(&host).await, FIRST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_in_flight_ends_in_the_app_that_it_began_in() {
    let (folder, host) = shop();
    let (mut client, (rest, body)) = (host.connect().await, pieces());
    rest.send(Ok(r#"{"user_id":1,"#.into())).await.expect("room for a piece");
    let asked = tokio::spawn(async move { client.send(post("/orders", "").map(|_| body)).await });
    until("the order is in the making", async || host.busy("order").await == 1).await;
    let renamed = SHOP.replace("[\"/orders\"", "[\"/purchases\"");
    write_manifest(folder.path(), &renamed);
    host.wait_for_output("Live shop");
    assert_eq!(host.post("/orders", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(host.service("order").await["draining"], json!([1]));
    // Who waits for its end does not put it off.
    let waiting = tokio::spawn(drained(host.admin));
    assert!(!host.output().iter().any(|line| line.contains("Drained")));
    rest.send(Ok(r#""item":"Book"}"#.into())).await.expect("room for a piece");
    drop(rest);
    assert_eq!(asked.await.expect("no panic").status, StatusCode::CREATED);
    let gone = host.wait_for_output("Drained the calls from before");
    assert!(!gone.contains("stopped"), "{gone}");
    assert_eq!(waiting.await.expect("no panic")["drained"][0]["revision"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlasts_the_drain_deadline_is_stopped_with_its_app() {
    let drain = "limits.drain = \"50ms\"\n";
    let folder = app(&format!("{SHOP}{drain}").replace("[service.order]", &format!("{drain}[service.order]")));
    put(&folder, "user.wasm", &user(FIRST));
    let host = watched(&folder);
    let (mut client, (rest, body)) = (host.connect().await, pieces());
    rest.send(Ok(r#"{"user_id":1,"#.into())).await.expect("room for a piece");
    let asked = tokio::spawn(async move { client.send(post("/orders", "").map(|_| body)).await });
    until("the order is in the making", async || host.busy("order").await == 1).await;
    write_manifest(folder.path(), SHOP);
    let gone = host.wait_for_output("Drained the calls from before");
    assert!(gone.ends_with(", 1 call was stopped"), "{gone}");
    assert!(asked.await.expect("no panic").status.is_server_error());
    drop(rest);
    assert_eq!(host.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_withdrawn_when_the_manifest_changes() {
    let (folder, host) = shop();
    begin_canary(&host).await;
    write_manifest(folder.path(), &format!("{SHOP}limits.instances = 8\n"));
    host.wait_for_output("Withdrawn the canary of user");
    host.wait_for_output("Drained the calls from before");
    let service = host.service("user").await;
    assert_eq!((&service["revision"], &service["canary"]), (&1.into(), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_go_on_while_the_manifest_changes() {
    let (folder, host) = shop();
    let traffic = Traffic::start(&host).await;
    let over = Arc::<AtomicBool>::default();
    let (admin, is_over) = (host.admin, over.clone());
    let swaps = tokio::spawn(async move {
        let (mut client, mut revision) = (Client::http1(admin).await, 1);
        while !is_over.load(Ordering::Relaxed) {
            let next = if revision % 2 == 0 { FIRST } else { SECOND };
            let answer = client.send(request(Method::PUT, "/v1/services/user/component", user(next))).await;
            assert_eq!((answer.status, &answer.json()["outcome"]), (StatusCode::OK, &"live".into()), "{answer:?}");
            revision += 1;
            assert_eq!(answer.json()["to"]["revision"], revision);
        }
        revision
    });
    for instances in 40..46 {
        write_manifest(folder.path(), &format!("{SHOP}limits.instances = {instances}\n"));
        until("it is applied", async || host.service("order").await["instances"]["max"] == instances).await;
    }
    over.store(true, Ordering::Relaxed);
    let revision: u64 = swaps.await.expect("no swap fails");
    assert!(revision > 1);
    assert_eq!(host.service("user").await["revision"], revision);
    traffic.stop().await;
}

/// What the host says when no call of an earlier revision of `order` is left.
async fn drained(admin: SocketAddr) -> Value {
    Client::http1(admin).await.get("/v1/services/order/drained").await.json()
}
