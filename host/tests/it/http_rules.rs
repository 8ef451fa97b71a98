//! What HTTP has a server refuse, drop or keep, a row a rule: of requests over HTTP/1.1
//! and HTTP/2, of answers, and of bodies that a client does not finish. The rows are the
//! same for components of WASI 0.2 and 0.3.

mod broken;

use tempfile::TempDir;

use crate::support::{Host, app};

/// One of [`GUESTS`](crate::support::GUESTS), which answers everything.
fn guest(component: &str) -> (TempDir, Host) {
    let folder = app(&format!(
        r#"
[app]
name = "rules"
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
