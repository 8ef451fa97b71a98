//! Components of WASI 0.3 are services like those of 0.2, and the two meet freely.
//! What holds of every call is shown of both where it is shown at all: see
//! [`GUESTS`](crate::support::GUESTS).

mod calls;
mod capabilities;
mod concurrency;
mod http;
mod links;
mod swap;

use tempfile::TempDir;

use crate::support::{Host, app};

/// The guest of WASI 0.3 with more of a manifest, and within these limits.
fn guest(more: &str, limits: &str) -> (TempDir, Host) {
    let folder = app(&format!(
        r#"
[app]
name = "wasi03"
[store]
url = "memory:"
[service.guest]
component = "{{guest_async}}"
routes = ["/*"]
{more}
limits = {{ {limits} }}
"#
    ));
    let host = Host::up(folder.path());
    (folder, host)
}
