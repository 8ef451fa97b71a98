//! Links between services of WASI 0.2 and 0.3, by functions that are async and such
//! that are not.

use http::{Method, StatusCode};
use serde_json::json;

use super::http::failed;
use crate::support::{Host, app, request, until};

/// One of 0.3 that asks one of 0.2 and, by an async function, one of 0.3. Another of
/// 0.2 that asks one of 0.3.
const LINKED: &str = r#"
[app]
name = "linked"
[store]
url = "memory:"
[service.asker]
component = "{asker}"
routes = ["/asker/*"]
links = { "shop:users/directory" = "directory" }
limits = { deadline = "ASKER" }
[service.later]
component = "{later}"
limits = { deadline = "LATER" }
[service.directory]
component = "{faulty_directory}"
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
links = { "shop:users/directory" = "user" }
[service.user]
component = "{user_async}"
buckets = ["users"]
"#;

fn linked(asker: &str, later: &str) -> (tempfile::TempDir, Host) {
    let folder = app(&LINKED.replace("ASKER", asker).replace("LATER", later));
    let host = Host::up(folder.path());
    (folder, host)
}

#[tokio::test]
async fn values_cross_in_every_direction() {
    let (_folder, host) = linked("1m", "1m");
    let mut client = host.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/relay/1").await.json(), json!({ "id": 1, "name": "Alice" }), "0.2 to 0.3");
        assert_eq!(client.get("/relay/9").await.json(), json!(null), "0.2 to 0.3");
        assert_eq!(client.get("/asker/directory/5").await.text(), "Ok(Some(\"User 5\"))", "0.3 to 0.2");
        assert_eq!(client.get("/asker/later/1").await.text(), "Ok(\"after 1 ms\")", "0.3 to 0.3, async");
        assert_eq!(client.get("/asker/later/15").await.text(), "Err(\"told to fail\")", "0.3 to 0.3, async");
    }
    for service in ["asker", "later", "directory", "relay", "user"] {
        let status = host.service(service).await;
        assert_eq!((&status["traps"], &status["instances"]["idle"]), (&json!(0), &json!(1)), "{service}");
    }
}

#[tokio::test]
async fn two_async_calls_of_one_guest_go_on_side_by_side() {
    let (_folder, host) = linked("1m", "1m");
    let mut client = host.connect().await;
    let asked = tokio::spawn(async move { client.get("/asker/both/14").await });
    until("both are served", async || host.busy("later").await == 2).await;
    assert_eq!(host.busy("asker").await, 1);
    asked.abort();
    assert_eq!(host.get("/asker/both/2").await.text(), "Ok(\"after 2 ms\") Ok(\"after 2 ms\")");
}

#[tokio::test]
async fn a_failure_behind_a_link_names_it() {
    let (_folder, host) = linked("1m", "1m");
    for (path, inner, interface) in [
        ("/asker/later/13", "later", "shop:later/later@0.1#answer"),
        ("/asker/directory/13", "directory", "shop:users/directory@0.1#get-user"),
    ] {
        let answer = host.get(path).await;
        assert_eq!((answer.status, answer.json()), failed(), "{path}");
        let line = host.wait_for_output(&format!("{inner:?} trapped"));
        assert!(line.contains("\"asker\" failed in its call of") && line.contains(interface), "{line}");
        assert_eq!(host.service(inner).await["traps"], 1);
    }
    assert_eq!(host.get("/asker/later/1").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_call_through_a_link_ends_at_the_earlier_of_two_deadlines() {
    for (asker, later, whose) in [
        ("500ms", "1h", "\"later\" was stopped at its caller's deadline"),
        ("1h", "500ms", "\"later\" was stopped at its deadline, after 500ms (limits.deadline)"),
    ] {
        let (_folder, host) = linked(asker, later);
        let answer = host.get("/asker/later/14").await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        if asker == "1h" {
            host.wait_for_output(whose);
        }
        until("nobody waits", async || host.busy("later").await == 0).await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_calls_behind_its_own() {
    let (_folder, host) = linked("1h", "1h");
    for (path, behind) in [("/asker/later/14", "later"), ("/asker/directory/14", "directory")] {
        let mut client = host.connect().await;
        let asked = tokio::spawn(async move { client.try_send(request(Method::GET, path, "")).await });
        until("it is asked", async || host.busy(behind).await == 1).await;
        asked.abort();
        until("nobody is busy", async || host.busy("asker").await + host.busy(behind).await == 0).await;
    }
}
