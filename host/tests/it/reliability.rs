//! A service that misbehaves harms only its own requests.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    thread::available_parallelism,
};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Answer, GUESTS, Host, Load, SHOP, app,
    load::{self, Answered},
    request, until, up,
};

/// One service for each way to misbehave. All are the same component, and each
/// has its own limits.
const MISBEHAVING: &str = r#"
[service.spinner]
component = "{guest}"
routes = ["/spinner/*"]
limits = { deadline = "700ms", instances = 4 }
[service.silent]
component = "{guest}"
routes = ["/silent/*"]
limits = { deadline = "300ms", instances = 4 }
[service.endless]
component = "{guest}"
routes = ["/endless/*"]
limits = { deadline = "500ms", instances = 4 }
[service.greedy]
component = "{guest}"
routes = ["/greedy/*"]
limits = { memory = "8MiB", instances = 4 }
[service.trapper]
component = "{guest}"
routes = ["/trapper/*"]
limits = { instances = 4 }
[service.denied]
component = "{guest}"
routes = ["/denied/*"]
limits = { instances = 4 }
"#;

/// A path, how often it is asked for at once, and the answer of each.
const MISBEHAVIOUR: [(&str, usize, StatusCode); 7] = [
    ("/spinner/spin", 2, StatusCode::GATEWAY_TIMEOUT),
    ("/silent/hang", 4, StatusCode::GATEWAY_TIMEOUT),
    ("/greedy/greedy", 4, StatusCode::INTERNAL_SERVER_ERROR),
    ("/trapper/trap", 4, StatusCode::INTERNAL_SERVER_ERROR),
    ("/trapper/hoard", 2, StatusCode::INTERNAL_SERVER_ERROR),
    ("/trapper/no-response", 4, StatusCode::INTERNAL_SERVER_ERROR),
    ("/denied/denied", 4, StatusCode::FORBIDDEN),
];

#[tokio::test(flavor = "multi_thread")]
async fn misbehaving_services_harm_only_their_own_requests() {
    let folder = app(&format!("{SHOP}{MISBEHAVING}"));
    let host = Arc::new(Host::up(folder.path()));
    let load = Load::start(&host).await;

    let mut asked = JoinSet::new();
    for (path, times, status) in MISBEHAVIOUR {
        for _ in 0..times {
            let host = host.clone();
            asked.spawn(async move { (path, status, host.get(path).await) });
        }
    }
    for _ in 0..4 {
        let host = host.clone();
        asked.spawn(async move { ("/endless/endless", StatusCode::OK, cut_off(&host).await) });
    }
    while let Some(asked) = asked.join_next().await {
        let (path, status, answer) = asked.expect("no task panics");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        if status.is_server_error() {
            let sentence = answer.json()["error"].as_str().expect("a sentence").to_owned();
            assert!(sentence.starts_with("The service "), "a client is told no more: {sentence}");
        }
    }
    // The others were served all the while, and still are.
    let answered = load.stop().await;
    assert_counts(&host, &answered).await;

    for (line, names) in [
        ("\"spinner\" was stopped at its deadline", "limits.deadline"),
        ("\"silent\" was stopped at its deadline", "limits.deadline"),
        ("\"endless\" was stopped at its deadline", "limits.deadline"),
        ("\"greedy\" wanted", "limits.memory"),
        ("\"trapper\" trapped", "error"),
        ("\"trapper\" returned without setting a response", "error"),
        ("open bucket \"forbidden\"", "write buckets = [\"forbidden\"] in [service.denied]"),
    ] {
        let line = host.wait_for_output(line);
        assert!(line.contains(names), "{names} in {line}");
    }
}

/// What was not the misbehaving one's own fault is not counted as such, and
/// instances that were lost are replaced.
async fn assert_counts(host: &Host, answered: &Answered) {
    for (service, calls, traps) in [
        ("user", answered.users + answered.orders, 0),
        ("order", answered.orders, 0),
        ("spinner", 2, 2),
        ("silent", 4, 4),
        ("endless", 4, 4),
        ("greedy", 4, 4),
        ("trapper", 10, 6),
        ("denied", 4, 0),
    ] {
        until("no call is left", async || host.busy(service).await == 0).await;
        let status = host.service(service).await;
        assert_eq!((&status["calls"], &status["traps"]), (&json!(calls), &json!(traps)), "{service}");
    }
    for service in ["spinner", "silent", "endless", "greedy", "trapper", "denied"] {
        let mut client = host.connect().await;
        for _ in 0..8 {
            assert_eq!(client.get(&format!("/{service}/hello")).await.text(), "hello\n", "{service}");
        }
        let status = host.service(service).await;
        assert_eq!(status["instances"]["busy"], 0, "{service}");
        assert!((1..=4).contains(&status["instances"]["idle"].as_u64().unwrap()), "{service}: {status}");
    }
}

/// Ask for a body that never ends, and see that it breaks off: it must not look
/// whole. It is not kept, for it is long.
async fn cut_off(host: &Host) -> Answer {
    let mut client = host.connect().await;
    let request = request(Method::GET, "/endless/endless", "");
    let (head, mut body) = client.start(request).await.expect("the head comes").into_parts();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            assert!(length > 0, "it broke off before it began");
            return Answer { status: head.status, headers: head.headers, body: "".into() };
        };
        length += frame.into_data().expect("data alone").len();
    }
    panic!("after {length} bytes the body that never ends looks whole")
}

#[tokio::test(flavor = "multi_thread")]
async fn services_answer_while_guests_spin_on_every_core() {
    let folder = app(&format!("{SHOP}{}", MISBEHAVING.replace("700ms", "1h")));
    let host = Arc::new(Host::up(folder.path()));
    let cores = available_parallelism().map_or(2, |cores| cores.get().min(4)) as u64;
    let mut spinning = JoinSet::new();
    for _ in 0..cores {
        let mut client = host.connect().await;
        spinning.spawn(async move { client.try_send(request(Method::GET, "/spinner/spin", "")).await });
    }
    until("all of them spin", async || host.busy("spinner").await == cores).await;

    let mut client = host.connect().await;
    for id in 1..=20 {
        load::order(&mut client, 1, "Book").await;
        assert_eq!(client.get(&format!("/orders/{id}")).await.status, StatusCode::OK);
    }
    assert_eq!(host.busy("spinner").await, cores, "they spin still");

    // Nobody waits for them any more, so they are stopped, long before their deadline.
    spinning.shutdown().await;
    until("none of them spins", async || host.busy("spinner").await == 0).await;
    assert_eq!(host.get("/spinner/hello").await.text(), "hello\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_a_trap_is_whole_or_no_answer() {
    let folder = app(&format!("[app]\nname = \"app\"\n{MISBEHAVING}"));
    let host = Host::up(folder.path());
    for round in 1..=20 {
        let mut client = host.connect().await;
        match client.try_send(request(Method::GET, "/trapper/twice", "")).await {
            Ok(answer) if answer.status == StatusCode::OK => assert_eq!(answer.text(), "answered\n"),
            Ok(answer) => assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR),
            Err(_) => {} // it broke off, so nobody takes it for whole
        }
        until("the trap is counted", async || host.service("trapper").await["traps"] == round).await;
        assert_eq!(host.get("/trapper/calls").await.text(), "1", "the instance is a fresh one");
        // A second call would be the second of that instance. Trap it away, too.
        assert_eq!(host.get("/trapper/calls").await.text(), "2");
    }
}

#[tokio::test]
async fn memory_that_was_refused_is_not_blamed_for_a_later_trap() {
    let folder = app(&format!("[app]\nname = \"app\"\n{MISBEHAVING}"));
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    // A component may cope with a refusal, and then goes on.
    assert_eq!(client.get("/greedy/modest").await.text(), "refused\n");
    assert_eq!(client.get("/greedy/calls").await.text(), "2");
    assert_eq!(host.service("greedy").await["traps"], 0);
    assert_eq!(client.get("/greedy/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    let line = host.wait_for_output("a call failed");
    assert!(line.contains("ERROR") && line.contains("service \"greedy\" trapped"), "{line}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let folder = app(&format!("[app]\nname = \"app\"\n{MISBEHAVING}"));
    let (unread, stderr) = std::io::pipe().expect("a pipe");
    let host = Host::start(up(folder.path()).stderr(stderr));
    let mut client = host.connect().await;
    // A line for each of them is more than a pipe holds.
    for _ in 0..500 {
        assert_eq!(client.get("/trapper/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(client.get("/silent/hello").await.text(), "hello\n");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    drop(unread);
}

#[tokio::test]
async fn connections_wait_for_room_before_files_run_out() {
    let folder = app(&format!("[app]\nname = \"app\"\n[store]\nurl = \"memory:\"\n{MISBEHAVING}"));
    // 40 would not do for these connections; 128 are room for 96 and the rest.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 40 && ulimit -Hn 128 && exec \"$@\"", "sh"]);
    let up = up(folder.path());
    let host = Host::start(command.arg(up.get_program()).args(up.get_args()).stderr(Stdio::piped()));
    let mut clients = Vec::new();
    for _ in 0..96 {
        let mut client = host.connect().await;
        assert_eq!(client.get("/trapper/hello").await.text(), "hello\n");
        clients.push(client);
    }
    let mut late = JoinSet::new();
    for _ in 0..40 {
        let mut client = host.connect().await;
        late.spawn(async move { client.get("/trapper/hello").await.status });
    }
    assert_eq!(host.admin("/healthz").await.status, StatusCode::OK, "there is a file for who asks here");
    drop(clients);
    assert_eq!(late.join_all().await, [StatusCode::OK; 40]);
    assert_eq!(host.output().iter().find(|line| line.contains("could not be accepted")), None);
}

#[tokio::test]
async fn a_host_with_little_address_space_makes_smaller_reservations() {
    let limits = "limits = { instances = 2, memory = \"16MiB\" }";
    let mut manifest = "[app]\nname = \"app\"\n[store]\nurl = \"memory:\"\n".to_owned();
    for guest in GUESTS {
        let name = guest.replace('_', "-");
        manifest
            .push_str(&format!("[service.{name}]\ncomponent = \"{{{guest}}}\"\nroutes = [\"/{guest}/*\"]\n{limits}\n"));
    }
    let folder = app(&manifest);
    // In KiB: no room for the 4 GiB that a single memory would have.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 4000000 && exec \"$@\"", "sh"]);
    let up = up(folder.path());
    let host = Host::start(command.arg(up.get_program()).args(up.get_args()).stderr(Stdio::piped()));
    let told = || host.output().iter().filter(|line| line.contains("the address space is too short")).count();
    until("it is told of both engines", async || told() == GUESTS.len()).await;
    let mut client = host.connect().await;
    for guest in GUESTS {
        for _ in 0..3 {
            assert_eq!(client.get(&format!("/{guest}/hello")).await.text(), "hello\n");
            let greedy = client.get(&format!("/{guest}/greedy")).await;
            assert_eq!(greedy.status, StatusCode::INTERNAL_SERVER_ERROR, "{greedy:?}");
        }
    }
    assert!(host.wait_for_output("\"guest\" wanted").contains("limits.memory"));
}
