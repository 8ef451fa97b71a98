//! The manifest as serde reads it, and as editors know it.
//!
//! These types say which keys exist, of which type, with which default, and
//! nothing else does: [`shape`](super::shape) checks a manifest against the
//! schema made from them, and serde reads what is left. What is required is an
//! `Option` all the same, since a manifest with a key missing is read to the
//! end. The patterns and ranges are for editors; [`check`](super::check) has
//! the last word.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::{
    auth::Auth,
    compress::Compress,
    content::{Cors, Files, HeaderChanges, Redirect},
    list::List,
    rate::Rate,
    route::{Authorize, Policy, Route, RouteTable},
    setting::Setting,
    text_or::TextOr,
    upstream::{Health, Upstream},
};

mod auth;
mod compress;
mod content;
mod list;
mod rate;
mod route;
mod setting;
mod text_or;
mod upstream;

/// The JSON schema of `dovetail.toml`.
pub fn json_schema() -> Value {
    // Draft 7 is what the editors' TOML plugins know; without `$ref` the
    // schema can be walked beside a manifest.
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Document>().to_value()
}

/// A Dovetail app: its services, what each of them may use, and where it listens.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dovetail.toml")]
pub(super) struct Document {
    #[schemars(required)]
    pub app: Option<App>,
    #[serde(default)]
    pub gateway: Gateway,
    /// By what it is known who asks, by name: lower-case letters, digits and `-`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9-]{0,62}$", "not": {"const": "none"}, "examples": ["login"]}))]
    pub auth: BTreeMap<String, Auth>,
    #[serde(default)]
    pub admin: Admin,
    #[serde(default)]
    pub store: Store,
    /// Rates that routes may name, by name: lower-case letters, digits and `-`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9-]{0,62}$", "examples": ["clients"]}))]
    pub rate: BTreeMap<String, Rate>,
    /// The services, by name: lower-case letters, digits and `-`.
    #[schemars(required, extend("minProperties" = 1, "propertyNames" = {"pattern": "^[a-z][a-z0-9-]{0,62}$"}))]
    pub service: Option<BTreeMap<String, Service>>,
    /// Services that are no components, by name: lower-case letters, digits and `-`, and none
    /// that a service has.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9-]{0,62}$", "examples": ["users"]}))]
    pub upstream: BTreeMap<String, Upstream>,
    /// The events, by interface: who imports one leaves a message for each subscriber,
    /// and calls nobody.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {
        "pattern": "^[A-Za-z][A-Za-z0-9-]*:[A-Za-z][A-Za-z0-9-]*/[A-Za-z][A-Za-z0-9-]*(@.+)?$",
        "not": {"pattern": "^(wasi|dovetail):"},
        "examples": ["acme:stock/events@0.1.0"]
    }))]
    pub event: BTreeMap<String, Event>,
    /// Events that time emits, by name: lower-case letters, digits and `-`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"pattern": "^[a-z][a-z0-9-]{0,62}$", "examples": ["nightly"]}))]
    pub schedule: BTreeMap<String, Schedule>,
}

/// The app as a whole.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    /// The app's name: letters, digits, `-` and `_`.
    #[schemars(required, extend("examples" = ["demo"]), regex(pattern = "^[A-Za-z0-9_-]{1,63}$"))]
    pub name: Option<String>,
}

/// Where requests come in.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Gateway {
    /// The address and port to listen on, or a name and a port, which is all addresses
    /// that the name stands for; or several of these. Port 0 picks a free one.
    #[schemars(extend("examples" = ["127.0.0.1:8080", "localhost:8080", ["127.0.0.1:8080", "10.0.0.1:80"]]))]
    pub listen: List<String>,
    /// The certificate that it shows, and its key: then it speaks TLS alone. Of several the
    /// one is shown that is for the name which the client asks for, or else the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "List<Pair>", extend("examples" = [{"certificate": "shop.pem", "key": "shop.key"}]))]
    pub tls: Option<List<Pair>>,
    /// Where plain HTTP is answered as well, with the address of the same over TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["0.0.0.0:80"]))]
    pub redirect: Option<String>,
    /// The addresses and networks of proxies that may say whose request it is, by
    /// `X-Forwarded-For` or `Forwarded`.
    #[schemars(extend("examples" = [["10.0.0.0/8", "::1"]]))]
    pub trusted: Vec<String>,
    /// Whether each connection begins with a header of the PROXY protocol, version 2: from
    /// those in `trusted`, or from everybody where that names none.
    #[schemars(extend("examples" = [true]))]
    pub proxy_protocol: bool,
    /// What it does with the requests of all routes.
    pub http: Policy,
    /// Routes that it answers itself: tables, each with a `redirect` or with `files`.
    #[schemars(extend("examples" = [[{"route": "/old/{id}", "redirect": "/new/{id}"}]]))]
    pub routes: Vec<RouteTable>,
}

/// A certificate and its key, or where to have them from.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    /// The file of the certificate in PEM, relative to this one: its own first, then those
    /// between it and its authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["shop.pem"]))]
    pub certificate: Option<String>,
    /// The file of the key in PEM, without a password, that only its owner may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["shop.key"]))]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Acme")]
    pub acme: Option<Acme>,
}

/// Have both from an authority that speaks ACME (RFC 8555), and renew them in time.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acme {
    /// The names that the certificate is to be for.
    #[schemars(required, with = "Vec<String>", length(min = 1), extend("examples" = [["shop.example"]]))]
    pub hosts: Option<Vec<String>>,
    /// Whether you agree to the authority's terms of service.
    #[schemars(required, with = "bool", extend("examples" = [true]))]
    pub agree: Option<bool>,
    /// The URL of the authority's directory: that of Let's Encrypt unless it says another.
    #[serde(default = "lets_encrypt")]
    #[schemars(
        extend("examples" = ["https://acme-staging-v02.api.letsencrypt.org/directory"]),
        regex(pattern = r"^https://.+$")
    )]
    pub directory: String,
    /// Where the authority reaches you.
    #[serde(default)]
    #[schemars(extend("examples" = [["mailto:anna@shop.example"]]))]
    pub contact: Vec<String>,
    /// The folder, relative to this file, of the certificate, its key and that of the account.
    /// It is `acme` in the host's own folder unless it says another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["acme"]))]
    pub folder: Option<String>,
    /// A file in PEM with the authorities that vouch for the directory's own server, instead
    /// of those that the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["ca.pem"]))]
    pub ca: Option<String>,
}

fn lets_encrypt() -> String {
    "https://acme-v02.api.letsencrypt.org/directory".to_owned()
}

/// Where the admin API listens.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Admin {
    /// An address and a port, or a name and a port. Other than a loopback address it
    /// needs a `token_file`, or `tls` with `clients`. Port 0 picks a free one.
    #[schemars(extend("examples" = ["127.0.0.1:9090"]))]
    pub listen: String,
    /// A file, relative to this one, that holds the token which every request
    /// must bring, and that only its owner may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["admin.token"]))]
    pub token_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AdminTls")]
    pub tls: Option<AdminTls>,
}

/// The certificate that it shows, and its key: then it speaks TLS alone.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AdminTls {
    /// The file of the certificate in PEM, relative to this one: its own first, then those
    /// between it and its authority.
    #[schemars(required, with = "String", length(min = 1), extend("examples" = ["admin.pem"]))]
    pub certificate: Option<String>,
    /// The file of the key in PEM, without a password, that only its owner may read.
    #[schemars(required, with = "String", length(min = 1), extend("examples" = ["admin.key"]))]
    pub key: Option<String>,
    /// A file in PEM with the authorities of clients: then each needs a certificate of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["clients.pem"]))]
    pub clients: Option<String>,
}

/// Where buckets are kept.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    /// `sqlite:PATH`, the path relative to this file, `memory:`,
    /// `postgres://USER@HOST:PORT/DATABASE` or `redis://HOST:PORT/NUMBER`, without a
    /// password. `{app}` stands for the app's name.
    #[schemars(
        extend("examples" = ["sqlite:data/demo.db", "postgres://demo@localhost/demo"]),
        regex(pattern = "^(memory:$|sqlite:.|postgres(ql)?://[^:@/]+@.|rediss?://.)")
    )]
    pub url: String,
}

/// A part of the app, backed by one component. What is not granted here is denied.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// The component's file, relative to this one, or where it is in a registry:
    /// `oci://HOST/REPOSITORY:TAG` (`oci+http://` for one without TLS), or with
    /// `@sha256:…`.
    #[schemars(
        required,
        length(min = 1),
        extend(
            "examples" = ["target/wasm32-wasip2/release/hello.wasm", "oci://ghcr.io/acme/hello:1.0"],
            "anyOf" = [{"pattern": "^oci([+]http)?://[^/@]+/.*[:@][^/]+$"}, {"not": {"pattern": "^oci:|://"}}]
        )
    )]
    pub component: Option<String>,
    /// A shell command that makes the component, run in this file's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        length(min = 1),
        extend("examples" = ["cargo build --release --target wasm32-wasip2"])
    )]
    pub build: Option<String>,
    /// The files and folders that `build` makes the component of. `up --watch`
    /// builds again when one of them changes.
    #[serde(default)]
    #[schemars(extend("examples" = [["src"]]), inner(length(min = 1)))]
    pub watch: Vec<String>,
    /// What it serves: paths, as `/items`, `/items/{id}`, `/files/*`, `/items{/}` with a
    /// slash at the end or without; before them methods and a host, as in
    /// `GET,POST shop.example/items`; or tables that say more of each.
    #[serde(default)]
    #[schemars(extend("examples" = [["/items", "GET /items/{id}"]]))]
    pub routes: Vec<Route>,
    /// What the gateway does with the requests of all its routes.
    #[serde(default)]
    pub http: Policy,
    /// A file in JSON, relative to this one, that describes its HTTP by OpenAPI 3.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1), extend("examples" = ["items.openapi.json"]))]
    pub openapi: Option<String>,
    /// The buckets it may open.
    #[serde(default)]
    #[schemars(extend("examples" = [["items"]]), inner(regex(pattern = "^[A-Za-z0-9_.-]{1,63}$")))]
    pub buckets: Vec<String>,
    /// The subjects that it may publish to by `wasmcloud:messaging`: `*` is any one part, `>`
    /// all that follow.
    #[serde(default)]
    #[schemars(extend("examples" = [["tasks.resize", "tasks.*", "tasks.>"]]))]
    pub publishes: Vec<String>,
    /// The subjects whose messages it is delivered, as a subscriber of the event
    /// `wasmcloud:messaging/handler@0.2.0`.
    #[serde(default)]
    #[schemars(extend("examples" = [["tasks.>"]]))]
    pub subscribes: Vec<String>,
    /// What it reads through `wasi:config`: strings, or files that they are in.
    #[serde(default)]
    #[schemars(extend("examples" = [{"greeting": "hello"}]))]
    pub config: BTreeMap<String, Setting>,
    /// Its environment variables, likewise. It sees no others.
    #[serde(default)]
    #[schemars(extend("examples" = [{"LOG": "debug"}], "propertyNames" = {"pattern": "^[^=\\u0000]+$"}))]
    pub env: BTreeMap<String, Setting>,
    /// The hosts it may call: `example.com`, `*.example.com`, `127.0.0.1:9000`,
    /// `https://api.example.com`; `*` for every host.
    #[serde(default)]
    #[schemars(extend("examples" = [["https://api.example.com"]]), inner(length(min = 1)))]
    pub outbound: Vec<String>,
    /// A path that a new component must answer below 400 before it goes live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["/health"]), regex(pattern = "^/"))]
    pub probe: Option<String>,
    /// Which service serves an imported interface, where more than one exports it.
    #[serde(default)]
    #[schemars(extend("examples" = [{"acme:stock/shelf": "stock"}]))]
    pub links: BTreeMap<String, String>,
    /// Whether each of its calls is a unit of work: what it writes to its buckets is
    /// kept as one when the call ends well, or not at all.
    #[serde(default)]
    #[schemars(extend("examples" = [true]))]
    pub atomic: bool,
    #[serde(default)]
    pub limits: Limits,
}

/// What bounds a service's calls and its pool.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// The most memory an instance may have, from 64KiB to 4GiB.
    #[schemars(extend("examples" = ["64MiB"], "minimum" = 65_536, "maximum" = 4_294_967_296_u64))]
    pub memory: Bytes,
    /// The longest a call may take, from 1ms to 1h.
    #[schemars(extend("examples" = ["10s"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub deadline: String,
    /// The most instances at once.
    #[schemars(extend("examples" = [64]), range(min = 1, max = 10_000))]
    pub instances: i64,
    /// How many requests may wait for an instance. What comes beyond is refused at once.
    #[schemars(extend("examples" = [1_024]), range(min = 0, max = 100_000))]
    pub queue: i64,
    /// How many calls an instance of a WASI 0.3 component serves at once. A trap
    /// ends all that its instance serves.
    #[schemars(extend("examples" = [1]), range(min = 1, max = 1_000))]
    pub concurrency: i64,
    /// How many calls an instance serves before a fresh one takes its place.
    #[schemars(extend("examples" = [1000]), range(min = 1, max = 1_000_000_000))]
    pub reuse: i64,
    /// The longest request body, up to 1024GiB.
    #[schemars(extend("examples" = ["1MiB"], "maximum" = 1_099_511_627_776_u64))]
    pub body: Bytes,
    /// The largest value that it keeps in a bucket, up to 16MiB.
    #[schemars(extend("examples" = ["1MiB"], "maximum" = 16_777_216))]
    pub value: Bytes,
    /// After how many failures in a row a server that it sends requests to is left alone for a
    /// while; 0 is never.
    #[schemars(extend("examples" = [5]), range(min = 0, max = 1_000))]
    pub outbound_failures: i64,
    /// How long the calls of a replaced component may take to end, from 1ms to 1h.
    #[schemars(extend("examples" = ["30s"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub drain: String,
}

/// Calls of an interface that become messages.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Event {
    /// The services that are delivered its calls; each exports the interface. There is at
    /// least one, unless there is a transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Vec<String>",
        extend("examples" = [["notices"]], "uniqueItems" = true),
        inner(regex(pattern = "^[a-z][a-z0-9-]{0,62}$"))
    )]
    pub subscribers: Option<Vec<String>>,
    /// The broker that its calls go by, to subscribers here and to programs of others:
    /// NATS with JetStream, RabbitMQ or Kafka. Passwords stand in files of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        extend("examples" = ["nats://localhost:4222", "amqps://shop@localhost?passfile=rabbit.password"]),
        regex(pattern = r"^(nats|nats\+tls|amqp|amqps|kafka|kafka\+tls)://.+$")
    )]
    pub transport: Option<String>,
    /// A parameter, and fields of it, whose equals are delivered in their order.
    /// Without it they come in any order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "String",
        extend("examples" = ["order.user-id"]),
        regex(pattern = r"^[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*$")
    )]
    pub key: Option<String>,
    /// How often a delivery is tried before its event is parked.
    #[schemars(extend("examples" = [8]), range(min = 1, max = 1_000))]
    pub attempts: i64,
    /// How long to wait between attempts: the first wait and the longest, from 1ms to
    /// 1000h.
    #[schemars(extend("examples" = ["1s..10m"]), regex(pattern = r"^[0-9]+(ms|s|m|h|d)\.\.[0-9]+(ms|s|m|h|d)$"))]
    pub backoff: String,
    /// Whether a parked event blocks those of its key behind it, or lets them pass.
    #[schemars(extend("examples" = ["block"], "enum" = ["block", "pass"]))]
    pub parked: String,
    /// Where a subscriber begins that is new: with what is emitted from now on, or with
    /// the oldest that is kept.
    #[schemars(extend("examples" = ["now"], "enum" = ["now", "oldest"]))]
    pub start: String,
    /// How long a subscriber remembers what it had by a transport, to know it again:
    /// 1s to 365d.
    #[schemars(extend("examples" = ["7d"]), regex(pattern = "^[0-9]+(ms|s|m|h|d)$"))]
    pub keep: String,
    pub limits: EventLimits,
}

/// What bounds an event.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct EventLimits {
    /// The most events that wait for one subscriber.
    #[schemars(extend("examples" = [1_000_000]), range(min = 1, max = 1_000_000_000))]
    pub waiting: i64,
}

/// An event that time emits: once at each of its times, however many hosts there are.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["cron", "event"]))]
pub(super) struct Schedule {
    /// The times: minute, hour, day of the month, month and day of the week.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["0 3 * * *"]), regex(pattern = r"^\S+( +\S+){4}$"))]
    pub cron: Option<String>,
    /// The time zone whose clocks show them, as IANA names it.
    #[schemars(extend("examples" = ["Europe/Berlin"]))]
    pub zone: String,
    /// The event and its function, which takes nothing, or the time in milliseconds since
    /// 1970 as its one parameter, an u64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("examples" = ["acme:stock/events@0.1.0#checked"]), regex(pattern = "^.+#.+$"))]
    pub event: Option<String>,
    /// Whether a time that passed while no host ran is left out, or one event is emitted for
    /// all of them as soon as one runs.
    #[schemars(extend("examples" = ["skip"], "enum" = ["skip", "once"]))]
    pub missed: String,
}

/// A size in bytes: an integer, or a string with a unit.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Bytes {
    Number(i64),
    Text(String),
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": "^[0-9]+ ?(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$",
        })
    }
}

impl Default for Gateway {
    fn default() -> Self {
        let listen = List::One("127.0.0.1:8080".to_owned());
        Self {
            listen,
            tls: None,
            redirect: None,
            trusted: Vec::new(),
            proxy_protocol: false,
            http: Policy::default(),
            routes: Vec::new(),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".to_owned(), token_file: None, tls: None }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:data/{app}.db".to_owned() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Bytes::Text("64MiB".to_owned()),
            deadline: "10s".to_owned(),
            instances: 64,
            queue: 1_024,
            concurrency: 1,
            reuse: 1000,
            body: Bytes::Text("1MiB".to_owned()),
            value: Bytes::Text("1MiB".to_owned()),
            outbound_failures: 5,
            drain: "30s".to_owned(),
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self {
            subscribers: None,
            key: None,
            attempts: 8,
            backoff: "1s..10m".to_owned(),
            parked: "block".to_owned(),
            start: "now".to_owned(),
            keep: "7d".to_owned(),
            transport: None,
            limits: EventLimits::default(),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self { cron: None, zone: "UTC".to_owned(), event: None, missed: "skip".to_owned() }
    }
}

impl Default for EventLimits {
    fn default() -> Self {
        Self { waiting: 1_000_000 }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Every table that the schema knows, with its path.
    fn tables(at: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
        if let Some(Value::Object(keys)) = schema.get("properties") {
            found.push((at.to_owned(), schema.clone()));
            for (key, schema) in keys {
                tables(&format!("{at}.{key}"), schema, found);
            }
        }
        for key in ["additionalProperties", "items"] {
            let Some(other @ Value::Object(_)) = schema.get(key) else { continue };
            tables(&format!("{at}.*"), other, found);
        }
    }

    #[test]
    fn every_table_is_closed_and_every_key_described() {
        let mut found = Vec::new();
        tables("", &json_schema(), &mut found);
        let names: String = found.iter().map(|(at, _)| format!("{at}\n")).collect();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/tables.list");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            assert!(fs::write(&file, &names).is_ok(), "{} can be written", file.display());
        }
        assert_eq!(names, fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
        for (at, schema) in found {
            assert_eq!(schema["additionalProperties"], false, "{at}");
            for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
                assert!(schema["description"].is_string(), "{at}.{key}");
                assert!(!schema.to_string().contains("\"null\""), "{at}.{key}");
                let is_table = schema["type"] == "object";
                assert!(is_table || schema["examples"][0] != Value::Null, "{at}.{key}");
            }
        }
    }

    #[test]
    fn defaults_and_bounds_are_told() {
        let schema = json_schema();
        assert_eq!(schema["required"], serde_json::json!(["app", "service"]));
        assert_eq!(schema["properties"]["gateway"]["properties"]["listen"]["default"], "127.0.0.1:8080");
        let service = &schema["properties"]["service"]["additionalProperties"];
        assert_eq!(service["required"], serde_json::json!(["component"]));
        let limits = &service["properties"]["limits"]["properties"];
        assert_eq!(limits["memory"]["type"], serde_json::json!(["string", "integer"]));
        assert_eq!(limits["memory"]["default"], "64MiB");
        assert_eq!(limits["instances"]["maximum"], 10_000);
        assert_eq!(service["properties"]["atomic"]["default"], false);
        let event = &schema["properties"]["event"]["additionalProperties"];
        assert_eq!(event["required"], Value::Null);
        let event = &event["properties"];
        assert_eq!((&event["subscribers"]["default"], &event["key"]["default"]), (&Value::Null, &Value::Null));
        assert_eq!((&event["attempts"]["default"], &event["attempts"]["maximum"]), (&8.into(), &1_000.into()));
        assert_eq!(event["parked"]["default"], "block");
        assert_eq!(event["limits"]["properties"]["waiting"]["default"], 1_000_000);
        let schedule = &schema["properties"]["schedule"]["additionalProperties"];
        assert_eq!(schedule["required"], serde_json::json!(["cron", "event"]));
        let schedule = &schedule["properties"];
        assert_eq!((&schedule["zone"]["default"], &schedule["missed"]["default"]), (&"UTC".into(), &"skip".into()));
    }
}
