//! The clock is set by an hour while an `Idempotency-Key` is in hand, and after: what is
//! asked for under it is made once, and nobody waits an hour for it.

use http::StatusCode;
use serde_json::Value;

use crate::{
    idempotency::{keyed, keys},
    support::{
        Answer, Client, app,
        clock::{Clock, HOUR},
        post, until,
    },
};

/// Orders of users whom a directory knows that answers one at a time, and spins for a
/// while over user 14 and dies over user 13.
const SHOP: &str = r#"
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
limits = { instances = 1, deadline = "4s" }
"#;

const ORDER: &str = r#"{"user_id":7,"item":"Book"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_hand_makes_one_order_though_the_clock_is_set() {
    for ahead in [HOUR, -HOUR] {
        let (folder, clock) = (app(SHOP), Clock::new());
        let host = clock.up(folder.path());
        let spinner = tokio::spawn(send(host.connect().await, post("/orders", r#"{"user_id":14,"item":"Book"}"#)));
        until("it spins", async || host.busy("directory").await == 1).await;
        let first = tokio::spawn(send(host.connect().await, keyed("/orders", ORDER, "k")));
        until("the key is in hand", async || keys(folder.path(), "orders").iter().any(|key| key.contains("making/")))
            .await;
        clock.set(ahead);
        let second = tokio::spawn(send(host.connect().await, keyed("/orders", ORDER, "k")));
        let (first, second) = (first.await.expect("an answer"), second.await.expect("an answer"));
        spinner.await.expect("an answer");

        let mut client = host.connect().await;
        let again = made(&mut client, "k").await;
        for answer in [first, second] {
            match answer.status {
                StatusCode::CREATED => assert_eq!(answer.json(), again, "{ahead}"),
                StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => {}
                _ => panic!("{ahead}: {answer:?}"),
            }
        }
        clock.set(0);
        assert_eq!(made(&mut client, "k").await, again, "{ahead}");
        assert_eq!(orders(&mut client).await, [again], "{ahead}");
    }
}

#[tokio::test]
async fn a_guest_that_died_keeps_no_key_for_an_hour() {
    let (folder, clock) = (app(SHOP), Clock::new());
    let host = clock.up(folder.path());
    let mut client = host.connect().await;
    for (key, ahead) in [("back", -HOUR), ("forward", HOUR)] {
        clock.set(0);
        let dying = r#"{"user_id":13,"item":"Book"}"#;
        assert_eq!(client.send(keyed("/orders", dying, key)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(client.send(keyed("/orders", ORDER, key)).await.status, StatusCode::CONFLICT);
        clock.set(ahead);
        let order = made(&mut client, key).await;
        // The mark is in the present again.
        clock.set(0);
        let answer = client.send(keyed("/orders", ORDER, key)).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, order), "{key}");
    }
    assert_eq!(orders(&mut client).await.len(), 2);
}

#[tokio::test]
async fn an_answer_is_given_again_wherever_the_clock_is_set() {
    let (folder, clock) = (app(SHOP), Clock::new());
    let host = clock.up(folder.path());
    let mut client = host.connect().await;
    // A day is kept, less what the clock was set.
    for (key, made_at, asked_at) in [("a", 0, HOUR), ("b", 0, -HOUR), ("c", HOUR, -HOUR), ("d", -HOUR, 22 * HOUR)] {
        clock.set(made_at);
        let first = made(&mut client, key).await;
        for ahead in [asked_at, 0, asked_at] {
            clock.set(ahead);
            let answer = client.send(keyed("/orders", ORDER, key)).await;
            assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, first.clone()), "{key} at {ahead}");
        }
    }
}

async fn send(mut client: Client, request: http::Request<crate::support::Body>) -> Answer {
    client.send(request).await
}

/// The order that there is for a key, once it is not in hand.
async fn made(client: &mut Client, key: &str) -> Value {
    let mut order = Value::Null;
    until("the order is made", async || {
        let answer = client.send(keyed("/orders", ORDER, key)).await;
        match answer.status {
            StatusCode::CREATED => order = answer.json(),
            StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => {}
            _ => panic!("{answer:?}"),
        }
        answer.status == StatusCode::CREATED
    })
    .await;
    order
}

async fn orders(client: &mut Client) -> Vec<Value> {
    let mut page = client.get("/orders?user_id=7&limit=100").await.json();
    page["orders"].as_array_mut().map(std::mem::take).expect("a list")
}
