//! The admin API tells what runs.

use http::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{Client, Host, Upload, app, component, shop, until};

#[tokio::test]
async fn it_is_healthy_and_ready_once_it_serves() {
    let folder = shop();
    let host = Host::up(folder.path());
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = host.admin(path).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": status })), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn the_description_has_every_path_with_its_methods() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let description = host.admin("/v1/openapi.json").await.json();
    let paths = description["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 15);
    let mut client = Client::http1(host.admin).await;
    for (path, operations) in paths {
        let methods = operations.as_object().expect("operations").keys();
        let methods: Vec<_> = methods.filter(|key| *key != "parameters").map(|key| key.to_uppercase()).collect();
        let refused = client.ask(Method::PATCH, &path.replace("{name}", "user")).await;
        assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(refused.header("allow").replace("GET, HEAD", "GET"), methods.join(", "), "{path}");
    }
}

#[tokio::test]
async fn services_are_shown_with_what_they_are_made_of_and_do() {
    let folder = shop();
    let host = Host::up(folder.path());
    let order = r#"{"user_id":1,"item":"Book"}"#;
    for _ in 0..3 {
        assert_eq!(host.post("/orders", order).await.status, StatusCode::CREATED);
    }
    assert_eq!(host.get("/users/1").await.status, StatusCode::OK);
    let upload = Upload::begin(host.connect().await, "/orders");
    until("the orders are told of", async || host.service("notices").await["calls"] == 3).await;
    until("an order is under way", async || host.busy("order").await == 1).await;
    let mut services = host.admin("/v1/services").await.json();
    for service in services["services"].as_array_mut().expect("a list") {
        let since = service["since"].take();
        assert!(since.as_str().is_some_and(|since| since.ends_with('Z')), "{since}");
    }
    assert_eq!(
        services,
        json!({ "app": "shop", "services": [
            {
                "name": "notices",
                "revision": 1,
                "since": null,
                "errors": 0,
                "draining": [],
                "canary": null,
                "digest": digest("notices"),
                "routes": ["/notices"],
                "links": {},
                "events": {},
                "instances": { "idle": 1, "busy": 0, "max": 64 },
                "calls": 3,
                "live_calls": 3,
                "traps": 0,
            },
            {
                "name": "order",
                "revision": 1,
                "since": null,
                "errors": 0,
                "draining": [],
                "canary": null,
                "digest": digest("order"),
                "routes": ["/orders", "/orders/{id}"],
                "links": { "shop:users/directory@0.1.0": "user" },
                "events": { "shop:orders/events@0.1.0": ["notices"] },
                "instances": { "idle": 0, "busy": 1, "max": 64 },
                "calls": 4,
                "live_calls": 3,
                "traps": 0,
            },
            {
                "name": "user",
                "revision": 1,
                "since": null,
                "errors": 0,
                "draining": [],
                "canary": null,
                "digest": digest("user"),
                "routes": ["/users", "/users/{id}"],
                "links": {},
                "events": {},
                "instances": { "idle": 1, "busy": 0, "max": 64 },
                "calls": 4,
                "live_calls": 4,
                "traps": 0,
            },
        ], "upstreams": [] })
    );
    assert_eq!(upload.finish().await.status, StatusCode::BAD_REQUEST, "it has no text");
}

fn digest(name: &str) -> String {
    let bytes = std::fs::read(component(name)).expect("the component is built");
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn it_answers_reads_alone_and_on_its_own_address_alone() {
    let folder = app("[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/guest/*\"]\n");
    let host = Host::up(folder.path());
    let mut admin = Client::http1(host.admin).await;
    for path in ["/healthz", "/readyz", "/v1/services"] {
        let refused = admin.ask(Method::POST, path).await;
        assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"), "{path}");
        let head = admin.ask(Method::HEAD, path).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        let length = admin.get(path).await.body.len();
        assert_eq!(head.header("content-length"), length.to_string(), "{path}");
        assert_eq!(host.get(path).await.status, StatusCode::NOT_FOUND, "the gateway has no {path}");
    }
    let unknown = admin.get("/guest/hello").await;
    assert_eq!(
        (unknown.status, unknown.json()),
        (StatusCode::NOT_FOUND, json!({ "error": "Not found; GET /v1/openapi.json describes what there is" }))
    );
}
