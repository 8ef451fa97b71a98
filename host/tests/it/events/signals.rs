//! An app that emits signals and notes them.

use http::{Method, StatusCode};
use tempfile::TempDir;

use super::checker::Had;
use crate::support::{Client, Host, app, dovetail, request, until};

/// More of the event's table stands for `MORE`, and of the recorder's for `LIMITS`.
const MANIFEST: &str = r#"
[app]
name = "signals"
[event."shop:signals/signals@0.1.0"]
subscribers = ["recorder"]
key = "signal.key"
MORE
[service.recorder]
component = "{recorder}"
buckets = ["recorded"]
limits = { LIMITS }
[service.emitter]
component = "{emitter}"
routes = ["/emit"]
buckets = ["emitted"]
atomic = true
limits = { deadline = "20s" }
[service.guest]
component = "{guest}"
routes = ["/*"]
buckets = ["recorded", "repeated", "emitted"]
"#;

/// The app, with more of the event's table and of the recorder's limits.
pub fn signals(more: &str, limits: &str) -> TempDir {
    app(&manifest(more, limits))
}

/// The manifest of [`signals`].
pub fn manifest(more: &str, limits: &str) -> String {
    MANIFEST.replace("MORE", more).replace("LIMITS", limits)
}

/// Have events emitted; the answer's status.
pub async fn emit(client: &mut Client, query: &str) -> StatusCode {
    client.send(request(Method::POST, &format!("/emit?{query}"), "")).await.status
}

/// What was noted in this bucket of these keys.
pub async fn had_in(host: &Host, bucket: &str, keys: &[String]) -> Had {
    let (mut client, mut had) = (host.connect().await, Had::new());
    for key in keys {
        let answer = client.get(&format!("/get?bucket={bucket}&key=had/{key}")).await;
        match answer.status {
            StatusCode::OK => had.insert(key.clone(), numbers(answer.text())),
            StatusCode::NOT_FOUND => None,
            _ => panic!("{answer:?}"),
        };
    }
    had
}

/// What was noted of one key in this bucket, as it is kept.
pub async fn noted(host: &Host, key: &str) -> String {
    let answer = host.get(&format!("/get?bucket=recorded&key=had/{key}")).await;
    if answer.status == StatusCode::OK { answer.text().to_owned() } else { String::new() }
}

/// Wait until the recorder has noted this of a key.
pub async fn has_noted(host: &Host, key: &str, expected: &str) {
    until(&format!("{expected} of {key} are noted"), async || noted(host, key).await == expected).await;
}

/// What is noted of a key that was told of so many.
pub fn up_to(last: u64) -> String {
    (1..=last).map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

/// Let those go on that wait.
pub async fn open(host: &Host) {
    let answer = host.connect().await.send(request(Method::POST, "/set?bucket=recorded&key=open", "yes")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// What `dovetail events` prints.
pub fn events(host: &Host, arguments: &[&str]) -> String {
    let mut command = dovetail();
    command.arg("events").args(arguments).args(["--admin", &host.admin.to_string()]);
    let output = command.output().expect("dovetail starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn numbers(text: &str) -> Vec<u64> {
    text.split(',').map(|number| number.parse().expect("a number")).collect()
}
