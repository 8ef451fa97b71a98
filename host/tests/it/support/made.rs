//! Components that are made for a test: others than those that are built.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{app, component};

/// What the answers of the shop's services say of their type, and what those of
/// their [`other`] variants do. The services take either.
pub const TYPES: [&str; 2] = ["application/json", "application/JSON"];

/// The bytes of a built component; see [`component`].
pub fn bytes(name: &str) -> Vec<u8> {
    fs::read(component(name)).expect("the component is built")
}

/// A built component in which a text is replaced by another, so that its answers
/// tell which one it is.
pub fn variant(name: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "nothing else in the component may move");
    let mut bytes = bytes(name);
    let places: Vec<_> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(from.as_bytes())).collect();
    assert!(!places.is_empty(), "{name} has no text {from:?}");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// A built component with the type of a stream at its end: nothing uses it, but only
/// a host of WASI 0.3 knows it.
pub fn with_a_stream(name: &str) -> Vec<u8> {
    // A section of one type, `stream<u8>`.
    let types = [0x07, 0x04, 0x01, 0x66, 0x01, 0x7d];
    [bytes(name), types.to_vec()].concat()
}

/// A service of the shop that says [`TYPES`]' second of its answers.
pub fn other(name: &str) -> Vec<u8> {
    variant(name, TYPES[0], TYPES[1])
}

/// A small directory in which everybody has this name, of five letters.
pub fn directory(name: &str) -> Vec<u8> {
    assert_eq!(name.len(), 5);
    parse(&include_str!("../../swaps/directory.wat").replace("NAMES", name))
}

/// An app of a relay, at `/relay/{id}`, and a small [`directory`] that it asks. It
/// starts and is swapped quickly.
pub fn relay_and_directory(name: &str) -> TempDir {
    let folder = app(r#"
[app]
name = "small"
[store]
url = "memory:"
[service.relay]
component = "{relay}"
routes = ["/relay/{id}"]
[service.directory]
component = "directory.wasm"
"#);
    fs::write(folder.path().join("directory.wasm"), directory(name)).expect("it can be written");
    folder
}

/// A directory that asks another one. The mark makes one differ from the next.
pub fn between(mark: &str) -> Vec<u8> {
    parse(&include_str!("../../swaps/between.wat").replace("MARK", mark))
}

/// A component that answers HTTP as this code does: `unreachable` traps, and
/// without any there is no answer. `more` of the component's text may follow.
pub fn handler(code: &str, more: &str) -> Vec<u8> {
    parse(&include_str!("../../swaps/handler.wat").replace("BODY", code).replace("MORE", more))
}

/// A component that is told of the shop's orders and does with each what this code does:
/// `unreachable` traps.
pub fn subscriber(code: &str) -> Vec<u8> {
    parse(&include_str!("../../events/subscriber.wat").replace("BODY", code))
}

/// A component that emits a signal whose record has this field alone, at every request, and
/// gives no answer.
pub fn emitter_of(field: &str) -> Vec<u8> {
    parse(&include_str!("../../events/emitter.wat").replace("FIELD", field))
}

/// A component that is told of such signals.
pub fn recorder_of(field: &str) -> Vec<u8> {
    parse(&include_str!("../../events/recorder.wat").replace("FIELD", field))
}

/// The same component in another file: it says nothing more in a section of its own.
pub fn again(component: Vec<u8>) -> Vec<u8> {
    [component, vec![0x00, 0x02, 0x01, b'a']].concat()
}

/// A component of `tests/links/wat`.
pub fn linked(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/links/wat/{name}.wat"));
    wat::parse_file(file).unwrap_or_else(|error| panic!("{error}"))
}

/// A component or a module from its text.
pub fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}
