//! A service that is called because of an event can ask which one that is.

use http::StatusCode;
use serde_json::json;

use crate::support::{Host, app, until};

/// Orders are told of to two, of whom one asks the other then.
const APP: &str = r#"
[app]
name = "app"
[event."shop:orders/events@0.1.0"]
subscribers = ["told", "told-async"]
key = "order.user-id"
backoff = "1ms..1ms"
[service.told]
component = "{told}"
buckets = ["fixtures"]
[service.told-async]
component = "{told_async}"
buckets = ["fixtures"]
[service.order]
component = "{order}"
routes = ["/orders", "/orders/{id}"]
buckets = ["orders"]
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
buckets = ["fixtures"]
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
[store]
url = "memory:"
"#;

#[tokio::test]
async fn a_subscriber_reads_what_its_call_is() {
    let folder = app(APP);
    let host = Host::up(folder.path());
    order(&host, "Book").await;
    let [first, asked, other] =
        [host.read("told/1").await, host.read("asked/1").await, host.read("told-async/1").await];
    let [id, kind, source, key, time, attempt] = fields(&first);
    assert_eq!(id.len(), "\"0194f8c6-7d2a-7b3c-9e4f-5a6b7c8d9e0f\"".len(), "{id}");
    assert_eq!(kind, "\"shop:orders/events@0.1.0#placed\"");
    assert_eq!((source, key, attempt), ("\"/app/order\"", "Some(\"7\")", "1"));
    assert!(time.parse::<u64>().expect("milliseconds") > 1_700_000_000_000, "{time}");
    // It is the same event for each, and for whoever is called in its delivery.
    assert_eq!((&asked, &other), (&first, &first));

    order(&host, "Trap").await;
    let third = host.read("told/2").await;
    let [later, .., attempt] = fields(&third);
    assert_eq!(attempt, "3");
    assert_ne!(later, id);
}

#[tokio::test]
async fn a_call_that_is_no_delivery_is_told_so() {
    // Of several calls at once in an instance nothing tells who asks.
    let together = APP.replace("subscribers = [\"told\", \"told-async\"]", "subscribers = [\"told\"]");
    let together = together.replace("{told_async}\"", "{told_async}\"\nlimits.concurrency = 2");
    for (manifest, is_delivery) in [(APP, true), (&together, false)] {
        let folder = app(manifest);
        let host = Host::up(folder.path());
        order(&host, "Book").await;
        assert_eq!(host.read("asked/1").await.starts_with("Some(Event"), is_delivery);
        // The instance that was called in a delivery knows nothing of it any more.
        assert_eq!(host.get("/relay/9").await.json(), json!({ "id": 9, "name": "None" }));
    }
}

async fn order(host: &Host, item: &str) {
    let body = json!({ "user_id": 7, "item": item }).to_string();
    let answer = host.connect().await.post("/orders", &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

/// What the fixture shows of an event, field by field.
fn fields(event: &str) -> [&str; 6] {
    let fields = event.strip_prefix("Some(Event { ").and_then(|event| event.strip_suffix(" })")).expect("an event");
    let values: Vec<_> = fields.split(", ").filter_map(|field| Some(field.split_once(": ")?.1)).collect();
    values.try_into().expect("six fields")
}

impl Host {
    /// What a fixture has kept under this key, once it has.
    async fn read(&self, key: &str) -> String {
        let path = format!("/guest/get?key={key}");
        until("it is kept", async || self.get(&path).await.status == StatusCode::OK).await;
        self.get(&path).await.text().to_owned()
    }
}
