//! `atomic = true`: what a call writes is there whole when the call has ended well, and
//! not at all otherwise.
//!
//! A worker is told in steps what to do. One that is not atomic looks at what is left.

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, Client, Host, app, postgres, redis};

mod bodies;
mod links;
mod reads;
mod whole;

/// The worker in WASI 0.2 and in 0.3.
const WORKERS: [&str; 2] = ["worker", "worker_async"];

/// Workers that are atomic, with time and without, one that is not, and others that they
/// ask.
const APP: &str = r#"
[app]
name = "atomic"
[service.worker]
component = "{WORKER}"
routes = ["/work"]
buckets = ["fixtures", "other"]
links = { "shop:users/directory" = "directory" }
atomic = true
limits = { deadline = "1m" }
[service.hasty]
component = "{WORKER}"
routes = ["/hasty"]
buckets = ["fixtures", "other"]
links = { "shop:users/directory" = "directory" }
atomic = true
limits = { deadline = "300ms" }
[service.plain]
component = "{WORKER}"
routes = ["/plain"]
buckets = ["fixtures", "other"]
links = { "shop:users/directory" = "directory" }
limits = { deadline = "1m" }
[service.directory]
component = "{faulty_directory}"
buckets = ["fixtures"]
atomic = CALLEE
limits = { deadline = "1m" }
[service.later]
component = "{later}"
buckets = ["fixtures"]
atomic = CALLEE
limits = { deadline = "1m" }
"#;

/// The app in a store, with one worker or the other, who asks services that are atomic or
/// not.
struct Units {
    _folder: TempDir,
    host: Host,
    client: Client,
}

impl Units {
    async fn up(worker: &str, store: &str, callee: bool) -> Units {
        let manifest = APP.replace("WORKER", worker).replace("CALLEE", &callee.to_string());
        let folder = app(&manifest);
        let store = if store == "sqlite:" { vec![] } else { vec!["--store", store] };
        let host = Host::up_with(folder.path(), &store);
        let client = host.connect().await;
        Units { _folder: folder, host, client }
    }

    /// Have the worker at this path do these steps.
    async fn work(&mut self, path: &str, steps: &str) -> Answer {
        self.client.get(&format!("{path}?steps={steps}")).await
    }

    /// What the worker that is not atomic finds by these steps.
    async fn found(&mut self, steps: &str) -> Value {
        let answer = self.work("/plain", steps).await;
        assert_eq!(answer.status, StatusCode::OK, "{steps}: {answer:?}");
        answer.json()
    }
}

/// Each store with a worker of WASI 0.2, and one with that of WASI 0.3: what is written
/// goes one way.
fn everywhere() -> Vec<(&'static str, String)> {
    let mut places: Vec<_> = stores().into_iter().map(|store| (WORKERS[0], store)).collect();
    places.push((WORKERS[1], "sqlite:".to_owned()));
    places
}

/// A database of each store that there is here.
fn stores() -> Vec<String> {
    let mut stores = vec!["memory:".to_owned(), "sqlite:".to_owned()];
    stores.extend(postgres::Server::shared().map(|server| server.database()));
    stores.extend(redis::Server::shared().map(|server| server.database()));
    stores
}

#[tokio::test]
async fn a_call_that_ends_well_leaves_all_that_it_wrote_and_any_other_nothing() {
    for (worker, store) in everywhere() {
        let mut units = Units::up(worker, &store, true).await;
        for (number, (path, end, status, is_kept)) in [
            ("/work", "", 200, true),
            ("/work", ";answer:404", 404, true),
            ("/work", ";answer:503", 503, true),
            ("/work", ";trap", 500, false),
            ("/work", ";answer:200;trap", 500, false),
            ("/work", ";answer:200;leave", 500, false),
            ("/work", ";nothing", 500, false),
            ("/hasty", ";spin", 504, false),
            ("/hasty", ";answer:200;spin", 504, false),
        ]
        .into_iter()
        .enumerate()
        {
            let told = format!("{worker}, {store}: {end}");
            units.found(&format!("set:old{number}:0")).await;
            let steps =
                format!("set:a{number}:1;in:other;setmany:b{number},c{number}:2;in:fixtures;delete:old{number}");
            let answer = units.work(path, &format!("{steps}{end}")).await;
            assert_eq!(answer.status.as_u16(), status, "{told}: {answer:?}");
            let left = format!("getmany:a{number},old{number};in:other;getmany:b{number},c{number}");
            let [a, b, c, old] = ["a", "b", "c", "old"].map(|key| format!("{key}{number}"));
            let expected = match is_kept {
                true => json!([[format!("{a}=1"), null], [format!("{b}=2"), format!("{c}=2")]]),
                false => json!([[null, format!("{old}=0")], [null, null]]),
            };
            assert_eq!(units.found(&left).await, expected, "{told}");
        }
    }
}

/// What WASI 0.2 has no way to answer.
#[tokio::test]
async fn an_answer_that_is_none_leaves_nothing() {
    let mut units = Units::up("worker", "memory:", true).await;
    assert_eq!(units.work("/work", "set:a:1;answer:600").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(units.found("get:a").await, json!([null]));
}
