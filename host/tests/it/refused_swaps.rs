//! A component that may not go live is refused, with everything that is wrong
//! with it, and nobody who uses the app notices.

use std::fs::{self, File};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Host, Load, SHOP, app, dovetail,
    made::{bytes, directory, handler, linked, parse},
    pieces, request,
};

/// What can be refused beside the shop: a second caller of its users, a service
/// with a probe, two that must not come to call each other, and one whose calls
/// may take little.
const MORE: &str = r#"
[store]
url = "memory:"
[service.relay]
component = "{relay}"
routes = ["/relay/*"]
[service.guest]
component = "{guest}"
routes = ["/guest/*"]
probe = "/guest/hello"
[service.a]
component = "a.wasm"
[service.b]
component = "b.wasm"
[service.modest]
component = "modest.wasm"
limits = { memory = "8MiB", deadline = "200ms" }
"#;

/// The largest component that is taken, in bytes.
const LARGEST: usize = 128 << 20;

/// An app and what uses it.
struct Scene {
    _folder: TempDir,
    host: Host,
    load: Load,
    /// The services as they are shown at first, but for what calls change.
    before: Vec<Value>,
}

impl Scene {
    async fn new() -> Scene {
        let folder = app(&format!("{SHOP}{MORE}"));
        let exports_b = "(component (core module $m (func (export \"turn\"))) (core instance $i (instantiate $m))
            (func $turn (canon lift (core func $i \"turn\"))) (instance $b (export \"turn\" (func $turn)))
            (export \"demo:ring/b\" (instance $b)))";
        for (name, component) in [("a", linked("ring-a-needs-b")), ("b", parse(exports_b)), ("modest", linked("plain"))]
        {
            fs::write(folder.path().join(format!("{name}.wasm")), component).expect("it can be written");
        }
        let host = Host::up(folder.path());
        let load = Load::start(&host).await;
        let before = services(&host).await;
        Scene { _folder: folder, host, load, before }
    }

    /// Have a swap refused, and see that this was all. Each problem must have the
    /// texts that are listed for it, and there must be no other.
    async fn refuses(&self, service: &str, component: &[u8], problems: &[&[&str]]) {
        let answer = self.host.put(service, component).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
        let answer = answer.json();
        assert_eq!(answer["error"], "the component was refused");
        let told: Vec<_> = answer["problems"].as_array().expect("a list").iter().map(|it| it.as_str()).collect();
        assert_eq!(told.len(), problems.len(), "{told:#?}");
        for (told, texts) in told.iter().zip(problems) {
            let told = told.expect("a text");
            for text in *texts {
                assert!(told.contains(text), "{text:?} is not in\n{told}");
            }
        }
        self.is_as_before(service).await;
    }

    /// Nothing was swapped, and everybody is served.
    async fn is_as_before(&self, service: &str) {
        assert_eq!(services(&self.host).await, self.before);
        assert_eq!(self.host.history(service).await.len(), 1);
        self.load.more().await;
    }

    /// No request had failed.
    async fn end(self) {
        self.load.stop().await;
        for service in services(&self.host).await {
            assert_eq!((&service["errors"], &service["draining"]), (&json!(0), &json!([])), "{service}");
        }
    }
}

/// What is shown of each service, without what its calls change.
async fn services(host: &Host) -> Vec<Value> {
    let mut services = host.admin("/v1/services").await.json()["services"].take();
    let services = services.as_array_mut().expect("a list");
    for service in &mut *services {
        let service = service.as_object_mut().expect("an object");
        for key in ["calls", "live_calls", "instances", "traps"] {
            service.remove(key).expect("it is shown");
        }
    }
    std::mem::take(services)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_component_is_refused() {
    let scene = Scene::new().await;
    let whole = bytes("user");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2..].fill(0xff);
    let no_component = "what was sent for service `user` is ";
    let cannot_be_loaded = "the component that was sent for service `user` cannot be loaded: ";
    for (component, problem) in [
        (parse("(module)"), [no_component, "a core module, not a component"]),
        (whole[..whole.len() / 2].to_vec(), [cannot_be_loaded, "is out of bounds"]),
        (whole[..20].to_vec(), [cannot_be_loaded, "unexpected end"]),
        (damaged, [cannot_be_loaded, "at offset"]),
        (b"\x8f\x02\xd1random bytes\x00\xff".repeat(1000), [no_component, "not WebAssembly"]),
        (b"(component)".to_vec(), [no_component, "WebAssembly in its text form"]),
        (b"[app]\nname = \"shop\"\n".to_vec(), [no_component, "TOML text, no component"]),
        (Vec::new(), [no_component, "empty"]),
        // Valid, but what reads it panics.
        (
            parse(include_str!("../swaps/passes-on-twice.wat")),
            [cannot_be_loaded, "has a defect, and gave up on this one"],
        ),
    ] {
        scene.refuses("user", &component, &[&problem]).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused() {
    let scene = Scene::new().await;
    let (sender, body) = pieces();
    let sent = tokio::spawn(async move {
        let piece = bytes::Bytes::from(vec![0; 1 << 20]);
        for _ in 0..LARGEST >> 20 {
            sender.send(Ok(piece.clone())).await.expect("the host reads");
        }
        sender.send(Ok("x".into())).await.expect("the host reads");
    });
    let put = request(Method::PUT, "/v1/services/user/component", "").map(|_| body);
    let answer = crate::support::Client::http1(scene.host.admin).await.send(put).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json(), json!({ "error": format!("A component must have at most {LARGEST} bytes") }));
    sent.await.expect("all was sent");
    scene.is_as_before("user").await;
    scene.end().await;
}

#[test]
fn what_is_too_large_is_not_sent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("large.wasm");
    // A file of holes takes no room on the disk.
    File::create(&file).and_then(|file| file.set_len(LARGEST as u64 + 1)).expect("a file can be made");
    // Nobody is there to be asked.
    let swap =
        dovetail().args(["swap", "user", "--admin", "127.0.0.1:1"]).arg(&file).output().expect("dovetail starts");
    let told = format!("`{}` is larger than 128 MiB; leave out what it does not use", file.display());
    let said = String::from_utf8_lossy(&swap.stderr);
    assert!(swap.status.code() == Some(1) && said.contains(&told), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_need_must_be_exported_as_they_need_it() {
    let scene = Scene::new().await;
    let no_handler = ["service `user` has routes, but its component exports no handler of HTTP"];
    let missing = |who| format!("service `{who}` imports `shop:users/directory@0.1.0`, which no other service exports");
    let (order, relay) = (missing("order"), missing("relay"));
    // Routes without a handler.
    scene.refuses("user", &directory("Alice"), &[&no_handler]).await;
    // The handler, and not what two others import.
    scene.refuses("user", &bytes("guest"), &[&[&order], &[&relay]]).await;
    // All that is wrong is told at once.
    scene.refuses("user", &linked("plain"), &[&no_handler, &[&order], &[&relay]]).await;

    // The same name with other types: the two signatures are side by side.
    let other_types = r#"
        (func $get-user (param "id" u64) (result u64) (canon lift (core func $i "count")))
        (instance $directory (export "get-user" (func $get-user)))
        (export "shop:users/directory@0.1.0" (instance $directory))"#;
    let with_other_types = |who, wanted: &str, offered: &str| {
        let title =
            format!("service `{who}` imports `shop:users/directory@0.1.0`, which `user` exports with other types");
        [title, format!("- {wanted}"), format!("+ {offered}")]
    };
    let order = with_other_types("order", "admit: func(id: u64) -> result<", "nothing of that name");
    let relay = with_other_types("relay", "get-user: func(id: u64) -> result<", "get-user: func(id: u64) -> u64");
    let [order, relay] = [&order, &relay].map(|texts| texts.each_ref().map(String::as_str));
    scene.refuses("user", &handler("", other_types), &[&order, &relay]).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_needs_must_be_there() {
    let scene = Scene::new().await;
    let imports = r#"(import "demo:tools/saw@1.0.0" (instance (export "cut" (func))))
        (import "demo:tools/axe@1.0.0" (instance (export "cut" (func))))"#;
    let missing = |what| format!("service `guest` imports `demo:tools/{what}@1.0.0`, which no other service exports");
    scene.refuses("guest", &handler("", imports), &[&[&missing("saw")], &[&missing("axe")]]).await;

    let nonsense = parse(r#"(component (import "wasi:nonsense/it@0.2.0" (instance (export "do" (func)))))"#);
    let not_offered = "service `modest` imports `wasi:nonsense/it@0.2.0`, which the host does not offer";
    scene.refuses("modest", &nonsense, &[&[not_offered]]).await;

    let circle = ["services link in a circle: a -> b -> a", "`b` imports `demo:ring/a` from `a`"];
    scene.refuses("b", &linked("ring-b-needs-a"), &[&circle]).await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_is_refused() {
    let scene = Scene::new().await;
    for (component, problem) in [
        ("large-memory", ["service `modest` wants 128MiB of memory when it starts", "limits.memory of 8MiB"]),
        (
            "traps-at-start",
            [
                "the component that was sent for service `modest` failed when it was started",
                "`unreachable` instruction",
            ],
        ),
        ("spins-at-start", ["service `modest` was not ready to serve", "limits.deadline of 200ms"]),
        (
            "three-memories",
            ["the component that was sent for service `modest` has 3 linear memories in an instance", "room for"],
        ),
    ] {
        scene.refuses("modest", &linked(component), &[&problem]).await;
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_its_probe_is_refused() {
    let scene = Scene::new().await;
    let failed = "the probe of service `guest`, GET /guest/hello, failed";
    for (component, why) in [
        (bytes("relay"), "it answered 400"),
        (bytes("order"), "it answered 404"),
        (handler("unreachable", ""), "service \"guest\" trapped"),
        (handler("", ""), "without setting a response"),
    ] {
        scene.refuses("guest", &component, &[&[failed, why]]).await;
    }
    assert_eq!(scene.host.get("/guest/hello").await.text(), "hello\n");
    scene.end().await;
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_refused() {
    let folder = app(&format!("{SHOP}[store]\nurl = \"memory:\"\n"));
    let host = Host::up(folder.path());
    let component = bytes("user");
    let none =
        json!({ "error": "there is no service `nobody` in the app `shop`; there are `notices`, `order`, `user`" });
    for (method, what) in [
        (Method::PUT, "component"),
        (Method::POST, "rollback"),
        (Method::POST, "promote"),
        (Method::GET, "history"),
        (Method::GET, "drained"),
    ] {
        let path = format!("/v1/services/nobody/{what}");
        let answer = host.manage(method, &path, component.clone()).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::NOT_FOUND, none.clone()), "{what}");
        let path = format!("/v1/services/user/{what}");
        let answer = host.manage(Method::DELETE, &path, "").await;
        let allowed = ["PUT", "POST", "GET, HEAD"];
        let allow = answer.header("allow");
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{what}");
        assert!(allowed.contains(&allow), "{what} allows {allow}");
        assert_eq!(answer.json(), json!({ "error": format!("Method not allowed, only {allow}") }));
    }
    for (query, error) in [
        ("canary=0", "from 1 to 99"),
        ("canary=100", "from 1 to 99"),
        ("canary=much", "from 1 to 99"),
        ("canary=", "from 1 to 99"),
        ("for=60s", "for needs a canary"),
        ("canary=10&for=soon", "for "),
        ("canary=10&calls=5", "calls needs a for"),
        ("canary=10&for=60s&calls=0", "calls must be a number of calls, 1 or more"),
        ("canary=10&share=1", "there is no parameter \"share\""),
        ("canary=10&canary=20", "canary is there more than once"),
    ] {
        let path = format!("/v1/services/user/component?{query}");
        let answer = host.manage(Method::PUT, &path, component.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let told = answer.json()["error"].as_str().expect("a sentence").to_owned();
        assert!(told.contains(error), "{query}: {told}");
    }
    for what in ["rollback", "promote"] {
        let answer = host.decide("user", what).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{what}");
        assert!(answer.json()["error"].as_str().expect("a sentence").contains("service `user`"), "{what}");
    }
    // It is the canary that is promoted, whatever it is.
    let answer = host.manage(Method::POST, "/v1/services/user/promote?from=1", "").await;
    let told = json!({ "error": "there is no parameter \"from\"; this takes none" });
    assert_eq!((answer.status, answer.json()), (StatusCode::BAD_REQUEST, told));
    assert_eq!(host.history("user").await.len(), 1);
}
