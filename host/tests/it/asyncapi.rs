//! What `asyncapi` tells of an app's events.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{app, dovetail, plain, shop};

#[test]
fn the_shops_document_is_as_it_was() {
    let folder = shop();
    let output = succeed(dovetail().args(["asyncapi", "--app-version", "1.2.3"]).current_dir(&folder));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asyncapi/shop.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, &output.stdout).expect("the document can be written");
    }
    let printed = String::from_utf8(output.stdout).expect("it is text");
    assert_eq!(printed, fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    let written = succeed(dovetail().args(["asyncapi", "--app-version", "1.2.3", "-o", "a.json"]).current_dir(&folder));
    assert_eq!(written.stdout, b"");
    assert_eq!(fs::read_to_string(folder.path().join("a.json")).expect("it is there"), printed);
}

/// An event that time emits, and nobody else.
const CLOCK: &str = r#"
[app]
name = "clock"
[event."shop:clock/ticks"]
subscribers = ["ticked"]
[schedule.nightly]
cron = "0 3 * * *"
event = "shop:clock/ticks#at"
[service.ticked]
component = "{ticked}"
buckets = ["fixtures"]
"#;

#[test]
fn time_sends_and_what_nobody_here_emits_is_told() {
    let folder = app(CLOCK);
    let document = document(succeed(dovetail().arg("asyncapi").current_dir(&folder)));
    assert_eq!(document["info"]["version"], "0.0.0");
    let operations = document["operations"].as_object().expect("there are some");
    let names: Vec<_> = operations.keys().map(String::as_str).collect();
    let expected = [
        "schedule.nightly.emits.shop.clock.ticks.at",
        "ticked.is-delivered.shop.clock.ticks.at",
        "ticked.is-delivered.shop.clock.ticks.due",
    ];
    assert_eq!(names, expected);
    let payload = |function: &str| {
        let channel = &document["channels"][format!("shop.clock.ticks.{function}")];
        channel["messages"][function]["payload"].clone()
    };
    assert_eq!(payload("at")["properties"]["type"], json!({ "const": "shop:clock/ticks@0.1.0#at" }));
    assert_eq!(payload("at")["properties"]["data"]["required"], json!(["time"]));
    assert_eq!(payload("at")["required"], json!(["specversion", "id", "source", "type", "data"]));
    // It takes nothing.
    assert_eq!(payload("due")["required"], json!(["specversion", "id", "source", "type"]));
}

#[test]
fn an_app_without_events_has_an_empty_document() {
    let folder = plain("");
    let document = document(succeed(dovetail().arg("asyncapi").current_dir(&folder)));
    assert_eq!((&document["asyncapi"], &document["channels"]), (&json!("3.0.0"), &json!({})));
}

#[test]
fn an_app_that_fails_is_told_as_a_check_does() {
    let folder = plain("[event.\"shop:orders/events\"]\nsubscribers = [\"plain\"]\n");
    let [check, asyncapi] = ["check", "asyncapi"].map(|verb| run(dovetail().args(["-q", verb]).current_dir(&folder)));
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told(&check).contains("`plain`"), "{}", told(&check));
    assert_eq!(told(&asyncapi), told(&check));
    assert_eq!((asyncapi.status.code(), asyncapi.stdout), (Some(1), Vec::new()));
}

#[test]
fn it_replaces_nothing_of_the_app() {
    let folder = plain("");
    let output = run(dovetail().args(["asyncapi", "-o", "dovetail.toml"]).current_dir(&folder));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "error: `dovetail.toml` is the app's manifest: name another file\n");
}

fn document(output: Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn run(command: &mut Command) -> Output {
    command.output().expect("dovetail starts")
}
