//! What was made live stays so, whatever ends the host, and can be taken back.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use http::{Method, StatusCode, header::USER_AGENT};
use serde_json::{Value, json};

use crate::support::{
    Client, Host,
    admin::TESTER,
    dovetail,
    made::{directory, other, relay_and_directory},
    request,
};

/// How often a host is killed in the midst of a swap.
const KILLS: u32 = 50;

/// Revision, what made it live, and whether it is.
fn brief<'a>(history: &'a [Value]) -> Vec<(u64, &'a str, bool)> {
    let brief = |entry: &'a Value| {
        let (revision, how, live) = (entry["revision"].as_u64(), entry["how"].as_str(), entry["live"].as_bool());
        (revision.expect("a number"), how.expect("a word"), live.expect("a truth value"))
    };
    history.iter().map(brief).collect()
}

#[tokio::test]
async fn rollbacks_lead_back_through_what_was_live() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    host.swap("directory", &directory("Carol")).await;
    let history = host.history("directory").await;
    assert_eq!(brief(&history), [(3, "swap", true), (2, "swap", false), (1, "manifest", false)]);
    assert_eq!([&history[0]["by"], &history[1]["by"]], [TESTER, TESTER]);
    assert_eq!(history[0]["size"], directory("Carol").len());

    for (revision, name, digest) in [(4, "Berta", &history[1]["digest"]), (5, "Alice", &history[2]["digest"])] {
        let answer = host.decide("directory", "rollback").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let outcome = answer.json();
        assert_eq!(outcome["outcome"], "live");
        assert_eq!(outcome["to"], json!({ "revision": revision, "digest": digest }));
        assert_eq!(host.name().await, name);
        assert_eq!(host.drained("directory").await[0]["revision"], revision - 1);
    }
    let answer = host.decide("directory", "rollback").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let error = "revision 5 of service `directory` is live, and there is nothing before it to go back to";
    assert_eq!(answer.json(), json!({ "error": error }));

    let history = host.history("directory").await;
    let expected = [(5, "rollback", true), (4, "rollback", false), (3, "swap", false), (2, "swap", false)];
    assert_eq!(brief(&history), expected);
    assert_eq!(host.name().await, "Alice");
    assert_eq!(host.history("relay").await.len(), 1, "it was not swapped");
}

#[tokio::test]
async fn three_revisions_are_kept_to_go_back_to() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    for name in ["Berta", "Carol", "Doris", "Emily"] {
        host.swap("directory", &directory(name)).await;
    }
    for name in ["Doris", "Carol", "Berta"] {
        assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::OK);
        assert_eq!(host.name().await, name);
    }
    assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_was_live_comes_up_until_the_manifests_file_changes() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    let history = host.history("directory").await;
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::up(folder.path());
    assert_comes_up(&host, "Berta", &history).await;
    host.kill();
    let host = Host::up(folder.path());
    assert_comes_up(&host, "Berta", &history).await;

    // A rollback is kept just so.
    assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::OK);
    let history = host.history("directory").await;
    host.kill();
    let host = Host::up(folder.path());
    assert_comes_up(&host, "Alice", &history).await;

    host.swap("directory", &directory("Carol")).await;
    host.kill();
    change_file(folder.path(), "Doris");
    let host = Host::up(folder.path());
    let history = host.history("directory").await;
    assert_eq!(brief(&history)[..2], [(5, "manifest", true), (4, "swap", false)]);
    assert_comes_up(&host, "Doris", &history).await;
    host.kill();
    // It is not new any more.
    let host = Host::up(folder.path());
    assert_comes_up(&host, "Doris", &history).await;
    assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::OK);
    assert_eq!(host.name().await, "Carol");
    host.kill();
    // A file that was there before is a change, too.
    change_file(folder.path(), "Alice");
    assert_eq!(Host::up(folder.path()).name().await, "Alice");
}

#[tokio::test]
async fn without_its_folder_a_swap_is_refused_and_nothing_changes() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    host.canary("relay", &other("relay"), "canary=50").await;
    let (kept, away) = (folder.path().join(".dovetail"), folder.path().join("away"));
    fs::rename(&kept, &away).expect("it is there");
    let before = [host.service("directory").await, host.service("relay").await].map(|service| {
        let Value::Object(service) = service else { panic!("no object: {service}") };
        ["digest", "revision", "since"].map(|key| service[key].clone())
    });
    let app = kept.join("apps/dovetail.toml/small");
    let removed = format!(
        "the folder {app:?} was removed while the host runs, so that nothing can be recorded; what is live goes on: put \
         the folder back, or restart the host, which then serves the manifest's files"
    );
    let answers = [
        host.put("directory", &directory("Carol")).await,
        host.manage(Method::PUT, "/v1/services/directory/component?canary=50", directory("Carol")).await,
        host.decide("directory", "rollback").await,
        host.decide("relay", "promote").await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.json()), (StatusCode::CONFLICT, json!({ "error": removed })));
    }
    let mut swap = dovetail();
    swap.args(["swap", "directory", "directory.wasm", "--admin", &host.admin.to_string()]).current_dir(&folder);
    let told = swap.output().expect("dovetail starts");
    assert!(String::from_utf8_lossy(&told.stderr).contains(&format!("error: {removed}\n")), "{told:?}");
    for (service, before) in ["directory", "relay"].into_iter().zip(before) {
        let now = host.service(service).await;
        assert_eq!([&now["digest"], &now["revision"], &now["since"]], before.each_ref());
    }
    assert_eq!(host.service("relay").await["canary"]["revision"], 2, "its trial goes on");
    assert_eq!((host.name().await, host.history("directory").await.len()), ("Berta".to_owned(), 2));

    fs::rename(&away, &kept).expect("it was there");
    assert_eq!(host.decide("relay", "promote").await.status, StatusCode::OK);
    let outcome = host.swap("directory", &directory("Carol")).await;
    assert_eq!((host.name().await, &outcome["to"]["revision"]), ("Carol".to_owned(), &json!(3)));
    host.kill();
    let host = Host::up(folder.path());
    assert_eq!((host.name().await, &host.service("relay").await["revision"]), ("Carol".into(), &json!(2)));
}

async fn assert_comes_up(host: &Host, name: &str, history: &[Value]) {
    assert_eq!(host.name().await, name);
    assert_eq!(host.history("directory").await, history);
    let service = host.service("directory").await;
    assert_eq!((&service["revision"], &service["digest"]), (&history[0]["revision"], &history[0]["digest"]));
}

fn change_file(folder: &Path, name: &str) {
    fs::write(folder.join("directory.wasm"), directory(name)).expect("it can be written");
}

/// Here the time of a kill is the point: there is no condition to wait for that
/// would not leave out a moment of the swap. Each round is killed a little later
/// than the one before, from before the swap to after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_in_a_swap_comes_up_with_the_old_or_the_new_component() {
    let folder = relay_and_directory("Alice");
    let names = ["Alice", "Berta"];
    let length = shortest_swap(&Host::up(folder.path()), names).await;
    let mut may_be_live = vec![names[0]];
    for round in 0..KILLS {
        let host = Host::up(folder.path());
        let name = host.name().await;
        assert!(may_be_live.contains(&name.as_str()), "{name} is live after {round} kills, not {may_be_live:?}");
        let history = host.history("directory").await;
        assert_eq!(host.service("directory").await["digest"], history[0]["digest"]);

        let old = names.into_iter().find(|known| *known == name).expect("a known name");
        let new = names.into_iter().find(|known| *known != name).expect("another name");
        let mut admin = Client::http1(host.admin).await;
        let mut put = request(Method::PUT, "/v1/services/directory/component", directory(new));
        put.headers_mut().insert(USER_AGENT, TESTER.parse().expect("a header value"));
        let put = tokio::spawn(async move { admin.try_send(put).await });
        tokio::time::sleep(length * 3 / 2 * round / KILLS).await;
        host.kill();
        // What was answered must be so.
        may_be_live = match put.await.expect("no panic") {
            Ok(answer) => {
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
                vec![new]
            }
            Err(_) => vec![old, new],
        };
    }
    let name = Host::up(folder.path()).name().await;
    assert!(may_be_live.contains(&name.as_str()), "{name} is live at the end, not {may_be_live:?}");
}

/// How long a swap takes at least. The first of the names is live at the end.
async fn shortest_swap(host: &Host, [first, other]: [&str; 2]) -> Duration {
    let mut shortest = Duration::MAX;
    for name in [other, first, other, first] {
        let started = Instant::now();
        host.swap("directory", &directory(name)).await;
        shortest = shortest.min(started.elapsed());
    }
    shortest
}
