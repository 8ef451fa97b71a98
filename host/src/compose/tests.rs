#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use std::path::Path;

use super::*;
use crate::manifest::Manifest;

/// Answers HTTP by WASI 0.2.
const HANDLES: &str = r#"(component
    (import "wasi:http/types@0.2.0" (instance $types
        (export "incoming-request" (type (sub resource)))
        (export "response-outparam" (type (sub resource)))))
    (alias export $types "incoming-request" (type $request))
    (alias export $types "response-outparam" (type $out))
    (core module $m (func (export "handle") (param i32 i32)))
    (core instance $i (instantiate $m))
    (alias core export $i "handle" (core func $handle))
    (func $handle (param "request" (own $request)) (param "response-out" (own $out)) (canon lift (core func $handle)))
    (instance $handler (export "handle" (func $handle)))
    (export "NAME" (instance $handler)))"#;

/// Asks another service.
const ASKS: &str = r#"(component
    (import "demo:tools/clock@0.1.0" (instance (export "now" (func (result u64))))))"#;

/// Answers it.
const TELLS: &str = r#"(component
    (core module $m (func (export "now") (result i64) (i64.const 7)))
    (core instance $i (instantiate $m))
    (func $now (result u64) (canon lift (core func $i "now")))
    (instance $clock (export "now" (func $now)))
    (export "demo:tools/clock@0.1.0" (instance $clock)))"#;

/// Compose services of these names, with or without a route, from their texts.
fn app_of(services: &[(&str, bool, &str)], alone: Option<&str>) -> Result<Composed, ComposeError> {
    app_with(services, "", false, alone)
}

/// The same with more of a manifest, and events that are calls or not.
fn app_with(
    services: &[(&str, bool, &str)],
    more: &str,
    are_calls: bool,
    alone: Option<&str>,
) -> Result<Composed, ComposeError> {
    let mut text = "[app]\nname = \"app\"\n".to_owned();
    for (name, routed, _) in services {
        let routes = if *routed { format!("[\"/{name}\"]") } else { "[]".into() };
        text.push_str(&format!("[service.{name}]\ncomponent = \"{name}.wasm\"\nroutes = {routes}\n"));
    }
    let manifest = Manifest::parse(Path::new("dovetail.toml"), &(text + more)).expect("a manifest");
    let component = |name: &str| {
        let (_, _, text) = services.iter().find(|(other, ..)| *other == name).expect("one of them");
        wat::parse_str(text).expect("a component")
    };
    let sources = manifest.services.iter().map(|service| Source { service, component: component(&service.name) });
    let sources: Vec<_> = sources.collect();
    let events = Events { named: &manifest.events, are_calls };
    match alone {
        Some(name) => service(&sources, &[], events, Store::Host, name),
        None => app(&sources, &[], events, Store::Host),
    }
}

fn refusal(services: &[(&str, bool, &str)], alone: Option<&str>) -> String {
    app_of(services, alone).err().expect("it cannot be composed").to_string()
}

#[test]
fn a_router_is_put_before_services_that_answer() {
    let handles = HANDLES.replace("NAME", HANDLER);
    let composed = app_of(&[("one", true, &handles), ("two", true, &handles), ("idle", false, &handles)], None);
    let composed = composed.expect("it can be composed");
    assert_eq!((composed.services, composed.answers_http), (vec!["one".to_owned(), "two".to_owned()], true));
}

#[test]
fn what_speaks_another_version_of_http_is_composed_alone() {
    let later = HANDLES.replace("NAME", "wasi:http/handler@0.3.0");
    let why = refusal(&[("one", true, &later)], None);
    assert!(why.starts_with("service `one` answers HTTP by `wasi:http/handler@0.3.0` of WASI 0.3"), "{why}");
    assert!(why.ends_with("or compose it alone: `dovetail compose one`"), "{why}");
    assert!(app_of(&[("one", true, &later)], Some("one")).is_ok());
    let other = HANDLES.replace("NAME", "demo:http/handler@0.2.0");
    let why = "service `one` has routes, but its component does not export `wasi:http/incoming-handler`; remove its \
               routes, or build it to answer HTTP";
    assert_eq!(refusal(&[("one", true, &other)], None), why);
}

#[test]
fn what_is_left_open_is_named_with_who_wants_it() {
    let why = "`demo:tools/clock@0.1.0` is left open, and no host of WASI has it; `asks` imports it: add a service \
               that exports it";
    assert_eq!(refusal(&[("asks", false, ASKS)], Some("asks")), why);
}

#[test]
fn what_this_host_alone_offers_is_not_composed() {
    for own in ["dovetail:events/delivery@0.1.0", "dovetail:events/emission@0.1.0"] {
        let asks = ASKS.replace("demo:tools/clock@0.1.0", own);
        let why = format!(
            "`{own}` is Dovetail's own, and no other host has it; `asks` imports it: build it without that import to \
             compose it"
        );
        assert_eq!(refusal(&[("asks", false, &asks)], Some("asks")), why);
    }
}

#[test]
fn an_event_is_a_call_of_its_subscriber_or_refused() {
    let services = [("asks", false, ASKS), ("clock", false, TELLS), ("other", false, TELLS)];
    let event = |name: &str, subscribers: &str| format!("[event.\"{name}\"]\nsubscribers = {subscribers}\n");
    // A table without a version means every version.
    for name in ["demo:tools/clock@0.1.0", "demo:tools/clock@0.1.7", "demo:tools/clock"] {
        let event = event(name, "[\"clock\"]");
        let composed = app_with(&services, &event, true, Some("asks")).expect("it can be composed");
        assert_eq!(composed.services, ["clock", "asks"], "{name}");
        let why = app_with(&services, &event, false, Some("asks")).err().expect("it is refused").to_string();
        let expected = "service `asks` emits events of `demo:tools/clock@0.1.0`, and other hosts keep and deliver \
                        none; with `--events call` each is a plain call of `clock`, which `asks` waits for and fails with";
        assert_eq!(why, expected, "{name}");
        // Who emits none is composed as ever.
        assert!(app_with(&services, &event, false, Some("clock")).is_ok(), "{name}");
    }
    let several = event("demo:tools/clock@0.1.0", "[\"clock\", \"other\"]");
    for are_calls in [true, false] {
        let why = app_with(&services, &several, are_calls, Some("asks")).err().expect("it is refused").to_string();
        let expected = "service `asks` emits events of `demo:tools/clock@0.1.0`, which other hosts keep and deliver \
                        none of, and which has several subscribers: `clock`, `other`; a plain call has one, so leave \
                        the others out of `subscribers`";
        assert_eq!(why, expected);
    }
    // Another version is another interface.
    let later = event("demo:tools/clock@0.2.0", "[\"clock\"]");
    let why = app_with(&services, &later, true, Some("asks")).err().expect("it is refused").to_string();
    assert!(why.starts_with("`demo:tools/clock@0.1.0` is left open"), "{why}");
}

#[test]
fn events_that_would_be_calls_in_a_circle_are_refused() {
    let both = |import: &str, export: &str| {
        TELLS
            .replace("(component", &format!("(component (import \"{import}\" (instance (export \"now\" (func))))"))
            .replace("demo:tools/clock@0.1.0", export)
    };
    let (ping, pong) = (both("demo:ring/pong", "demo:ring/ping"), both("demo:ring/ping", "demo:ring/pong"));
    let events = "[event.\"demo:ring/ping\"]\nsubscribers = [\"ping\"]\n\
                  [event.\"demo:ring/pong\"]\nsubscribers = [\"pong\"]\n";
    let services = [("ping", false, &*ping), ("pong", false, &*pong)];
    let why = app_with(&services, events, true, Some("pong")).err().expect("it is refused").to_string();
    let expected = "services would call each other in a circle if events were calls: pong -> ping -> pong; a \
                    composition can have none, so leave one of these subscribers out";
    assert_eq!(why, expected);
}

/// What the library that composes panics at.
const PASSES_ON: &str = include_str!("../../tests/swaps/passes-on.wat");

#[test]
fn a_component_that_the_library_panics_at_is_named() {
    let error = app_of(&[("passes", false, PASSES_ON)], Some("passes")).err().expect("it cannot be composed");
    assert_eq!(error.to_string(), "the component of `passes` cannot be composed; that is no fault of its own");
    let cause = std::error::Error::source(&error).expect("the panic").to_string();
    assert!(
        cause.contains("a defect") && cause.contains("assertion failed") && cause.contains("wasmparser"),
        "{cause}"
    );
}
