//! Events with a time before which they are not delivered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;

use super::{
    rows::{Row, Rows},
    signals::{emit, events, has_noted, manifest, noted, open},
};
use crate::support::{
    Host, app,
    clock::{Clock, HOUR},
    until,
};

/// So far ahead by the clock, in milliseconds since 1970.
pub fn time_in(wait: Duration) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970") + wait;
    since.as_millis().try_into().expect("it is not far after it")
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// When the recorder was told of one that it is to note the time of.
pub async fn told_at(host: &Host, key: &str, number: u64) -> u64 {
    let answer = host.get(&format!("/get?bucket=recorded&key=at/{key}/{number}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.text().parse().expect("a time")
}

#[tokio::test]
async fn what_has_a_time_is_not_delivered_before_it() {
    for atomic in ["true", "false"] {
        let folder = app(&manifest("", "").replace("atomic = true", &format!("atomic = {atomic}")));
        let host = Host::up(folder.path());
        let (mut client, time) = (host.connect().await, time_in(Duration::from_millis(300)));
        assert_eq!(emit(&mut client, &format!("key=a&what=time&not-before={time}")).await, StatusCode::OK);
        has_noted(&host, "a", "1").await;
        assert!(told_at(&host, "a", 1).await >= time, "{atomic}");
        // One that has passed is none, whatever it is.
        assert_eq!(emit(&mut client, "key=b&not-before=0").await, StatusCode::OK);
        has_noted(&host, "b", "1").await;
    }
}

#[tokio::test]
async fn what_is_for_tomorrow_holds_up_its_key_alone_and_outlives_its_host() {
    let (folder, clock, tomorrow) = (app(&manifest("", "")), Clock::new(), time_in(DAY));
    let host = clock.up(folder.path());
    let mut client = host.connect().await;
    let later = format!("key=a&what=time&not-before={tomorrow}");
    for query in [&later, "key=a&from=2&what=time", "key=b&what=time"] {
        assert_eq!(emit(&mut client, query).await, StatusCode::OK, "{query}");
    }
    has_noted(&host, "b", "1").await;
    assert!(told_at(&host, "b", 1).await < tomorrow);
    until("it is told that one waits", async || {
        let queue = &host.admin("/v1/events").await.json()["queues"][0];
        (&queue["waiting"], &queue["later"], &queue["running"]) == (&2.into(), &1.into(), &0.into())
    })
    .await;
    host.kill();

    let host = clock.up(folder.path());
    assert_eq!(emit(&mut host.connect().await, "key=b&from=2").await, StatusCode::OK);
    has_noted(&host, "b", "1,2").await;
    assert_eq!(noted(&host, "a").await, "");
    clock.set(24 * HOUR + 1);
    has_noted(&host, "a", "1,2").await;
    for number in [1, 2] {
        assert!(told_at(&host, "a", number).await >= tomorrow, "{number}");
    }
}

/// Without a key nothing is held up: not even what the same call emits next.
#[tokio::test]
async fn a_time_is_that_of_the_next_event_of_its_call_and_of_no_other() {
    let folder = app(&manifest("limits = { waiting = 3 }", "").replace("key = \"signal.key\"\n", ""));
    let host = Host::up(folder.path());
    let (mut client, tomorrow) = (host.connect().await, time_in(DAY));
    // A call that emits nothing leaves nothing for the next one of its instance.
    let at_tomorrow = |query: &str| format!("{query}&not-before={tomorrow}");
    assert_eq!(emit(&mut client, &at_tomorrow("key=none&count=0")).await, StatusCode::OK);
    assert_eq!(emit(&mut client, &at_tomorrow("key=a&count=2")).await, StatusCode::OK);
    has_noted(&host, "a", "2").await;
    assert_eq!(emit(&mut client, "key=a&from=3").await, StatusCode::OK);
    has_noted(&host, "a", "2,3").await;
    // It is one of those that may wait.
    assert_eq!(emit(&mut client, &at_tomorrow("key=a&from=4")).await, StatusCode::OK);
    until("there is room", async || emit(&mut client, "key=b&what=wait").await == StatusCode::OK).await;
    assert_eq!(emit(&mut client, &at_tomorrow("key=b&from=2")).await, StatusCode::SERVICE_UNAVAILABLE);
    open(&host).await;
    has_noted(&host, "b", "1").await;
    let rows = Rows::wait_for(folder.path(), [2, 0, 0, 0]).await;
    let number = |row: &&Row| row.value["data"]["signal"]["number"].as_u64();
    assert_eq!(rows.of_kind("event").iter().filter_map(number).collect::<Vec<_>>(), [1, 4]);
}

#[tokio::test]
async fn what_waits_for_its_time_is_told_and_can_be_dropped() {
    let folder = app(&manifest("", ""));
    let host = Host::up(folder.path());
    let (mut client, tomorrow) = (host.connect().await, time_in(DAY));
    assert_eq!(emit(&mut client, &format!("key=a&not-before={tomorrow}")).await, StatusCode::OK);
    assert_eq!(emit(&mut client, "key=a&from=2").await, StatusCode::OK);
    until("it waits", async || {
        let told = events(&host, &[]);
        told.contains("1 event for recorder waits for the time before which it is not to be delivered.")
    })
    .await;
    let listed = events(&host, &["recorder"]);
    assert!(listed.contains("waiting for its time, in "), "{listed}");
    let id = listed.lines().nth(1).and_then(|line| line.split(' ').next()).expect("an id");
    let page = host.admin("/v1/events/recorder").await.json();
    let due = page["messages"][0]["due"].as_str().expect("it says when");
    let shown = events(&host, &["show", id]);
    assert!(shown.contains(&format!("\"notbefore\": \"{due}\"")), "{shown}");
    events(&host, &["drop", id]);
    has_noted(&host, "a", "2").await;
}
