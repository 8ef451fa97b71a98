//! A component is tried on a share of the calls before it answers all.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{
    Client, Host, Upload, app,
    made::{bytes, directory, handler, relay_and_directory, variant},
    until,
};

const GUEST: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/*"]
"#;

/// The type of the guest's short answers, and that of its other variant's.
const PLAIN: [&str; 2] = ["text/plain", "text/PLAIN"];

/// Requests by which a share is measured, and the connections they come over.
const REQUESTS: usize = 1000;
const CONNECTIONS: usize = 8;

/// By how much a share may be missed, of that many requests: 2 in a hundred.
const OFF: usize = REQUESTS / 50;

fn other_guest() -> Vec<u8> {
    variant("guest", PLAIN[0], PLAIN[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_has_the_share_that_was_asked_for() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let mut live = 0;
    for share in [10, 33, 99] {
        let outcome = host.canary("guest", &other_guest(), &format!("canary={share}")).await;
        assert_eq!((&outcome["outcome"], &outcome["to"]["revision"]), (&json!("canary"), &json!(2)));
        let mut asking = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let mut client = host.connect().await;
            asking.spawn(async move {
                let mut canary = 0;
                for _ in 0..REQUESTS / CONNECTIONS {
                    canary += usize::from(variant_of(&mut client).await == 1);
                }
                canary
            });
        }
        let canary: usize = asking.join_all().await.into_iter().sum();
        assert!(canary.abs_diff(REQUESTS * share / 100) <= OFF, "{canary} of {REQUESTS} calls for a share of {share}%");

        let status = host.service("guest").await;
        assert_eq!(status["revision"], 1, "the old one is live");
        live += REQUESTS - canary;
        assert_eq!((&status["live_calls"], &status["errors"]), (&json!(live), &json!(0)), "of the live one");
        let on_trial = &status["canary"];
        assert_eq!((&on_trial["revision"], &on_trial["share"]), (&json!(2), &json!(share)));
        assert_eq!((&on_trial["calls"], &on_trial["errors"]), (&json!(canary), &json!(0)));
        assert_eq!(on_trial["digest"], outcome["to"]["digest"]);
        assert_eq!(host.decide("guest", "rollback").await.json()["outcome"], "withdrawn");
    }
}

#[tokio::test]
async fn a_canary_behind_a_link_has_its_share_of_the_calls() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.canary("directory", &directory("Berta"), "canary=25").await;
    let (mut client, mut canary) = (host.connect().await, 0);
    for _ in 0..REQUESTS {
        let answer = client.get("/relay/5").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        canary += usize::from(answer.json()["name"] == "Berta");
    }
    assert!(canary.abs_diff(REQUESTS / 4) <= OFF, "{canary} of {REQUESTS} calls");
}

#[tokio::test]
async fn a_canary_that_errs_is_withdrawn_by_itself() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    for (code, figures) in
        [("unreachable", "1 error in 1 call (1 trap); the live"), ("", "1 error in 1 call; the live")]
    {
        let mut client = host.connect().await;
        host.canary("guest", &handler(code, ""), "canary=20").await;
        let mut errors = 0;
        until("the canary is withdrawn", async || {
            let answer = client.get("/hello").await;
            match answer.status {
                StatusCode::OK => assert_eq!(answer.header("content-type"), PLAIN[0]),
                StatusCode::INTERNAL_SERVER_ERROR => errors += 1,
                _ => panic!("{answer:?}"),
            }
            host.service("guest").await["canary"].is_null()
        })
        .await;
        assert_eq!(errors, 1, "at once");
        let line = host.wait_for_output(figures);
        assert!(line.contains("WARN") && line.contains("the canary is withdrawn"), "{line}");
        assert_is_the_old_alone(&host).await;
    }
}

#[tokio::test]
async fn a_canary_behind_a_link_that_traps_is_withdrawn_by_itself() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.canary("directory", &bytes("faulty_directory"), "canary=50").await;
    let mut client = host.connect().await;
    until("the canary is withdrawn", async || {
        // Its word to trap, which the live one does not know.
        client.get("/relay/13").await;
        host.service("directory").await["canary"].is_null()
    })
    .await;
    host.wait_for_output("the canary is withdrawn");
    for _ in 0..20 {
        let answer = client.get("/relay/13").await;
        assert_eq!((answer.status, &answer.json()["name"]), (StatusCode::OK, &json!("Alice")));
    }
}

#[tokio::test]
async fn a_canary_that_errs_no_more_is_promoted_when_its_time_is_over() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let outcome = host.canary("guest", &other_guest(), "canary=50&for=300ms").await;
    let mut client = host.connect().await;
    until("the canary is live", async || {
        variant_of(&mut client).await;
        host.service("guest").await["revision"] == 2
    })
    .await;
    let line = host.wait_for_output("the canary is promoted");
    assert!(line.contains("0 errors in") && line.contains("the live one 0 in"), "{line}");
    assert_eq!(host.drained("guest").await[0]["revision"], 1);
    assert_is_the_new_alone(&host, &outcome).await;
}

#[tokio::test]
async fn without_a_time_somebody_decides() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let nothing = json!({ "error": "there is no canary of service `guest` to promote" });
    assert_eq!(host.decide("guest", "promote").await.json(), nothing);

    let tried = host.canary("guest", &other_guest(), "canary=50").await;
    assert_eq!(host.history("guest").await.len(), 1, "a trial is not recorded");
    // Until that is decided nothing else is tried or swapped.
    for query in ["", "?canary=10"] {
        let path = format!("/v1/services/guest/component{query}");
        let answer = host.manage(Method::PUT, &path, variant("guest", "hello\n", "hallo\n")).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{answer:?}");
        let error = "revision 2 of service `guest` is on trial; promote it or roll it back first";
        assert_eq!(answer.json(), json!({ "error": error }));
    }
    assert_eq!(host.service("guest").await["canary"]["digest"], tried["to"]["digest"]);

    let answer = host.decide("guest", "rollback").await;
    assert_eq!((answer.status, &answer.json()["outcome"]), (StatusCode::OK, &json!("withdrawn")));
    assert_eq!(host.decide("guest", "promote").await.json(), nothing);
    assert_is_the_old_alone(&host).await;

    host.canary("guest", &other_guest(), "canary=50").await;
    let answer = host.decide("guest", "promote").await;
    assert_eq!((answer.status, &answer.json()["outcome"]), (StatusCode::OK, &json!("live")));
    assert_is_the_new_alone(&host, &answer.json()).await;
    // What was promoted can be taken back like any other.
    assert_eq!(host.decide("guest", "rollback").await.status, StatusCode::OK);
    assert_eq!(variant_of(&mut host.connect().await).await, 0);
}

#[tokio::test]
async fn a_rollback_takes_back_what_was_meant_or_nothing() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    host.swap("guest", &variant("guest", "hello\n", "hallo\n")).await;
    let tried = host.canary("guest", &other_guest(), "canary=50").await;
    let digest = |of: &Value| of["digest"].as_str().expect("a digest").to_owned();
    let meant = format!("rollback?from=3&digest={}", digest(&tried["to"]));
    // The live one was not meant while there is a canary, nor is it when that is gone.
    for (what, expected) in [
        ("rollback?from=2", StatusCode::CONFLICT),
        (&*meant, StatusCode::OK),
        (&*meant, StatusCode::CONFLICT),
        ("rollback?from=3", StatusCode::CONFLICT),
        ("rollback?from=x", StatusCode::BAD_REQUEST),
        ("rollback?digest=00", StatusCode::BAD_REQUEST),
    ] {
        let answer = host.decide("guest", what).await;
        assert_eq!(answer.status, expected, "{what}: {answer:?}");
    }
    assert_eq!(host.service("guest").await["revision"], 2);
    let refused = host.decide("guest", "rollback?from=3").await.json();
    let error = refused["error"].as_str().expect("a sentence");
    assert!(error.starts_with("revision 3 of service `guest` is not what a rollback would take back now: revision 2 "));

    // A second canary has the number of the first.
    host.canary("guest", &variant("guest", "hello\n", "hullo\n"), "canary=50").await;
    assert_eq!(host.decide("guest", &meant).await.status, StatusCode::CONFLICT);
    assert_eq!(host.decide("guest", "rollback?from=3").await.json()["outcome"], "withdrawn");
    assert_eq!(host.decide("guest", "rollback?from=2").await.json()["outcome"], "live");
}

#[tokio::test]
async fn a_trial_ends_with_the_host() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    host.canary("guest", &other_guest(), "canary=50").await;
    host.kill();
    assert_is_the_old_alone(&Host::up(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_canary_that_is_withdrawn_are_finished() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    host.canary("guest", &other_guest(), "canary=50").await;
    // One of two in a row is the canary's.
    let uploads = [(); 2].map(|()| Client::http1(host.gateway));
    let mut open = Vec::new();
    for client in uploads {
        let upload = Upload::begin(client.await, "/count");
        upload.send("before, ").await;
        open.push(upload);
    }
    until("both are called", async || {
        let status = host.service("guest").await;
        status["instances"]["busy"] == 1 && status["calls"] == 2
    })
    .await;
    host.decide("guest", "rollback").await;
    assert_eq!(host.service("guest").await["draining"], json!([2]));
    let mut types = Vec::new();
    for upload in open {
        upload.send("after").await;
        let answer = upload.finish().await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "13"));
        types.push(answer.header("content-type").to_owned());
    }
    types.sort();
    assert_eq!(types, [PLAIN[1], PLAIN[0]]);
    let drained = host.drained("guest").await;
    assert_eq!((&drained[0]["revision"], &drained[0]["stopped"]), (&json!(2), &json!(0)));
}

/// Which variant of the guest answers.
async fn variant_of(client: &mut Client) -> usize {
    let answer = client.get("/hello").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello\n"));
    PLAIN.iter().position(|known| *known == answer.header("content-type")).expect("a known variant")
}

async fn assert_is_the_old_alone(host: &Host) {
    let mut client = host.connect().await;
    for _ in 0..20 {
        assert_eq!(variant_of(&mut client).await, 0);
    }
    let status = host.service("guest").await;
    assert_eq!((&status["revision"], &status["canary"]), (&json!(1), &Value::Null));
    let history = host.history("guest").await;
    assert_eq!((history.len(), &history[0]["live"]), (1, &json!(true)));
}

async fn assert_is_the_new_alone(host: &Host, outcome: &Value) {
    let mut client = host.connect().await;
    for _ in 0..20 {
        assert_eq!(variant_of(&mut client).await, 1);
    }
    let status = host.service("guest").await;
    assert_eq!((&status["revision"], &status["canary"]), (&json!(2), &Value::Null));
    let history = host.history("guest").await;
    assert_eq!((&history[0]["revision"], &history[0]["how"]), (&json!(2), &json!("canary")));
    assert_eq!((&history[0]["digest"], &history[0]["live"]), (&outcome["to"]["digest"], &json!(true)));
    assert_eq!(history[0]["by"], crate::support::admin::TESTER);
}
