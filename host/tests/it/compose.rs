//! Services are composed into one component, which other hosts run.

use std::fs;

use http::StatusCode;
use serde_json::json;
use wac_graph::{CompositionGraph, types::Package};

use crate::support::{
    Host, app,
    composed::{compose, composed, refused},
    dovetail,
    elsewhere::Elsewhere,
    made::{between, directory, handler, linked, parse},
    shop, shop_table,
};

/// What keeps nothing and opens no bucket: enough to see that something starts.
const OPTIONS: [&str; 2] = ["-S", "cli,keyvalue,config"];

#[tokio::test]
async fn the_shop_answers_its_table_under_wash() {
    let folder = shop();
    let Some(host) = Elsewhere::wash(&composed(&folder, &["--events", "call"])) else { return };
    shop_table::run(&mut host.connect().await).await;
}

#[tokio::test]
async fn the_shop_starts_under_wasmtime_and_routes_as_ours_does() {
    let folder = shop();
    let Some(theirs) = Elsewhere::wasmtime(&composed(&folder, &["--events", "call"]), &OPTIONS) else { return };
    let ours = Host::up_with(folder.path(), &["--store", "memory:"]);
    let (mut theirs, mut ours) = (theirs.connect().await, ours.connect().await);
    // None of these gets as far as the store.
    for path in [
        "/",
        "/users/",
        "/users/1/",
        "/orders",
        "/orders?",
        "/nowhere",
        "//users",
        "/Users/1",
        "/users/1/x",
        "/%6frders",
        "/x/../orders",
        "/users%2F1",
        "/users/%zz",
        "/users/1%00",
    ] {
        let (theirs, ours) = (theirs.get(path).await, ours.get(path).await);
        assert_eq!((theirs.status, theirs.text()), (ours.status, ours.text()), "{path}");
        assert_eq!(theirs.header("content-type"), ours.header("content-type"), "{path}");
    }
    for path in ["/users", "/orders", "/nowhere"] {
        let (theirs, ours) = (theirs.post(path, "{}").await, ours.post(path, "{}").await);
        assert_eq!((theirs.status, theirs.text()), (ours.status, ours.text()), "{path}");
    }
}

#[tokio::test]
async fn one_service_is_composed_with_those_that_it_calls() {
    let folder = app(CHAIN);
    fs::write(folder.path().join("between.wasm"), between("one!")).expect("it can be written");
    for (file, name) in [("alice.wasm", "Alice"), ("carol.wasm", "Carol")] {
        fs::write(folder.path().join(file), directory(name)).expect("it can be written");
    }
    let file = composed(&folder, &["relay"]);
    let bytes = fs::read(&file).expect("it was written");
    assert_eq!(count(&bytes, "Alice"), 1, "the directory that both call is there once");
    assert_eq!(count(&bytes, "Carol"), 0, "nobody calls the other one");
    let (imports, exports) = surface(&bytes);
    assert!(imports.iter().all(|import| import.starts_with("wasi:")), "{imports:?}");
    assert!(exports.iter().all(|export| export.starts_with("wasi:http/incoming-handler@0.2")), "{exports:?}");
    let Some(host) = Elsewhere::wasmtime(&file, &OPTIONS) else { return };
    let answer = host.connect().await.get("/relay/5").await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "id": 5, "name": "Alice" })));
}

/// What other hosts lack is refused, or asked for as something else.
#[test]
fn events_are_refused_unless_they_are_to_be_calls() {
    let folder = shop();
    let why = "service `order` emits events of `shop:orders/events@0.1.0`, and other hosts keep and deliver none; \
               with `--events call` each is a plain call of `notices`";
    refused(&folder, &["-o", "x.wasm"], why);
    refused(&folder, &["order", "-o", "x.wasm"], why);
    composed(&folder, &["order", "--events", "call"]);
    composed(&folder, &["notices"]);
}

/// A relay that calls a directory through another, which `links` choose.
const CHAIN: &str = r#"
[app]
name = "chain"
[service.relay]
component = "{relay}"
routes = ["/relay/{id}"]
links = { "shop:users/directory" = "between" }
[service.between]
component = "between.wasm"
links = { "shop:users/directory" = "alice" }
[service.alice]
component = "alice.wasm"
[service.carol]
component = "carol.wasm"
"#;

#[tokio::test]
async fn a_service_opens_the_buckets_it_was_granted_elsewhere_too() {
    let mut manifest = "[app]\nname = \"app\"\n".to_owned();
    for (name, grants) in [("one", r#"["a"]"#), ("both", r#"["a", "b"]"#), ("none", "[]")] {
        manifest.push_str(&format!(
            "[service.{name}]\ncomponent = \"{{guest}}\"\nroutes = [\"/{name}/*\"]\nbuckets = {grants}\n"
        ));
    }
    let Some(host) = Elsewhere::wash(&composed(&app(&manifest), &[])) else { return };
    let mut client = host.connect().await;
    for bucket in ["a", "b"] {
        assert_eq!(client.post(&format!("/both/set?bucket={bucket}&key=k"), bucket).await.text(), "done\n");
    }
    for (service, opens) in [("one", vec!["a"]), ("both", vec!["a", "b"]), ("none", vec![])] {
        for bucket in ["a", "b", "", "aa", "c"] {
            let answer = client.get(&format!("/{service}/get?bucket={bucket}&key=k")).await;
            match opens.contains(&bucket) {
                true => assert_eq!((answer.status, answer.text()), (StatusCode::OK, bucket)),
                false => assert_eq!(answer.status, StatusCode::FORBIDDEN, "{service} {bucket} {answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_star_is_routed_as_ours_does() {
    let folder = app(r#"
[app]
name = "app"
[store]
url = "memory:"
[service.files]
component = "{guest}"
routes = ["/files/*", "/hello"]
[service.one]
component = "{guest}"
routes = ["/files/me/hello", "/{name}/calls"]
"#);
    let Some(theirs) = Elsewhere::wasmtime(&composed(&folder, &[]), &OPTIONS) else { return };
    let ours = Host::up(folder.path());
    let (mut theirs, mut ours) = (theirs.connect().await, ours.connect().await);
    for path in
        ["/files", "/files/", "/files/hello", "/files/a/b/hello", "/files/x/hello", "/files/me/hello?a=/b", "/hello"]
    {
        let (theirs, ours) = (theirs.get(path).await, ours.get(path).await);
        assert_eq!((theirs.status, theirs.text()), (ours.status, ours.text()), "{path}");
    }
}

#[test]
fn what_a_composition_needs_is_told() {
    let folder = app(r#"
[app]
name = "app"
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["a", "b"]
config = { greeting = "hello there", "a key" = "s3cret" }
env = { LANG = "en", TOKEN = "s3cret" }
outbound = ["api.example.com"]
"#);
    let output = compose(folder.path(), &["-o", "guest.wasm"]);
    let told = String::from_utf8_lossy(&output.stderr);
    for line in [
        "Needs wasi:keyvalue@0.2.0-draft: atomics, batch, store\n",
        "Needs the buckets a, b\n",
        "Needs the configuration a key, greeting\n",
        "Needs the environment LANG, TOKEN\n",
        "Needs to reach api.example.com\n",
        "Run wasmtime serve -S cli,keyvalue,config -S 'config-var=a key=…' -S 'config-var=greeting=…' \
         --env LANG --env TOKEN guest.wasm\n",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(!told.contains("hello") && !told.contains("s3cret"), "{told}");
}

#[test]
fn a_file_is_replaced_whole_and_standard_output_gets_the_same() {
    let folder = app(CHAIN_OF_TWO);
    fs::write(folder.path().join("directory.wasm"), directory("Alice")).expect("it can be written");
    let file = folder.path().join("out.wasm");
    fs::write(&file, "what was there before").expect("it can be written");
    assert!(compose(folder.path(), &["relay", "-o", "out.wasm"]).status.success());
    let piped = compose(folder.path(), &["relay", "-o", "-"]);
    assert!(piped.status.success());
    assert_eq!(fs::read(&file).expect("it is there"), piped.stdout);
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|it| it.expect("an entry").file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".out")), "{left:?}");
}

const CHAIN_OF_TWO: &str = r#"
[app]
name = "chain"
[service.relay]
component = "{relay}"
[service.directory]
component = "directory.wasm"
"#;

#[test]
fn what_cannot_be_composed_is_told() {
    let folder = app(CHAIN_OF_TWO);
    let put = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).expect("it can be written");
    put("directory.wasm", directory("Alice"));
    refused(
        &folder,
        &["directroy", "-o", "x.wasm"],
        "there is no service `directroy` in `dovetail.toml`; did you mean `directory`?",
    );
    refused(&folder, &["-o", "x.wasm"], "no service has a route");
    refused(&folder, &["relay", "-o", "gone/x.wasm"], "`gone/x.wasm` cannot be written: there is no folder `gone`");
    refused(&folder, &["relay", "-o", "."], "`.` is a folder; write a file in it");

    // The link is what `check` finds first.
    put("directory.wasm", handler("", ""));
    let open = "service `relay` imports `shop:users/directory@0.1.0`, which no other service exports";
    refused(&folder, &["relay", "-o", "x.wasm"], open);

    let two = app(r#"
[app]
name = "two"
[service.one]
component = "{guest}"
routes = ["/one/*"]
config = { greeting = "hello" }
[service.other]
component = "{guest}"
routes = ["/other/*"]
config = { greeting = "good day" }
"#);
    refused(&two, &["-o", "x.wasm"], "services `one` and `other` have different values for `greeting` in `config`");
    assert!(!two.path().join("x.wasm").exists());
}

/// A component that is served as any other, and that the library which composes
/// panics at.
#[test]
fn a_component_that_cannot_be_composed_is_named() {
    let folder = app("[app]\nname = \"app\"\n[service.one]\ncomponent = \"one.wasm\"\n");
    let component = parse(include_str!("../swaps/passes-on.wat"));
    fs::write(folder.path().join("one.wasm"), component).expect("it can be written");
    let output = compose(folder.path(), &["one", "-o", "x.wasm"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the component of `one` cannot be composed; that is no fault of its own"), "{told}");
    assert!(told.contains("a library that reads components has a defect") && !told.contains("panicked"), "{told}");
    assert!(!folder.path().join("x.wasm").exists());
    assert!(dovetail().arg("check").current_dir(folder.path()).output().expect("dovetail starts").status.success());
}

#[test]
fn a_composition_over_the_size_limit_is_refused() {
    let folder = app(r#"
[app]
name = "large"
[service.one]
component = "one.wasm"
routes = ["/one"]
[service.other]
component = "other.wasm"
routes = ["/other"]
"#);
    for name in ["one", "other"] {
        fs::write(folder.path().join(format!("{name}.wasm")), padded(handler("", ""), 66 << 20))
            .expect("there is room");
    }
    refused(&folder, &["-o", "x.wasm"], "and may have 134217728");
    assert!(compose(folder.path(), &["one", "-o", "x.wasm"]).status.success());
}

/// An interface of types alone asks for nothing, and its import may stay.
#[tokio::test]
async fn an_import_of_types_alone_is_not_left_open() {
    let folder = app(r#"
[app]
name = "types"
[service.wants]
component = "wants.wasm"
[service.directory]
component = "directory.wasm"
"#);
    fs::write(folder.path().join("wants.wasm"), linked("wants-types")).expect("it can be written");
    fs::write(folder.path().join("directory.wasm"), linked("directory-of-types")).expect("it can be written");
    assert!(compose(folder.path(), &["wants", "-o", "x.wasm"]).status.success());
}

/// What a component imports and exports.
fn surface(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("it", None, component, graph.types_mut()).expect("a component");
    let world = &graph.types()[package.ty()];
    (world.imports.keys().cloned().collect(), world.exports.keys().cloned().collect())
}

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// A component with so many bytes more in a custom section.
fn padded(mut component: Vec<u8>, bytes: usize) -> Vec<u8> {
    // The section's length in LEB128, padded to five bytes, then a name of one letter.
    let length = bytes + 2;
    component.push(0);
    component.extend((0..5).map(|place| (length >> (7 * place) & 0x7f) as u8 | if place < 4 { 0x80 } else { 0 }));
    component.extend(*b"\x01x");
    component.resize(component.len() + bytes, 0);
    component
}
