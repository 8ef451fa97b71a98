//! A component of WASI 0.3 takes the place of one of 0.2, and the other way round.

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;

use crate::support::{
    Client, Host, Load, app,
    load::{ShopSwaps, Swaps},
    made::bytes,
    pieces, request, shop, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_user_service_is_swapped_to_and_fro_under_load() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let swaps = ShopSwaps::default();
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(Client::http1(host.gateway).await);
    }
    let load = Load::of(clients, &swaps).await;
    let user: &Swaps = &swaps.user;
    let variants = [bytes("user"), bytes("user_async")];
    for live in 1..=20 {
        user.begin();
        let outcome = host.swap("user", &variants[live % 2]).await;
        assert_eq!(outcome["outcome"], "live", "{outcome}");
        user.done();
        let drained = host.drained("user").await;
        let gone: Vec<_> = drained.iter().map(|gone| (&gone["revision"], &gone["stopped"])).collect();
        assert_eq!(gone, [(&json!(live), &json!(0))]);
        load.more().await;
    }
    load.stop().await;
    for service in ["user", "order"] {
        let status = host.service(service).await;
        assert_eq!((&status["errors"], &status["traps"]), (&json!(0), &json!(0)), "{service}");
    }
}

/// The guest of 0.2, with patience.
const GUEST: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/*"]
limits = { body = "512MiB", deadline = "2m", drain = "DRAIN" }
"#;

#[tokio::test]
async fn what_is_in_flight_finishes_where_it_began() {
    let folder = app(&GUEST.replace("DRAIN", "1m"));
    let host = Host::up(folder.path());
    for next in ["guest_async", "guest", "guest_async"] {
        let mut client = host.connect().await;
        let (sender, body) = pieces();
        let upload = request(Method::POST, "/echo", "").map(|_| body);
        let response = client.start(upload).await.expect("a response");
        sender.send(Ok("before the swap, ".into())).await.expect("the host reads");
        assert_eq!(host.swap("guest", &bytes(next)).await["outcome"], "live");
        assert_eq!(host.get("/hello").await.text(), "hello\n");
        sender.send(Ok("after it".into())).await.expect("the host reads");
        drop(sender);
        let whole = response.into_body().collect().await.expect("it is whole").to_bytes();
        assert_eq!(whole, "before the swap, after it");
        assert_eq!(host.drained("guest").await[0]["stopped"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlive_the_drain_deadline_are_stopped() {
    let folder = app(&GUEST.replace("DRAIN", "300ms").replace("{guest}", "{guest_async}"));
    let host = Host::up(folder.path());
    let mut stuck = tokio::task::JoinSet::new();
    for path in ["/hang", "/spin"] {
        let mut client = host.connect().await;
        stuck.spawn(async move { client.get(path).await });
    }
    until("they are stuck", async || host.busy("guest").await == 2).await;
    assert_eq!(host.swap("guest", &bytes("guest")).await["outcome"], "live");
    assert_eq!(host.drained("guest").await[0]["stopped"], 2);
    for answer in stuck.join_all().await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
