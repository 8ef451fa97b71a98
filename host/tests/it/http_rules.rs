//! What HTTP has a server refuse, drop or keep, a row a rule: of requests over HTTP/1.1
//! and HTTP/2, of answers, and of bodies that a client does not finish. The rows are the
//! same for components of WASI 0.2 and 0.3.

mod answers;
mod broken;
mod client;
mod heads;
mod http2;
mod ids;
mod proxied;
mod trusted;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Host, app};

/// What the host says of a request that hyper cannot read.
const NO_HTTP: &str = "The request is not as HTTP has it";

/// What comes of a request.
enum Rule {
    /// It is answered by the host, with this status and sentence.
    Refused(u16, &'static str),
    /// The component is told this, by `/told`, and nothing else of these names. Names
    /// are of headers, or `:authority`, `:path`, `:scheme` and `:method`, or of trailers
    /// if they begin with `+`.
    Told(&'static [(&'static str, Option<&'static str>)]),
}

/// One of [`GUESTS`](crate::support::GUESTS), which answers everything.
fn guest(component: &str) -> (TempDir, Host) {
    behind(component, "")
}

/// The same with these keys of `[gateway]`.
fn behind(component: &str, gateway: &str) -> (TempDir, Host) {
    let folder = app(&format!(
        r#"
[app]
name = "rules"
[gateway]
{gateway}
[store]
url = "memory:"
[service.guest]
component = "{{{component}}}"
routes = ["/*"]
limits = {{ deadline = "30s" }}
"#
    ));
    let host = Host::up(folder.path());
    (folder, host)
}

impl Rule {
    /// Hold an answer against it.
    fn check(&self, what: &str, status: u16, body: &str) {
        let found: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{what}: {error} in {body:?}"));
        match self {
            Rule::Refused(expected, sentence) => {
                assert_eq!((status, &found), (*expected, &serde_json::json!({ "error": sentence })), "{what}");
            }
            Rule::Told(expected) => {
                assert_eq!(status, 200, "{what}: {body}");
                for (name, value) in *expected {
                    let values: Vec<&str> = value.iter().copied().collect();
                    assert_eq!(told(&found, name), values, "{what}: {name} in {body}");
                }
            }
        }
    }
}

/// What a component was told under a name: see [`Rule::Told`].
fn told<'a>(found: &'a Value, name: &str) -> Vec<&'a str> {
    if let Some(pseudo) = name.strip_prefix(':') {
        return found[pseudo].as_str().into_iter().collect();
    }
    let (list, name) = match name.strip_prefix('+') {
        Some(name) => (&found["trailers"], name),
        None => (&found["headers"], name),
    };
    let fields = list.as_array().unwrap_or_else(|| panic!("no list for {name} in {found}"));
    fields.iter().filter(|field| field[0] == name).map(|field| field[1].as_str().expect("text")).collect()
}
