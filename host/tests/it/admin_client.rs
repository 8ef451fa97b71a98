//! The verbs that talk to a running host: what they send, what they show, and
//! what they say when it goes wrong.

use std::{
    borrow::BorrowMut,
    fs,
    io::Write,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    thread::JoinHandle,
};

use serde_json::{Value, json};

use crate::support::{Host, dovetail, plain, raw};

#[tokio::test]
async fn the_status_of_a_running_host_is_a_table_or_what_it_said() {
    let folder = plain("");
    let host = Host::up(folder.path());
    let output = succeed(verb(host.admin, &["status"]));
    let lines: Vec<_> = stdout(&output).lines().collect();
    let head = "service revision since calls errors busy/idle draining";
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>().join(" "), head);
    assert!(lines[1].starts_with("plain ") && lines[1].contains(" of 64 "), "{lines:?}");
    assert_eq!((lines.len(), stdout(&output).contains('\x1b')), (2, false));

    let output = succeed(verb(host.admin, &["status", "--json"]));
    assert_eq!(stdout(&output).trim_end(), host.admin("/v1/services").await.text());
    // As the host shows where it is, and by a name.
    succeed(dovetail().args(["status", "--admin", &format!("http://{}", host.admin)]));
    succeed(dovetail().args(["status", "--admin", &format!("localhost:{}", host.admin.port())]));
}

#[test]
fn where_no_host_answers_it_says_how_to_have_one() {
    let nowhere = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound");
    let folder = plain(&format!("[admin]\nlisten = \"{nowhere}\"\n"));
    let told = format!(
        "error: no host answers at http://{nowhere}; start it with `dovetail up`, or say where with --admin\n  \
         caused by: Connection refused"
    );
    let verbs: [&[&str]; 5] = [
        &["status"],
        &["history", "plain"],
        &["swap", "plain", "plain.wasm"],
        &["rollback", "plain"],
        &["promote", "plain"],
    ];
    for arguments in verbs {
        let output = fail(dovetail().args(arguments).current_dir(&folder));
        assert!(stderr(&output).contains(&told), "{arguments:?}: {}", stderr(&output));
    }
    let folder = plain("[admin]\nlisten = \"127.0.0.1:0\"\n");
    let output = fail(dovetail().arg("status").current_dir(&folder));
    assert!(stderr(&output).contains("leaves the port of the admin API to the host"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--admin"), "{}", stderr(&output));
}

#[tokio::test]
async fn the_token_is_read_from_its_file_alone() {
    let folder = plain("[admin]\ntoken_file = \"admin.token\"\n");
    let wrong = folder.path().join("wrong.token");
    secret(&folder.path().join("admin.token"), "right");
    secret(&wrong, "wrong");
    let host = Host::up(folder.path());
    succeed(verb(host.admin, &["status"]).current_dir(&folder));
    let right = folder.path().join("admin.token");
    succeed(verb(host.admin, &["status", "--token-file", &right.display().to_string()]));

    let output = fail(verb(host.admin, &["status"]));
    assert!(stderr(&output).contains("asks for a token; name its file with --token-file"), "{}", stderr(&output));
    let output = fail(verb(host.admin, &["status", "--token-file", "wrong.token"]).current_dir(&folder));
    assert!(stderr(&output).contains("does not take this token"), "{}", stderr(&output));
    // It is told before a component is sent.
    let swap = ["swap", "plain", "plain.wasm", "--token-file", "wrong.token"];
    let output = fail(verb(host.admin, &swap).current_dir(&folder));
    assert!(stderr(&output).contains("does not take this token"), "{}", stderr(&output));
    let output = fail(verb(host.admin, &["status", "--token-file", "typo"]).current_dir(&folder));
    assert!(stderr(&output).contains("`typo` does not exist; name the file that the host has"), "{}", stderr(&output));
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let output = fail(verb(host.admin, &["status", "--token-file", "wrong.token"]).current_dir(&folder));
    assert!(
        stderr(&output).contains("is open to others") && stderr(&output).contains("chmod 600"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test]
async fn a_service_that_is_unknown_is_told() {
    let folder = plain("");
    let host = Host::up(folder.path());
    let component = folder.path().join("plain.wasm").display().to_string();
    let output = fail(verb(host.admin, &["swap", "nope", &component]));
    let told = format!("error: there is no service `nope` in the host at http://{}; there is `plain`\n", host.admin);
    assert_eq!(stderr(&output), told, "before it is sent");
    let verbs: [&[&str]; 3] = [&["history", "nope"], &["rollback", "nope"], &["promote", "nope"]];
    for arguments in verbs {
        let output = fail(verb(host.admin, arguments));
        let told = format!(
            "error: there is no service `nope` in the app `plain`; there is `plain` (at http://{})\n",
            host.admin
        );
        assert!(stderr(&output).ends_with(&told), "{}", stderr(&output));
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let wrong: [&[&str]; 14] = [
        &["swap"],
        &["swap", "user"],
        &["swap", "../user", "new.wasm"],
        &["swap", "user", "new.wasm", "--canary", "0%"],
        &["swap", "user", "new.wasm", "--canary", "100%"],
        &["swap", "user", "new.wasm", "--for", "60s"],
        &["swap", "user", "new.wasm", "--canary", "10%", "--for", "60"],
        &["swap", "user", "new.wasm", "--canary", "10%", "--calls", "10"],
        &["swap", "user", "new.wasm", "--canary", "10%", "--for", "60s", "--calls", "0"],
        &["rollback"],
        &["promote", "user", "2"],
        &["history"],
        &["status", "user"],
        &["status", "--admin", "localhost"],
    ];
    for arguments in wrong {
        let output = ended(dovetail().args(arguments), 2);
        assert_eq!((stdout(&output), stderr(&output).is_empty()), ("", false), "{arguments:?}");
    }
    for number in [
        &["swap", "user", "new.wasm", "--canary", "10%", "--for", "60s", "--calls", "0"][..],
        &["swap", "user", "new.wasm", "--canary", "10%", "--for", "60s", "--calls", "-1"],
        &["rollback", "user", "--from", "0"],
        &["rollback", "user", "--from", "-1"],
    ] {
        let output = ended(dovetail().args(number), 2);
        assert!(stderr(&output).contains("is no number above 0; write 1 or more, in digits"), "{}", stderr(&output));
    }
    for share in ["-5%", "0.5%", "all", "-"] {
        let output = ended(dovetail().args(["swap", "user", "new.wasm", "--canary", share]), 2);
        assert!(stderr(&output).contains("is no share of the calls; write 1% to 99%"), "{}", stderr(&output));
    }
    let output = ended(dovetail().args(["swap", "user", "new.wasm", "--canary", "10%", "--for", "-5m"]), 2);
    assert!(stderr(&output).contains("is not a duration; write a whole number"), "{}", stderr(&output));
    let output = ended(dovetail().args(["swap", "user", ""]), 2);
    assert!(stderr(&output).contains("is empty; name the component's file"), "{}", stderr(&output));
    let output = fail(dovetail().args(["swap", "user", "/nowhere/new.wasm"]));
    assert!(stderr(&output).contains("`/nowhere/new.wasm` does not exist; make it"), "{}", stderr(&output));
}

#[test]
fn a_swap_sends_the_component_and_shows_each_step() {
    let folder = plain("");
    let swapped = json!({
        "service": "plain", "outcome": "live", "from": revision(1), "to": revision(2),
        "steps": [{ "step": "read", "ms": 0.2 }, { "step": "compile", "ms": 103.1 }, { "step": "live", "ms": 0.1 }],
    });
    let drained = json!({ "service": "plain", "drained": [{ "revision": 1, "ms": 12.5, "stopped": 0 }] });
    let (address, asked) = answering(vec![(200, services()), (200, swapped), (200, drained)]);
    let mut swap = verb(address, &["swap", "plain", "plain.wasm"]);
    let output = succeed(swap.current_dir(&folder).env("USER", "anna"));
    let shown = [
        "  Swapping plain",
        "      Read plain.wasm (1 KiB) in 0.2 ms",
        "  Compiled plain in 103 ms",
        "      Live plain, revision 2 (sha256 2abcdefabcde) in 0.1 ms",
        "  Draining revision 1",
        "   Drained revision 1 in 12 ms",
    ];
    assert_eq!((stderr(&output).lines().collect::<Vec<_>>(), stdout(&output)), (shown.to_vec(), ""));

    let asked = asked.join().expect("the host ran");
    let lines: Vec<_> = asked.iter().map(|head| head.lines().next().unwrap_or_default()).collect();
    let expected = [
        "GET /v1/services HTTP/1.1",
        "PUT /v1/services/plain/component HTTP/1.1",
        "GET /v1/services/plain/drained HTTP/1.1",
    ];
    assert_eq!(lines, expected);
    let length = fs::metadata(folder.path().join("plain.wasm")).expect("it is there").len();
    assert!(asked[1].contains(&format!("content-length: {length}\r\n")), "{}", asked[1]);
    let agent = format!("user-agent: dovetail/{} (anna@", env!("CARGO_PKG_VERSION"));
    assert!(asked[1].contains(&agent), "{}", asked[1]);
    assert!(!asked[1].contains("authorization"), "{}", asked[1]);
}

#[test]
fn a_refused_component_is_told_with_every_problem() {
    let folder = plain("");
    let problems = ["error: `a` has other types\n  order  func()\n  user   func(id: u64)", "error: `b` is missing"];
    let refused = json!({ "error": "the component does not fit", "problems": problems });
    let (address, _) = answering(vec![(200, services()), (409, refused)]);
    let output = fail(verb(address, &["swap", "plain", "plain.wasm"]).current_dir(&folder));
    let (first, second) = (problems[0], problems[1]);
    let told = format!("  Swapping plain\nerror: `plain.wasm`: the component does not fit\n\n{first}\n\n{second}\n");
    assert_eq!((stderr(&output), stdout(&output)), (told.as_str(), ""));
}

#[test]
fn a_canary_is_told_with_how_it_goes_on() {
    let folder = plain("");
    let canary =
        json!({ "service": "plain", "outcome": "canary", "from": revision(1), "to": revision(2), "steps": [] });
    for (arguments, query, next) in [
        (&["--canary", "10%"][..], "?canary=10", "go on with `dovetail promote plain` or `dovetail rollback plain`"),
        (
            &["--canary", "5", "--for", "1m"],
            "?canary=5&for=60s",
            "live after 1 min and 100 calls of its own if it erred no more",
        ),
        (
            &["--canary", "5", "--for", "1m", "--calls", "7"],
            "?canary=5&for=60s&calls=7",
            "live after 1 min and 7 calls",
        ),
    ] {
        let (address, asked) = answering(vec![(200, services()), (200, canary.clone())]);
        let output = succeed(verb(address, &["swap", "plain", "plain.wasm"]).args(arguments).current_dir(&folder));
        assert!(
            stderr(&output).contains("    Canary plain, revision 2 (sha256 2abcdefabcde)\n"),
            "{}",
            stderr(&output)
        );
        assert!(stderr(&output).contains(next), "{}", stderr(&output));
        assert!(
            asked.join().expect("the host ran")[1].starts_with(&format!("PUT /v1/services/plain/component{query} "))
        );
    }
}

#[test]
fn a_rollback_and_a_promotion_are_posted() {
    for verb_name in ["rollback", "promote"] {
        let live =
            json!({ "service": "plain", "outcome": "live", "from": revision(2), "to": revision(1), "steps": [] });
        let mut answers = vec![(200, live), (200, json!({ "service": "plain", "drained": [] }))];
        // What it is about to take back is asked first, and told.
        let mut told = revision(2);
        told["name"] = json!("plain");
        let services = (200, json!({ "services": [told] }));
        let (first, from) = match verb_name {
            "rollback" => (Some(services), "?from=2&digest=2abcdef"),
            _ => (None, ""),
        };
        answers.splice(0..0, first.clone());
        let (address, asked) = answering(answers);
        let output = succeed(verb(address, &[verb_name, "plain"]));
        assert!(
            stderr(&output).contains("      Live plain, revision 1 (sha256 1abcdefabcde)\n"),
            "{}",
            stderr(&output)
        );
        let asked = asked.join().expect("the host ran");
        let posted = asked.iter().find(|head| head.starts_with("POST")).expect("it is posted");
        assert!(posted.starts_with(&format!("POST /v1/services/plain/{verb_name}{from}")), "{posted}");

        let refused = (409, json!({ "error": "there is nothing to go back to" }));
        let (address, _) = answering(first.into_iter().chain([refused]).collect());
        let output = fail(verb(address, &[verb_name, "plain"]));
        assert!(stderr(&output).ends_with("error: there is nothing to go back to\n"), "{}", stderr(&output));
    }
    let unchanged = json!({ "service": "plain", "outcome": "unchanged", "from": revision(1), "to": revision(1) });
    let (address, _) = answering(vec![(200, unchanged)]);
    let output = succeed(verb(address, &["promote", "plain"]));
    assert!(stderr(&output).contains("plain: revision 1 (sha256 1abcdefabcde) is live already"), "{}", stderr(&output));
}

#[test]
fn what_is_no_host_is_told() {
    for (status, answer) in [(200, json!("hello")), (502, json!("<html>"))] {
        let (address, _) = answering(vec![(status, answer)]);
        let output = fail(verb(address, &["status"]));
        let told = format!("error: what answers at http://{address} is no Dovetail host");
        assert!(stderr(&output).contains(&told), "{}", stderr(&output));
    }
}

/// Stands for a host: gives these answers, each on a connection of its own, and
/// returns the heads of what it was asked.
fn answering(answers: Vec<(u16, Value)>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = move |(status, answer): (u16, Value)| {
        let (mut stream, _) = listener.accept().expect("a connection");
        let head = raw::read_to(&mut stream, "\r\n\r\n");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        raw::read_bytes(&mut stream, length.map_or(0, |length| length.parse().expect("a number")));
        let body = answer.to_string();
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).expect("it reads");
        head
    };
    (address, std::thread::spawn(move || answers.into_iter().map(answer).collect()))
}

fn services() -> Value {
    json!({ "app": "plain", "services": [{ "name": "plain" }] })
}

fn revision(number: u64) -> Value {
    json!({ "revision": number, "digest": format!("{number}{}", "abcdef".repeat(10)) })
}

/// A verb for a host at this address, where no manifest is.
fn verb(host: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = dovetail();
    command.args(arguments).args(["--admin", &host.to_string()]).current_dir("/");
    command
}

fn secret(file: &Path, token: &str) {
    fs::write(file, format!("{token}\n")).expect("it can be written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn succeed(command: impl BorrowMut<Command>) -> Output {
    ended(command, 0)
}

fn fail(command: impl BorrowMut<Command>) -> Output {
    ended(command, 1)
}

fn ended(mut command: impl BorrowMut<Command>, code: i32) -> Output {
    let output = command.borrow_mut().output().expect("dovetail starts");
    assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    output
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
