//! What becomes of events is shown to people, who can have something done about it.

use std::{fs, process::Output};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Host, SHOP, app, dovetail,
    made::{bytes, subscriber},
    until, write_manifest,
};

/// The shop, with MORE keys of its event. Its notices are told of orders by a component of
/// the test's own, and shown by the real one.
const TOLD: &str = r#"
[app]
name = "shop"
[event."shop:orders/events@0.1.0"]
subscribers = ["notices"]
key = "order.user-id"
MORE
[service.notices]
component = "notices.wasm"
buckets = ["notices"]
atomic = true
[service.shown]
component = "{notices}"
routes = ["/notices"]
buckets = ["notices"]
[service.user]
component = "{user}"
routes = ["/users/{id}"]
buckets = ["users"]
[service.order]
component = "{order}"
routes = ["/orders"]
buckets = ["orders"]
atomic = true
"#;

/// Another service for the shop's manifest that is told of orders.
const STOCK: &str = "[service.stock]\ncomponent = \"stock.wasm\"\n";

#[tokio::test]
async fn what_is_paused_waits_over_a_restart_and_is_delivered_then() {
    let folder = app(&(SHOP.replace("[\"notices\"]\nkey", "[\"notices\", \"stock\"]\nkey") + STOCK));
    fs::write(folder.path().join("stock.wasm"), subscriber("")).expect("there is room");
    let host = Host::up(folder.path());
    steer(&host, &["pause", "notices"]);
    for (user, item) in [(1, "Book"), (1, "Pen"), (2, "Cup")] {
        order(&host, user, item).await;
    }
    until("the other one has all", async || queue(&host, "stock").await["waiting"] == 0).await;
    let paused = queue(&host, "notices").await;
    assert_eq!((&paused["waiting"], &paused["paused"], &paused["running"]), (&json!(3), &json!(true), &json!(0)));
    assert!(paused["oldest"].is_string(), "{paused}");
    host.kill();

    let host = Host::up(folder.path());
    order(&host, 2, "Jug").await;
    until("the other one has that, too", async || queue(&host, "stock").await["waiting"] == 0).await;
    let paused = queue(&host, "notices").await;
    assert_eq!((&paused["waiting"], &paused["paused"]), (&json!(4), &json!(true)));
    assert_eq!(host.service("notices").await["calls"], 0);
    let told = printed(&run(&host, &["events"]));
    assert!(told.contains("notices") && told.contains("paused") && told.contains("go on"), "{told}");

    let resumed = host.manage(Method::POST, "/v1/events/notices/resume", "").await;
    assert_eq!((resumed.status, resumed.json()), (StatusCode::OK, json!({ "subscriber": "notices", "paused": false })));
    until("all are delivered", async || queue(&host, "notices").await["waiting"] == 0).await;
    assert_eq!(notices(&host, 1).await, ["Your order of Book was taken", "Your order of Pen was taken"]);
    assert_eq!(notices(&host, 2).await, ["Your order of Cup was taken", "Your order of Jug was taken"]);
}

#[tokio::test]
async fn a_parked_event_holds_its_key_until_it_is_retried_or_dropped() {
    let folder = told("unreachable", "attempts = 1");
    let host = Host::up(folder.path());
    for (user, item) in [(1, "Book"), (1, "Pen"), (2, "Cup")] {
        order(&host, user, item).await;
    }
    until("one of each key is parked", async || queue(&host, "notices").await["parked"] == 2).await;
    let standing = queue(&host, "notices").await;
    assert_eq!(
        [&standing["waiting"], &standing["behind"], &standing["retrying"], &standing["reasons"]],
        [&json!(1), &json!(1), &json!(0), &json!({ "trap": 2 })]
    );
    let [book, cup, pen] = listed(&host, "").await.try_into().expect("three events");
    assert_eq!([&book["state"], &cup["state"], &pen["state"]], ["blocked", "blocked", "waiting"]);
    assert_eq!([&book["key"], &cup["key"], &pen["key"]], ["1", "2", "1"]);
    assert_eq!((&book["attempts"], &book["why"], &pen["behind"]), (&json!(1), &json!("trap"), &book["id"]));
    assert_eq!(listed(&host, "?only=parked&event=shop%3Aorders/events@0.1.0").await, [book.clone(), cup.clone()]);
    assert!(listed(&host, "?event=a:b/c").await.is_empty());

    let [book, cup, pen] = [book, cup, pen].map(|message| message["id"].as_str().expect("an id").to_owned());
    let table = printed(&run(&host, &["events", "notices"]));
    for expected in [&format!("waiting behind {book}"), "blocked", "trap: its call failed: ", "#placed"] {
        assert!(table.contains(expected), "{table}");
    }
    let shown = host.admin(&format!("/v1/events/notices/{book}")).await.json();
    assert_eq!((&shown["message"]["data"]["order"]["item"], &shown["message"]["id"]), (&json!("Book"), &json!(book)));
    assert_eq!((&shown["record"]["attempts"], &shown["record"]["why"]), (&json!({ "1": 1 }), &json!("trap")));
    let shown = printed(&run(&host, &["events", "show", &book]));
    assert!(shown.contains("1 on revision 1") && shown.contains("\"item\": \"Book\""), "{shown}");

    // What is not mended fails again, and the others go on waiting.
    let refused = run(&host, &["events", "retry", &pen]);
    let expected = format!("error: event {pen} waits behind {book}, which is parked and of the same key: ");
    assert!(refused.status.code() == Some(1) && said(&refused).starts_with(&expected), "{}", said(&refused));
    steer(&host, &["retry", &book]);
    until("it is tried again", async || host.service("notices").await["calls"] == 3).await;
    until("it is parked again", async || queue(&host, "notices").await["parked"] == 2).await;

    host.swap("notices", &bytes("notices")).await;
    let output = steer(&host, &["retry", &book]);
    assert_eq!(said(&output), format!("   Retried {book} for notices, which was blocked\n"));
    until("those of its key are delivered", async || queue(&host, "notices").await["waiting"] == 0).await;
    assert_eq!(notices(&host, 1).await, ["Your order of Book was taken", "Your order of Pen was taken"]);
    assert_eq!(queue(&host, "notices").await["parked"], 1);

    order(&host, 2, "Jug").await;
    assert_eq!(queue(&host, "notices").await["behind"], 1);
    steer(&host, &["drop", &cup]);
    until("those of its key go on", async || queue(&host, "notices").await["waiting"] == 0).await;
    assert_eq!(notices(&host, 2).await, ["Your order of Jug was taken"]);
    let gone = run(&host, &["events", "show", &cup]);
    assert!(said(&gone).contains("waits for anybody: it was delivered or dropped"), "{}", said(&gone));
}

#[tokio::test]
async fn one_that_waits_for_its_next_attempt_is_tried_at_once() {
    let folder = told("unreachable", "backoff = \"1000h..1000h\"");
    let host = Host::up(folder.path());
    order(&host, 1, "Book").await;
    order(&host, 2, "Cup").await;
    until("both have failed", async || queue(&host, "notices").await["retrying"] == 2).await;
    let messages = listed(&host, "").await;
    let states: Vec<_> = messages.iter().map(|message| (&message["state"], &message["attempts"])).collect();
    assert_eq!(states, [(&json!("retrying"), &json!(1)); 2]);
    assert!(messages[0]["due"].is_string() && queue(&host, "notices").await["due"].is_string(), "{messages:?}");

    host.swap("notices", &bytes("notices")).await;
    let [book, cup] = [0, 1].map(|place: usize| messages[place]["id"].as_str().expect("an id").to_owned());
    steer(&host, &["retry", &book]);
    until("it is delivered", async || queue(&host, "notices").await["waiting"] == 1).await;
    assert_eq!(notices(&host, 1).await, ["Your order of Book was taken"]);
    steer(&host, &["drop", &cup]);
    let standing = queue(&host, "notices").await;
    assert_eq!((&standing["waiting"], &standing["retrying"]), (&json!(0), &json!(0)));
    assert!(notices(&host, 2).await.is_empty());
}

#[tokio::test]
async fn those_that_are_set_aside_are_exported_and_all_retried() {
    let folder = told("unreachable", "attempts = 1\nparked = \"pass\"");
    let host = Host::up(folder.path());
    order(&host, 1, "Book").await;
    order(&host, 1, "Pen").await;
    until("both are parked", async || queue(&host, "notices").await["parked"] == 2).await;
    assert_eq!(queue(&host, "notices").await["waiting"], 0);
    steer(&host, &["pause", "notices"]);
    order(&host, 1, "Cup").await;
    let exported = dovetail().args(["events", "export", "notices"]).current_dir(&folder).output();
    let exported = printed(&exported.expect("dovetail starts"));
    let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> = lines.iter().map(|line| (&line["state"], &line["message"]["data"]["order"]["item"])).collect();
    let parked = json!("parked");
    assert_eq!(told, [(&json!("waiting"), &json!("Cup")), (&parked, &json!("Book")), (&parked, &json!("Pen"))]);
    assert_eq!((&lines[0]["record"], &lines[1]["record"]["why"]), (&Value::Null, &json!("trap")));

    host.swap("notices", &bytes("notices")).await;
    let output = steer(&host, &["retry", "--all-parked"]);
    assert_eq!(said(&output), "   Retried 2 parked events for notices\n");
    let states: Vec<_> = listed(&host, "").await.iter().map(|message| message["state"].clone()).collect();
    assert_eq!(states, ["waiting"; 3]);
    steer(&host, &["resume", "notices"]);
    until("all are delivered", async || queue(&host, "notices").await["waiting"] == 0).await;
    let of = |item| format!("Your order of {item} was taken");
    assert_eq!(notices(&host, 1).await, ["Cup", "Book", "Pen"].map(of), "they come out of turn");
    assert_eq!(queue(&host, "notices").await["parked"], 0);
}

#[tokio::test]
async fn many_behind_a_parked_one_are_listed_page_by_page_and_delivered_in_order() {
    let folder = told("unreachable", "attempts = 1");
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    for _ in 0..1001 {
        assert_eq!(client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await.status, StatusCode::CREATED);
    }
    until("the first is parked", async || queue(&host, "notices").await["behind"] == 1000).await;
    let first = host.admin("/v1/events/notices").await.json();
    let next = first["next"].as_str().expect("there are more").to_owned();
    let second = host.admin(&format!("/v1/events/notices?after={next}")).await.json();
    let ids =
        |page: &Value| page["messages"].as_array().expect("a list").iter().map(|it| it["id"].to_string()).collect();
    let (first, rest): (Vec<_>, Vec<_>) = (ids(&first), ids(&second));
    assert_eq!((first.len(), rest.len(), &second["next"]), (1000, 1, &Value::Null));
    assert!(first.is_sorted() && first.last() < rest.first(), "they come in the order of the queue");
    let output = steer(&host, &["notices"]);
    assert_eq!(said(&output), format!("      More are shown with `dovetail events notices --after {next}`\n"));
    assert_eq!(printed(&steer(&host, &["notices", "--after", &next])).lines().count(), 2);

    host.swap("notices", &bytes("notices")).await;
    steer(&host, &["retry", "--all-parked"]);
    until("all are delivered", async || queue(&host, "notices").await["waiting"] == 0).await;
    let (mut orders, mut page) = (Vec::new(), json!({ "next": 0 }));
    while let Some(after) = page["next"].as_u64() {
        page = host.get(&format!("/notices?user_id=1&after={after}")).await.json();
        let notices = page["notices"].as_array().expect("a list").iter();
        orders.extend(notices.map(|notice| notice["order_id"].as_u64().expect("an id")));
    }
    assert_eq!(orders, (1..=1001).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_is_done_with_an_event_while_it_is_delivered() {
    let folder = told("(loop $again (br $again))", "");
    let patient = TOLD.replace("MORE", "").replace("[service.shown]", "limits.deadline = \"1m\"\n[service.shown]");
    write_manifest(folder.path(), &patient);
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    order(&host, 1, "Book").await;
    until("it is on delivery", async || queue(&host, "notices").await["running"] == 1).await;
    let id = listed(&host, "").await[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/events/notices/{id}");
    let retried = host.manage(Method::POST, &format!("{path}/retry"), "").await;
    let dropped = host.manage(Method::DELETE, &path, "").await;
    for refused in [retried, dropped] {
        let expected = json!({ "error": format!("event {id} is being delivered; try again") });
        assert_eq!((refused.status, refused.json()), (StatusCode::CONFLICT, expected));
    }
    order(&host, 1, "Pen").await;
    let cleared = host.manage(Method::DELETE, "/v1/events/notices", "").await;
    let expected = json!({ "subscriber": "notices", "dropped": 1, "on_delivery": 1 });
    assert_eq!((cleared.status, cleared.json()), (StatusCode::OK, expected));
}

#[tokio::test]
async fn all_for_a_subscriber_are_dropped_at_once() {
    let folder = told("unreachable", "attempts = 1\nparked = \"pass\"");
    let host = Host::up(folder.path());
    order(&host, 1, "Book").await;
    until("it is parked", async || queue(&host, "notices").await["parked"] == 1).await;
    steer(&host, &["pause", "notices"]);
    order(&host, 1, "Pen").await;
    order(&host, 2, "Cup").await;
    let output = steer(&host, &["drop", "--all", "notices"]);
    assert_eq!(said(&output), "   Dropped 3 events for notices\n");
    let standing = queue(&host, "notices").await;
    assert_eq!((&standing["waiting"], &standing["parked"]), (&json!(0), &json!(0)));
    host.swap("notices", &bytes("notices")).await;
    steer(&host, &["resume", "notices"]);
    order(&host, 1, "Jug").await;
    until("it is delivered", async || queue(&host, "notices").await["waiting"] == 0).await;
    assert_eq!(notices(&host, 1).await, ["Your order of Jug was taken"]);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let folder = told("unreachable", "");
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let id = "0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f";
    for (method, path, status, expected) in [
        (Method::GET, "nobody".to_owned(), 404, "there is no subscriber `nobody`; there is `notices`"),
        (Method::POST, "order/pause".to_owned(), 404, "there is no subscriber `order`; there is `notices`"),
        (Method::GET, format!("notices/{id}"), 404, "was delivered or dropped, or never was"),
        (Method::POST, format!("notices/{id}/retry"), 404, "was delivered or dropped, or never was"),
        (Method::DELETE, "notices/7".to_owned(), 400, "an id is a UUID"),
        (Method::DELETE, "notices?only=parked".to_owned(), 400, "there is no parameter \"only\"; this takes none"),
        (Method::GET, "notices?only=parked&only=parked".to_owned(), 400, "only is there more than once"),
        (Method::GET, "notices?only=all".to_owned(), 400, "only must be parked"),
        (Method::GET, "notices?after=x".to_owned(), 400, "after must be what was told as next"),
        (Method::GET, "notices?event=%zz".to_owned(), 400, "event must be an interface of the manifest"),
    ] {
        let answer = host.manage(method, &format!("/v1/events/{path}"), "").await;
        let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == status && error.contains(expected), "{path}: {} {error}", answer.status);
    }
    let refused = run(&host, &["events", "nobody"]);
    assert!(said(&refused).contains("there is no subscriber `nobody`; there is `notices` (at "), "{}", said(&refused));
    let refused =
        dovetail().args(["events", "export", "nobody"]).current_dir(&folder).output().expect("dovetail starts");
    assert_eq!(said(&refused), "error: there is no subscriber `nobody`; there is `notices`\n");
    assert_eq!(printed(&run(&host, &["events", "notices"])), "no event waits for notices\n");
    assert_eq!(run(&host, &["events", "retry"]).status.code(), Some(2));
    for (arguments, expected) in [
        (&["shop:orders/events@0.1.0"][..], "is no subscriber, but an interface; name a subscriber"),
        (&["retry", "notices"], "`retry --all-parked --of SUBSCRIBER`"),
        (&["drop", "notices"], "`drop --all SUBSCRIBER`"),
    ] {
        let refused = run(&host, &[&["events"], arguments].concat());
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(said(&refused).contains(expected), "{arguments:?}: {}", said(&refused));
    }
}

fn told(code: &str, more: &str) -> TempDir {
    let folder = app(&TOLD.replace("MORE", more));
    fs::write(folder.path().join("notices.wasm"), subscriber(code)).expect("there is room");
    folder
}

async fn order(host: &Host, user: u64, item: &str) {
    let order = json!({ "user_id": user, "item": item }).to_string();
    assert_eq!(host.post("/orders", &order).await.status, StatusCode::CREATED);
}

/// How the queue of a subscriber stands.
async fn queue(host: &Host, subscriber: &str) -> Value {
    let told = host.admin("/v1/events").await.json();
    let queues = told["queues"].as_array().expect("a list");
    queues.iter().find(|queue| queue["subscriber"] == subscriber).expect("such a queue").clone()
}

async fn listed(host: &Host, query: &str) -> Vec<Value> {
    let told = host.admin(&format!("/v1/events/notices{query}")).await.json();
    assert_eq!(told["next"], Value::Null);
    told["messages"].as_array().expect("a list").clone()
}

async fn notices(host: &Host, user: u64) -> Vec<String> {
    let told = host.get(&format!("/notices?user_id={user}")).await.json();
    let notices = told["notices"].as_array().expect("a list").iter();
    notices.map(|notice| notice["text"].as_str().expect("a text").to_owned()).collect()
}

fn run(host: &Host, arguments: &[&str]) -> Output {
    let mut command = dovetail();
    command.args(arguments).args(["--admin", &host.admin.to_string()]).current_dir("/");
    command.output().expect("dovetail starts")
}

/// Run a verb of `events` that must go well.
fn steer(host: &Host, arguments: &[&str]) -> Output {
    let output = run(host, &[&["events"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
