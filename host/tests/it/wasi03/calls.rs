//! A call of WASI 0.3 has the bounds of every call, and harms no other.

use http::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use super::{guest, http::failed};
use crate::support::{Host, app, request, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_misbehaves_harms_only_its_own_client() {
    let (_folder, host) = guest("", r#"deadline = "700ms", memory = "8MiB", instances = 16"#);
    let host = std::sync::Arc::new(host);
    let mut asked = JoinSet::new();
    for path in ["/spin", "/hang", "/trap", "/greedy", "/hoard", "/hello", "/hello", "/hello"].repeat(2) {
        let host = host.clone();
        asked.spawn(async move { (path, host.get(path).await) });
    }
    while let Some(asked) = asked.join_next().await {
        let (path, answer) = asked.expect("no task panics");
        let expected = match path {
            "/hello" => StatusCode::OK,
            "/spin" | "/hang" => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
    }
    let status = host.service("guest").await;
    assert_eq!((&status["calls"], &status["traps"]), (&json!(16), &json!(10)));
    host.wait_for_output("service \"guest\" trapped");
    host.wait_for_output("service \"guest\" was stopped at its deadline, after 700ms (limits.deadline)");
    assert!(host.wait_for_output("service \"guest\" wanted").contains("over its limit of 8388608 (limits.memory)"));
    until("all are gone", async || host.busy("guest").await == 0).await;
}

#[tokio::test]
async fn one_that_spins_leaves_room_when_it_is_stopped() {
    let (_folder, host) = guest("", r#"deadline = "300ms", instances = 1"#);
    for _ in 0..3 {
        let answer = host.get("/spin").await;
        assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT, "{answer:?}");
        until("another is served", async || host.get("/hello").await.status == StatusCode::OK).await;
    }
}

#[tokio::test]
async fn an_answer_before_a_trap_is_whole_or_no_answer() {
    let (_folder, host) = guest("", "");
    for _ in 0..20 {
        let mut client = host.connect().await;
        if let Ok(answer) = client.try_send(request(Method::GET, "/twice", "")).await {
            let whole = answer.status == StatusCode::OK && answer.text() == "answered\n";
            assert!(whole || (answer.status, answer.json()) == failed(), "{answer:?}");
        }
    }
    assert_eq!(host.service("guest").await["traps"], 20);
}

#[tokio::test]
async fn what_goes_on_after_an_answer_ends_at_the_deadline() {
    let (_folder, host) = guest("", r#"deadline = "500ms""#);
    let answer = host.get("/linger").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "answered\n"));
    assert_eq!(host.busy("guest").await, 1);
    until("it is stopped", async || host.busy("guest").await == 0).await;
    host.wait_for_output("a call failed after its response was begun");
}

#[tokio::test]
async fn an_app_of_both_kinds_starts_again_from_kept_code() {
    let folder = app("[app]\nname = \"both\"\n[store]\nurl = \"memory:\"\n[service.old]\ncomponent = \
                      \"{guest}\"\nroutes = [\"/old/*\"]\n[service.new]\ncomponent = \"{guest_async}\"\nroutes = \
                      [\"/new/*\"]\n");
    for _ in 0..2 {
        let host = Host::up(folder.path());
        for path in ["/old/hello", "/new/hello"] {
            assert_eq!(host.get(path).await.text(), "hello\n");
        }
        host.signal("TERM");
        assert!(host.wait().success());
    }
}
