//! Who subscribes, and what becomes of what waits when that changes.

use http::{Method, StatusCode};

use super::{
    rows::Rows,
    signals::{emit, has_noted, manifest, up_to},
};
use crate::support::{Host, app, until, write_manifest};

/// The app with these subscribers, and more of the event's table.
fn with(subscribers: &str, more: &str) -> String {
    let both = manifest(more, "").replace(r#"["recorder"]"#, subscribers);
    format!("{both}[service.repeater]\ncomponent = \"{{repeater}}\"\nbuckets = [\"repeated\"]\n")
}

async fn steer(host: &Host, what: &str) {
    let answer = host.manage(Method::POST, &format!("/v1/events/recorder/{what}"), "").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// What the repeater has noted of a key.
async fn has_repeated(host: &Host, key: &str, expected: &str) {
    until(&format!("{expected} of {key} are repeated"), async || {
        let answer = host.get(&format!("/get?bucket=repeated&key=had/{key}")).await;
        answer.status == StatusCode::OK && answer.text() == expected
    })
    .await;
}

/// One that is new begins with what is emitted from then on, or with the oldest that waits
/// for the others; one that is taken out loses nothing.
#[tokio::test]
async fn what_waits_stays_when_subscribers_come_and_go() {
    for (start, first) in [("now", "4,5"), ("oldest", "1,2,3,4,5")] {
        let folder = app(&with(r#"["recorder"]"#, ""));
        let host = Host::up(folder.path());
        steer(&host, "pause").await;
        assert_eq!(emit(&mut host.connect().await, "key=a&from=1&count=3").await, StatusCode::OK);
        stop(host);
        write_manifest(folder.path(), &with(r#"["recorder", "repeater"]"#, &format!("start = \"{start}\"")));
        let host = Host::up(folder.path());
        assert_eq!(emit(&mut host.connect().await, "key=a&from=4&count=2").await, StatusCode::OK);
        has_repeated(&host, "a", first).await;
        stop(host);
        write_manifest(folder.path(), &with(r#"["repeater"]"#, ""));
        let host = Host::up(folder.path());
        host.wait_for_output("subscribes to them no more");
        stop(host);
        assert_eq!(Rows::of(folder.path(), None).of_kind("event").len(), 5);
        write_manifest(folder.path(), &with(r#"["recorder", "repeater"]"#, ""));
        let host = Host::up(folder.path());
        steer(&host, "resume").await;
        has_noted(&host, "a", &up_to(5)).await;
        has_repeated(&host, "a", first).await;
    }
}

fn stop(host: Host) {
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}
