//! A composition brings its store along, where its host has none that it can use.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{
    Client, app,
    composed::{compose, composed, refused},
    elsewhere::Elsewhere,
    shop, shop_table, tools,
};

/// Clients at once.
const CLIENTS: usize = 32;
/// Orders of each.
const ORDERS: usize = 5;

#[tokio::test]
async fn the_shop_answers_its_table_and_keeps_it_in_files() {
    let folder = shop();
    let component = composed(&folder, &["--store", "fs", "--events", "call"]);
    let Some(host) = serve(&folder, &component) else { return };
    shop_table::run(&mut host.connect().await).await;
    // What was answered is there, whatever becomes of the process.
    host.kill();
    let Some(host) = serve(&folder, &component) else { return };
    let mut client = host.connect().await;
    for (path, body) in [
        ("/users/7", r#"{"id":7,"name":"Frank"}"#),
        ("/users/4", r#"{"error":"User not found"}"#),
        ("/orders?user_id=3", r#"{"orders":[{"id":2,"user_id":3,"item":"Pen"}],"next":null}"#),
    ] {
        assert_eq!(client.get(path).await.text(), body, "{path}");
    }
    assert_eq!(client.post("/users", r#"{"name":"Erin"}"#).await.json()["id"], 8);
    assert_eq!(client.post("/orders", r#"{"user_id":5,"item":"Ink"}"#).await.json()["id"], 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_given_out_once_in_files_to_many_at_once() {
    let folder = shop();
    let component = composed(&folder, &["--store", "fs", "--events", "call"]);
    let mut ids = Vec::new();
    // An instance for each request, then instances that serve many.
    for reuse in ["1", "100"] {
        let Some(host) = serve_reusing(&folder, &component, reuse) else { return };
        let mut asking = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut client = host.connect().await;
            asking.spawn(async move { order(&mut client).await });
        }
        ids.extend(asking.join_all().await.into_iter().flatten());
        host.kill();
    }
    let distinct: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!((ids.len(), distinct.len()), (2 * CLIENTS * ORDERS, 2 * CLIENTS * ORDERS), "{ids:?}");
    let Some(host) = serve(&folder, &component) else { return };
    let page = host.connect().await.get("/orders?user_id=1&limit=1000").await.json();
    let kept = page["orders"].as_array().expect("a list").iter().map(|order| order["id"].as_u64().expect("an id"));
    assert_eq!(kept.collect::<BTreeSet<_>>(), distinct);
}

/// The ids of a client's orders, one after the other.
async fn order(client: &mut Client) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..ORDERS {
        let answer = client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        ids.push(answer.json()["id"].as_u64().expect("an id"));
    }
    ids
}

#[tokio::test]
async fn buckets_that_are_not_granted_stay_closed_in_files() {
    let folder = app(r#"
[app]
name = "app"
[service.one]
component = "{guest}"
routes = ["/one/*"]
buckets = ["a", ".."]
[service.other]
component = "{guest}"
routes = ["/other/*"]
buckets = ["b"]
"#);
    let Some(host) = serve(&folder, &composed(&folder, &["--store", "fs"])) else { return };
    let mut client = host.connect().await;
    for bucket in ["a", ".."] {
        assert_eq!(client.post(&format!("/one/set?bucket={bucket}&key=k"), bucket).await.text(), "done\n");
        assert_eq!(client.get(&format!("/one/get?bucket={bucket}&key=k")).await.text(), bucket);
        assert_eq!(client.get(&format!("/other/get?bucket={bucket}&key=k")).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(client.get("/one/get?bucket=b&key=k").await.status, StatusCode::FORBIDDEN);
    assert_eq!(client.get("/other/get?bucket=b&key=k").await.status, StatusCode::NOT_FOUND);
    // Counters and lists, too, are those of the bucket.
    assert_eq!(client.get("/one/increment?bucket=a&key=n").await.text(), "1");
    assert_eq!(client.get("/one/keys?bucket=a").await.json(), json!(["k", "n"]));
    assert_eq!(client.get("/other/keys?bucket=b").await.json(), json!([]));
}

#[tokio::test]
async fn a_service_of_wasi_03_is_composed_alone_and_behind_one_of_02() {
    let folder = app(r#"
[app]
name = "shop"
[service.notices]
component = "{notices}"
buckets = ["notices"]
[service.user]
component = "{user_async}"
routes = ["/users/*"]
buckets = ["users"]
[service.order]
component = "{order}"
routes = ["/orders/*"]
buckets = ["orders"]
"#);
    // The router, which speaks 0.2, is before neither.
    for (service, path) in [("user", "/users/1"), ("order", "/orders/1")] {
        let Some(host) = serve(&folder, &composed(&folder, &[service, "--store", "fs"])) else { return };
        let mut client = host.connect().await;
        if service == "order" {
            let answer = client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        }
        let answer = client.get(path).await;
        assert_eq!((answer.status, &answer.json()["id"]), (StatusCode::OK, &json!(1)), "{answer:?}");
    }
    refused(&folder, &["-o", "x.wasm"], "service `user` answers HTTP by `wasi:http/handler@0.3.0` of WASI 0.3");
}

/// Serve with an instance for each request, as `wasmtime serve` does by default.
fn serve(folder: &TempDir, component: &Path) -> Option<Elsewhere> {
    serve_reusing(folder, component, "1")
}

/// What is lent to it is `data` in this folder.
fn serve_reusing(folder: &TempDir, component: &Path, reuse: &str) -> Option<Elsewhere> {
    let data = folder.path().join("data");
    fs::create_dir_all(&data).expect("it can be made");
    let lent = format!("{}::/data", data.display());
    let options = ["-S", "cli,config", "--max-instance-reuse-count", reuse, "--dir", &lent];
    Elsewhere::wasmtime(component, &options)
}

#[test]
fn spin_offers_what_the_shop_imports() {
    let folder = shop();
    let component = composed(&folder, &["--target", "spin", "--events", "call"]);
    let manifest: toml::Table = read(&folder, "spin.toml").parse().expect("TOML");
    assert_eq!(
        serde_json::to_value(manifest).expect("plain values"),
        json!({
            "spin_manifest_version": 2,
            "application": { "name": "shop" },
            "trigger": { "http": [{ "route": "/...", "component": "shop" }] },
            "component": { "shop": { "source": "composed.wasm", "key_value_stores": ["default"] } },
        })
    );
    let Some(wasm_tools) = tools::find("wasm-tools") else { return };
    let world = folder.path().join("offers.wit");
    fs::write(&world, include_str!("../spin/offers.wit").replace("@0.2.6", &wasi(&component))).expect("a file");
    assert!(fits(&wasm_tools, &world, &component));
    // What was not adapted does not fit, so this tells something.
    assert!(!fits(&wasm_tools, &world, &composed(&folder, &["--events", "call"])));
}

/// Whether a component imports and exports no more than Spin's world has.
fn fits(wasm_tools: &Path, world: &Path, component: &Path) -> bool {
    let mut command = Command::new(wasm_tools);
    command.args(["component", "targets", "--world", "http-trigger"]).arg(world).arg(component);
    command.output().expect("wasm-tools starts").status.success()
}

/// The version of WASI that a component was built against: `@0.2.12`.
fn wasi(component: &Path) -> String {
    let bytes = fs::read(component).expect("it is there");
    let mut graph = wac_graph::CompositionGraph::new();
    let package = wac_graph::types::Package::from_bytes("it", None, bytes, graph.types_mut()).expect("a component");
    let mut imports = graph.types()[package.ty()].imports.keys();
    let io = imports.find(|import| import.starts_with("wasi:io/error@")).expect("wasi:io");
    io.trim_start_matches("wasi:io/error").to_owned()
}

#[test]
fn spins_manifest_grants_what_ours_does() {
    let folder = app(r#"
[app]
name = "My_app"
[service.relay]
component = "{relay}"
routes = ["/*"]
env = { GREETING = "say \"hello\"", TOKEN = { file = "secrets/token" } }
links = { "shop:users/directory" = "user" }
[service.user]
component = "{user}"
buckets = ["users"]
"#);
    let output = compose(folder.path(), &["--target", "spin", "-o", "composed.wasm"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("other hosts do not read: pass `--env TOKEN=…` to `spin up`"), "{told}");
    assert!(read(&folder, "spin.toml").contains("# \"TOKEN\" is in \"secrets/token\", which Spin does not read.\n"));
    let manifest: toml::Table = read(&folder, "spin.toml").parse().expect("TOML");
    let component: Value = serde_json::to_value(&manifest["component"]["app"]).expect("plain values");
    assert_eq!(component["environment"], json!({ "GREETING": "say \"hello\"" }));
    assert_eq!(component["key_value_stores"], json!(["default"]));
    // It is written again, but nobody else's is.
    composed(&folder, &["--target", "spin"]);
    let file = folder.path().join("spin.toml");
    for others in [&b"spin_manifest_version = 2\n"[..], b"", b"\xff\xfe", b"\0asm\x0d\0\x01\0"] {
        fs::write(&file, others).expect("it can be written");
        refused(&folder, &["--target", "spin", "-o", "x.wasm"], "was not written by `dovetail compose`");
        assert_eq!(fs::read(&file).expect("it is there"), others);
    }
    fs::remove_file(&file).expect("it is there");
    assert!(Command::new("mkfifo").arg(&file).status().expect("there is mkfifo").success());
    refused(&folder, &["--target", "spin", "-o", "x.wasm"], "was not written by `dovetail compose`");
    for output in ["-", "spin.toml"] {
        refused(&folder, &["--target", "spin", "-o", output], "writes a `spin.toml` beside the component");
    }
}

#[test]
fn what_spin_does_not_offer_is_told() {
    let folder = app(r#"
[app]
name = "app"
[service.guest]
component = "{guest}"
routes = ["/*"]
"#);
    let why = "Spin offers no `wasi:config/store@0.2.0-rc.1`, which the composition imports";
    refused(&folder, &["--target", "spin", "-o", "x.wasm"], why);
    assert!(!folder.path().join("spin.toml").exists());
    let both = compose(folder.path(), &["--target", "spin", "--store", "fs", "-o", "x.wasm"]);
    assert_eq!(both.status.code(), Some(2));
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("it was written")
}
