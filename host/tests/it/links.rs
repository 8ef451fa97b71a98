//! A call through a link ends well, or its failure is told to the right one.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Client, Host, app, request, until};

const INTERFACE: &str = "shop:users/directory";

/// A relay and the directory that it asks.
const PAIR: &str = r#"
[app]
name = "pair"
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
[service.directory]
component = "{faulty_directory}"
limits = { memory = "8MiB" }
"#;

fn user(id: u64) -> Value {
    json!({ "id": id, "name": format!("User {id}") })
}

#[tokio::test]
async fn values_cross_a_link_both_ways() {
    let folder = app(PAIR);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for id in [1, 2, u64::MAX] {
        assert_eq!(client.get(&format!("/relay/{id}")).await.json(), user(id));
    }
    assert_eq!(client.get("/relay/0").await.json(), Value::Null);
    // An error is a value, too, and costs no instance.
    let answer = client.get("/relay/15").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::BAD_GATEWAY, json!({ "error": "told to fail" })));
    for service in ["relay", "directory"] {
        let status = host.service(service).await;
        assert_eq!((&status["calls"], &status["traps"]), (&json!(5), &json!(0)), "{service}");
        assert_eq!(status["instances"]["idle"], 1, "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_behind_a_link_fails_its_own_caller_only() {
    let folder = app(PAIR);
    let host = Host::up(folder.path());
    let mut asked = JoinSet::new();
    for id in [13, 1, 13, 2, 13, 3, 13, 4] {
        let mut client = host.connect().await;
        asked.spawn(async move { (id, client.get(&format!("/relay/{id}")).await) });
    }
    while let Some(asked) = asked.join_next().await {
        let (id, answer) = asked.expect("no task panics");
        match id {
            13 => assert_eq!(
                (answer.status, answer.json()),
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "The service failed" }))
            ),
            _ => assert_eq!((answer.status, answer.json()), (StatusCode::OK, user(id))),
        }
    }
    assert_eq!(host.service("directory").await["traps"], 4);
    assert_names_the_inner(&host, "\"directory\" trapped");
    assert_eq!(host.get("/relay/5").await.json(), user(5));
}

#[tokio::test]
async fn memory_behind_a_link_is_bounded_by_the_limit_of_the_inner() {
    let folder = app(PAIR);
    let host = Host::up(folder.path());
    assert_eq!(host.get("/relay/16").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_names_the_inner(&host, "\"directory\" wanted");
    assert!(host.wait_for_output("\"directory\" wanted").contains("over its limit of 8388608 (limits.memory)"));
    assert_eq!(host.get("/relay/5").await.json(), user(5));
}

/// The line that tells of a failed request has the outer service, the link's
/// interface and what happened to the inner one.
fn assert_names_the_inner(host: &Host, happened: &str) {
    let line = host.wait_for_output(happened);
    assert!(line.contains("\"relay\" failed") && line.contains(INTERFACE), "{line}");
}

#[tokio::test]
async fn a_call_through_a_link_ends_at_the_earlier_of_two_deadlines() {
    // With an hour for one side, an answer within the patience of a test comes
    // from the deadline of the other.
    for (outer, inner, whose) in [
        ("300ms", "1h", "at its caller's deadline, after"),
        ("1h", "300ms", "at its deadline, after 300ms (limits.deadline)"),
    ] {
        let limits = |deadline| format!("limits = {{ deadline = {deadline:?} }}\n");
        let manifest = PAIR.replace("limits = { memory = \"8MiB\" }\n", &limits(inner));
        let folder = app(&manifest.replace("[service.directory]", &format!("{}[service.directory]", limits(outer))));
        let host = Host::up(folder.path());
        let answer = host.get("/relay/14").await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        assert_eq!(answer.json(), json!({ "error": "The service took too long" }));
        assert_names_the_inner(&host, &format!("\"directory\" was stopped {whose}"));
        assert_eq!(host.get("/relay/5").await.json(), user(5));
    }
}

/// A directory that has one instance, for which no request may wait, but whoever holds an instance
/// does; and relays with and without patience.
const QUEUE: &str = r#"
[app]
name = "queue"
[service.calm]
component = "{relay}"
routes = ["/calm/*"]
limits = { deadline = "1h" }
[service.hasty]
component = "{relay}"
routes = ["/hasty/*"]
limits = { deadline = "300ms" }
[service.directory]
component = "{faulty_directory}"
limits = { deadline = "1h", instances = 1, queue = 0 }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn callers_wait_for_a_busy_service_behind_a_link() {
    let folder = app(QUEUE);
    let host = Host::up(folder.path());
    let mut spinning = spin(&host).await;
    until("the directory spins", async || host.busy("directory").await == 1).await;

    let mut hasty = JoinSet::new();
    for id in 1..=4 {
        let mut client = host.connect().await;
        hasty.spawn(async move { client.get(&format!("/hasty/{id}")).await });
    }
    for answer in hasty.join_all().await {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.json(), json!({ "error": "The service is busy; try again" }));
    }
    let line = host.wait_for_output("\"hasty\" failed");
    assert!(line.contains(INTERFACE) && line.contains("\"directory\": all 1 instances were busy"), "{line}");

    // Those with more patience are served when it is free again.
    let mut calm = JoinSet::new();
    for id in 1..=4 {
        let mut client = host.connect().await;
        calm.spawn(async move { (id, client.get(&format!("/calm/{id}")).await) });
    }
    until("they wait", async || host.busy("calm").await == 5).await;
    spinning.shutdown().await;
    for (id, answer) in calm.join_all().await {
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, user(id)));
    }
}

/// Have the directory's instance spin, until this is shut down.
async fn spin(host: &Host) -> JoinSet<()> {
    let mut client: Client = host.connect().await;
    let mut spinning = JoinSet::new();
    spinning.spawn(async move {
        let answer = client.try_send(request(Method::GET, "/calm/14", "")).await;
        panic!("nothing should end it but the client's end: {answer:?}");
    });
    spinning
}

/// The order service with a directory that fails on request.
const ORDER: &str = r#"
[app]
name = "shop"
[service.notices]
component = "{notices}"
buckets = ["notices"]
[service.order]
component = "{order}"
routes = ["/orders", "/orders/{id}"]
buckets = ["orders"]
[service.directory]
component = "{faulty_directory}"
limits = { deadline = "300ms" }
"#;

#[tokio::test]
async fn orders_are_refused_while_their_directory_fails() {
    let folder = app(ORDER);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let mut taken = 0;
    for (user, status, error) in [
        (7, StatusCode::CREATED, ""),
        (15, StatusCode::SERVICE_UNAVAILABLE, "The user directory is unavailable"),
        (0, StatusCode::BAD_REQUEST, "User does not exist"),
        (13, StatusCode::INTERNAL_SERVER_ERROR, "The service failed"),
        (14, StatusCode::GATEWAY_TIMEOUT, "The service took too long"),
        (8, StatusCode::CREATED, ""),
    ] {
        let order = json!({ "user_id": user, "item": "Book" });
        let answer = client.post("/orders", &order.to_string()).await;
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "user {user}");
        if status == StatusCode::CREATED {
            taken += 1;
            assert_eq!(answer.json(), json!({ "id": taken, "user_id": user, "item": "Book" }));
        } else {
            assert_eq!(answer.json(), json!({ "error": error }), "user {user}");
        }
    }
    // What was refused left nothing behind.
    assert_eq!(client.get("/orders/3").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.get("/orders?user_id=15").await.json(), json!({ "orders": [], "next": null }));
    assert!(host.wait_for_output("told to fail").contains("order"), "the cause is in the log");
}
