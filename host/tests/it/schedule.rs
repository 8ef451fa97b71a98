//! Time emits an event at each of its times, once, whatever clocks and hosts do.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Host, app,
    clock::{Clock, HOUR},
    dovetail, postgres, until, up,
};

const APP: &str = r#"
[app]
name = "app"
[event."shop:clock/ticks@0.1.0"]
subscribers = ["ticked"]
[schedule.nightly]
cron = "0 3 * * *"
event = "shop:clock/ticks@0.1.0#at"
missed = "MISSED"
[schedule.minutely]
cron = "* * * * *"
zone = "Asia/Kathmandu"
event = "shop:clock/ticks#due"
[service.ticked]
component = "{ticked}"
buckets = ["fixtures"]
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
buckets = ["fixtures"]
"#;

const DAY: i64 = 24 * HOUR;

/// Nights of 3 o'clock, in seconds since 1970: the first is yet to come.
struct Nights {
    clock: Clock,
    first: i64,
}

impl Nights {
    fn new() -> Nights {
        Nights { clock: Clock::new(), first: (now() / DAY + 1) * DAY + 3 * HOUR }
    }

    /// Set the clock to so many seconds after the time of this night.
    fn set(&self, night: i64, seconds: i64) {
        self.clock.set(self.first + night * DAY + seconds - now());
    }

    /// Serve, and wait until the schedules have begun.
    async fn up(&self, folder: &Path, store: &str) -> Host {
        let mut up = up(folder);
        let manifest = fs::read_to_string(folder.join("dovetail.toml")).expect("it was written");
        let host = Host::start(self.clock.shown_to(up.args(["--store", store])).stderr(Stdio::piped()));
        until("the schedules have begun", async || {
            let export = dovetail().args(["store", "export", "--store", store]).output();
            let rows = String::from_utf8(export.expect("dovetail starts").stdout).expect("text");
            let is_meant = |name: &&&str| manifest.contains(&format!("[schedule.{name}]"));
            let mut names = ["nightly", "minutely"].iter().filter(is_meant);
            names.all(|name| rows.contains(&format!("\"{name}\"")))
        })
        .await;
        host
    }

    /// Wait until exactly these were emitted for, in this order.
    async fn until(&self, host: &Host, nights: &[i64]) {
        let times = nights.iter().map(|night| format!("{},", (self.first + night * DAY) * 1000));
        let times: String = times.collect();
        until(&format!("{nights:?} have come"), async || {
            let answer = host.get("/guest/get?key=at").await;
            let had = answer.text();
            let is_known = answer.status == StatusCode::NOT_FOUND || times.starts_with(had);
            assert!(is_known, "{had} and not {times}");
            had == times
        })
        .await;
    }
}

#[tokio::test]
async fn a_time_is_emitted_for_once() {
    for missed in ["skip", "once"] {
        let folder = app(&APP.replace("MISSED", missed));
        let store = format!("sqlite:{}/data.db", folder.path().display());
        come_and_go(folder.path(), &store, missed).await;
    }
}

#[tokio::test]
async fn what_was_emitted_for_is_known_to_whoever_shares_the_store() {
    let Some(server) = postgres::Server::shared() else { return };
    let store = server.database();
    let folder = app(&APP.replace("MISSED", "once"));
    come_and_go(folder.path(), &store, "once").await;
}

async fn come_and_go(folder: &Path, store: &str, missed: &str) {
    let nights = Nights::new();
    nights.set(0, -HOUR);
    let host = nights.up(folder, store).await;
    nights.set(0, -1);
    nights.until(&host, &[0]).await;

    // A time that comes again is not emitted for again.
    nights.set(0, -1);
    let again = nights.first + 2;
    until("the time has come again", async || host.get("/guest/clocks").await.json()["wall"].as_i64() > Some(again))
        .await;
    nights.set(1, -1);
    nights.until(&host, &[0, 1]).await;
    host.kill();

    // Two pass while no host runs, and another by far.
    nights.set(4, 9 * HOUR);
    let host = nights.up(folder, store).await;
    let made_up: &[i64] = if missed == "once" { &[0, 1, 4] } else { &[0, 1] };
    nights.until(&host, made_up).await;
    nights.set(5, -1);
    nights.until(&host, &[made_up, &[5]].concat()).await;
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_holds_nothing_up() {
    let (folder, nights) = (app(&APP.replace("MISSED", "once")), Nights::new());
    let store = format!("sqlite:{}/data.db", folder.path().display());
    nights.set(400, -HOUR);
    let host = nights.up(folder.path(), &store).await;
    nights.set(400, -1);
    nights.until(&host, &[400]).await;
    nights.set(0, -3);
    nights.until(&host, &[400, 0]).await;
}

/// Nobody takes what it emits meanwhile.
#[tokio::test]
async fn a_time_that_finds_the_backlog_full_is_emitted_for_when_there_is_room() {
    let (begin, rest) = APP.split_once("[schedule.minutely]").expect("it is there");
    let (_, end) = rest.split_once("[service.ticked]").expect("it is there");
    let full = format!("{begin}[service.ticked]{end}").replace("[\"ticked\"]\n", "[\"ticked\"]\nlimits.waiting = 1\n");
    let (folder, nights) = (app(&full.replace("MISSED", "skip")), Nights::new());
    let store = format!("sqlite:{}/data.db", folder.path().display());
    nights.set(0, -HOUR);
    let host = nights.up(folder.path(), &store).await;
    let steer = |verb: &str| {
        let mut command = dovetail();
        command.args(["events", verb, "ticked", "--admin", &host.admin.to_string()]);
        assert!(command.output().expect("dovetail starts").status.success(), "{verb}");
    };
    steer("pause");
    nights.set(0, -1);
    until("one waits", async || host.admin("/v1/events").await.json()["queues"][0]["waiting"] == 1).await;
    nights.set(1, -1);
    let told = host.wait_for_output("a schedule cannot emit, and tries again");
    let why = "as many messages of shop:clock/ticks@0.1.0 wait for \"ticked\" as may (limits.waiting of the event)";
    assert!(told.contains(why), "{told}");
    nights.set(2, -1);
    host.wait_for_output("a schedule could not emit before its next time came");
    steer("resume");
    nights.until(&host, &[0, 2]).await;
    nights.set(3, -1);
    nights.until(&host, &[0, 2, 3]).await;
}

#[tokio::test]
async fn a_subscriber_is_told_of_the_schedule() {
    let (folder, nights) = (app(&APP.replace("MISSED", "skip")), Nights::new());
    let store = format!("sqlite:{}/data.db", folder.path().display());
    nights.set(0, HOUR);
    let host = nights.up(folder.path(), &store).await;
    nights.set(0, 2 * HOUR - 1);
    let minute = (nights.first + 2 * HOUR) * 1000;
    let expected = format!(
        r#"kind: "shop:clock/ticks@0.1.0#due", source: "/app/schedule/minutely", key: None, time: {minute}, attempt: 1"#
    );
    let told = host.admin("/v1/events").await.json();
    let minutely = json!({ "name": "minutely", "event": "shop:clock/ticks@0.1.0", "function": "due" });
    let mut first = told["schedules"][0].clone();
    assert!(first["next"].take().as_str().is_some_and(|next| next.ends_with(":00.000Z")), "{told}");
    first.as_object_mut().expect("an object").remove("next");
    assert_eq!(first, minutely);
    let shown = dovetail().args(["events", "--admin", &host.admin.to_string()]).output().expect("dovetail starts");
    let shown = String::from_utf8(shown.stdout).expect("UTF-8");
    assert!(shown.contains("schedule nightly emits shop:clock/ticks@0.1.0#at "), "{shown}");
    until("it is told", async || host.get("/guest/get?key=due").await.text().contains(&expected)).await;
}

#[test]
fn schedules_are_drawn_and_counted_and_left_out_of_compositions() {
    let folder = app(&APP.replace("MISSED", "skip"));
    let run = |arguments: &[&str]| {
        let output = dovetail().args(arguments).current_dir(&folder).output().expect("dovetail starts");
        let [printed, said] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
        assert!(output.status.success(), "{arguments:?}: {said}");
        (printed, said)
    };
    let (ticks, at) = ("shop:clock/ticks@0.1.0", "shop:clock/ticks@0.1.0#at");
    let tree = format!(
        "├── schedule minutely\n│   └── event {ticks}#due ⇢ ticked\n└── schedule nightly\n    └── event {at} ⇢ ticked\n"
    );
    let dot = format!("    \"schedule nightly\" -> \"ticked\" [label=\"{at}\", style=dashed];\n");
    let mermaid = format!("    schedule-nightly -. \"{at}\" .-> service-ticked\n");
    for (format, drawn) in [("tree", tree), ("dot", dot), ("mermaid", mermaid)] {
        let (printed, _) = run(&["graph", "--format", format]);
        assert!(printed.contains(&drawn), "{printed}");
    }
    let graph: Value = serde_json::from_str(&run(&["graph", "--format", "json"]).0).expect("JSON");
    let nightly = json!({ "name": "nightly", "interface": ticks, "function": "at", "to": ["ticked"] });
    assert_eq!(graph["schedules"][1], nightly);
    assert_eq!(run(&["check"]).0, "app is ready to serve: 2 services, 0 links, 2 schedules\n");
    let (_, said) = run(&["compose", "-o", "composed.wasm"]);
    let note = "Note the schedules `minutely`, `nightly` are left out: other hosts emit nothing by themselves\n";
    assert!(said.contains(note), "{said}");
    let (_, said) = run(&["compose", "guest", "-o", "guest.wasm"]);
    assert!(!said.contains("left out"), "{said}");
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since.as_secs().try_into().expect("it is not far after it")
}
