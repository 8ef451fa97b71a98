//! A route is asked no more often than its rate says, by whom it is counted for.

use std::{
    net::Ipv4Addr,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{Method, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    Answer, Client, Host, app,
    clock::{Clock, HOUR},
    postgres::Server,
    request, until, write_manifest,
};

/// A guest whose clients are told apart by what a proxy says of them, with routes and rates.
fn limited(routes: &str, rates: &str) -> TempDir {
    app(&manifest(routes, rates))
}

fn manifest(routes: &str, rates: &str) -> String {
    format!(
        r#"
[app]
name = "limited"
[gateway]
trusted = ["127.0.0.1"]
[store]
url = "memory:"
[service.guest]
component = "{{guest}}"
routes = {routes}
{rates}
"#
    )
}

/// Ask for a path as the client at this address.
async fn ask(client: &mut Client, path: &str, address: &str) -> Answer {
    let mut request = request(Method::GET, path, "");
    request.headers_mut().insert("x-forwarded-for", address.parse().expect("a value"));
    client.send(request).await
}

/// What an answer says of what is left, without the time.
fn left(answer: &Answer) -> &str {
    answer.header("ratelimit").rsplit_once(";t=").map_or("", |(left, _)| left)
}

#[tokio::test]
async fn each_client_has_its_rate_and_is_told_what_is_left() {
    let folder = limited(
        r#"[{ route = "/limited/*", rate = "clients" }, "/free/*"]"#,
        "[rate.clients]\nlimit = \"60/h\"\nburst = 3",
    );
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for place in ["2", "1", "0"] {
        let answer = ask(&mut client, "/limited/hello", "192.0.2.1").await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello\n"));
        assert_eq!(answer.header("ratelimit-policy"), "\"clients\";q=60;w=3600");
        assert_eq!(left(&answer), format!("\"clients\";r={place}"));
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = ask(&mut client, "/limited/hello", "192.0.2.1").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "one a minute: {wait}");
    assert_eq!(refused.json(), json!({ "error": format!("Too many requests; try again in {wait} s") }));
    assert_eq!(refused.header("ratelimit"), format!("\"clients\";r=0;t={wait}"));
    assert_eq!(refused.header("ratelimit-policy"), "\"clients\";q=60;w=3600");
    assert_eq!(host.service("guest").await["calls"], 3, "no component is asked");

    let other = ask(&mut client, "/limited/hello", "192.0.2.2").await;
    assert_eq!((other.status, left(&other)), (StatusCode::OK, "\"clients\";r=2"));
    let free = ask(&mut client, "/free/hello", "192.0.2.1").await;
    assert_eq!((free.status, free.header("ratelimit"), free.header("ratelimit-policy")), (StatusCode::OK, "", ""));
}

#[tokio::test]
async fn a_client_has_all_addresses_of_its_network_and_no_other() {
    let folder = limited(r#"[{ route = "/*", rate = "clients" }]"#, "[rate.clients]\nlimit = \"2/h\"");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (address, status) in [
        ("2001:db8::1", 200),
        ("2001:db8::ffff:1", 200),
        ("2001:db8::2:0:0:1", 429),
        ("2001:db8:0:1::1", 200),
        ("192.0.2.1", 200),
        ("::ffff:192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
    ] {
        assert_eq!(ask(&mut client, "/hello", address).await.status, status, "{address}");
    }
}

#[tokio::test]
async fn a_rate_may_count_by_route_or_by_a_field_and_a_route_may_have_several_or_none() {
    let folder = limited(
        r#"[
    { route = "/a/*", rate = ["each", "tenants"] },
    { route = "/b/*", rate = "each" },
    { route = "/c/*", rate = [] },
    "/d/*",
]
http.rate = "tenants""#,
        "[rate.each]\nlimit = \"3/h\"\nper = \"route\"\n[rate.tenants]\nlimit = \"2/h\"\nper = \"header:X-Tenant\"",
    );
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (path, tenant, status, told) in [
        ("/a/hello", "one", 200, r#""each";r=2, "tenants";r=1"#),
        ("/a/hello", "one", 200, r#""each";r=1, "tenants";r=0"#),
        // It is counted by what comes before the rate that it is over.
        ("/a/hello", "one", 429, r#""each";r=0, "tenants";r=0"#),
        ("/a/hello", "two", 429, r#""each";r=0"#),
        ("/b/hello", "one", 200, r#""each";r=2"#),
        ("/c/hello", "one", 200, ""),
        ("/d/hello", "one", 429, r#""tenants";r=0"#),
        ("/d/hello", "two", 200, r#""tenants";r=1"#),
        // Who says nothing is counted by the address.
        ("/d/hello", "", 200, r#""tenants";r=1"#),
    ] {
        let mut request = request(Method::GET, path, "");
        if !tenant.is_empty() {
            request.headers_mut().insert("x-tenant", tenant.parse().expect("a value"));
        }
        let answer = client.send(request).await;
        assert_eq!(answer.status, status, "{path} of {tenant}: {answer:?}");
        assert_eq!(without_times(answer.header("ratelimit")), told, "{path} of {tenant}");
    }
    let both = client.get("/a/hello").await;
    assert_eq!(both.header("ratelimit-policy"), r#""each";q=3;w=3600, "tenants";q=2;w=3600"#);
}

/// What is left, by rate.
fn without_times(told: &str) -> String {
    let left: Vec<_> = told.split(", ").map(|item| item.split_once(";t=").map_or(item, |(left, _)| left)).collect();
    left.join(", ")
}

#[tokio::test]
async fn who_waits_may_ask_again_and_who_sets_the_clock_may_not() {
    let folder = limited(
        r#"[{ route = "/soon/*", rate = "soon" }, { route = "/late/*", rate = "late" }]"#,
        "[rate.soon]\nlimit = \"4/s\"\n[rate.late]\nlimit = \"1/h\"",
    );
    let clock = Clock::new();
    let host = clock.up(folder.path());
    let mut client = host.connect().await;
    assert_eq!(client.get("/late/hello").await.status, StatusCode::OK);
    clock.set(2 * HOUR);
    assert_eq!(client.get("/late/hello").await.status, StatusCode::TOO_MANY_REQUESTS);
    until("it is one too many", async || client.get("/soon/hello").await.status == StatusCode::TOO_MANY_REQUESTS).await;
    until("it is not any more", async || client.get("/soon/hello").await.status == StatusCode::OK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_manifest_forgets_only_what_was_counted_by_changed_rates() {
    let (one, two) = ("[rate.one]\nlimit = \"1/h\"", "[rate.two]\nlimit = \"1/h\"");
    let routes = r#"[{ route = "/one/*", rate = "one" }, { route = "/two/*", rate = "two" }]"#;
    let folder = limited(routes, &format!("{one}\n{two}"));
    let host = Host::up_with(folder.path(), &["--watch"]);
    let mut client = host.connect().await;
    for (path, status) in [("/one/hello", 200), ("/two/hello", 200), ("/one/hello", 429), ("/two/hello", 429)] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
    let more = routes.replace(']', r#", "/more/*"]"#);
    write_manifest(folder.path(), &manifest(&more, &format!("{one}\n{}", two.replace('1', "2"))));
    until("it is applied", async || client.get("/more/hello").await.status == StatusCode::OK).await;
    for (path, status) in [("/one/hello", 429), ("/two/hello", 200), ("/two/hello", 200), ("/two/hello", 429)] {
        assert_eq!(client.get(path).await.status, status, "{path}");
    }
}

/// One rate for all hosts on a store.
fn shared() -> TempDir {
    limited(r#"[{ route = "/*", rate = "all" }]"#, "[rate.all]\nlimit = \"6/h\"\nshared = true")
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_one_database_count_together() {
    let Some(server) = Server::shared() else { return };
    let (url, clock, folders) = (server.database(), Clock::new(), [shared(), shared()]);
    // Far enough from the end of the hour, which is when the counters of another begin.
    clock.set(start_of_an_hour());
    let up = |folder: &TempDir| {
        let mut command = crate::support::up(folder.path());
        Host::start(clock.shown_to(command.args(["--store", &url])).stderr(Stdio::piped()))
    };
    let hosts = folders.each_ref().map(up);
    let mut clients = [hosts[0].connect().await, hosts[1].connect().await];
    for taken in 0..6 {
        let answer = ask(&mut clients[taken % 2], "/hello", "192.0.2.1").await;
        assert_eq!((answer.status, left(&answer)), (StatusCode::OK, &*format!("\"all\";r={}", 5 - taken)));
    }
    for client in &mut clients {
        let answer = ask(client, "/hello", "192.0.2.1").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1800..=7200).contains(&wait), "what has come this hour counts for most of the next: {wait}");
        assert_eq!(ask(client, "/hello", "192.0.2.2").await.status, StatusCode::OK);
    }
    let database = url.split(['/', '?']).nth(3).expect("a name");
    let counters = || server.psql(database, "SELECT count(*) FROM dovetail.entries WHERE bucket = 'rate:all'");
    assert_eq!(counters(), "2");

    // A third host, which has counted nothing, finds what there was an hour ago to be over.
    clock.set(start_of_an_hour() + 3 * HOUR);
    let folder = shared();
    let third = up(&folder);
    let answer = third.get("/hello").await;
    assert_eq!((answer.status, left(&answer)), (StatusCode::OK, "\"all\";r=5"));
    until("the counters before are deleted", async || counters() == "1").await;
}

/// By how much a clock is to be ahead that shows the first minutes of an hour.
fn start_of_an_hour() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    HOUR - i64::try_from(now.as_secs()).expect("a time") % HOUR
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_whose_store_is_away_counts_by_itself() {
    let Some(server) = Server::start(&["fsync=off"]) else { return };
    let folder = shared();
    let host = Host::up_with(folder.path(), &["--store", &server.database()]);
    let mut client = host.connect().await;
    assert_eq!(ask(&mut client, "/hello", "192.0.2.1").await.status, StatusCode::OK);
    server.kill();
    for client_address in 2..12 {
        for place in 0..7 {
            let answer = ask(&mut client, "/hello", &format!("192.0.2.{client_address}")).await;
            let expected = if place < 6 { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
            assert_eq!(answer.status, expected, "{answer:?}");
        }
    }
    let said = || host.output().iter().filter(|line| line.contains("each host counts by itself")).count();
    host.wait_for_output("the store is away: each host counts by itself");
    assert_eq!(said(), 1);
    server.restart();
    // Of those who have asked too often here the store is not asked.
    let mut address = Ipv4Addr::new(10, 0, 0, 0).to_bits();
    until("they count together again", async || {
        address += 1;
        ask(&mut client, "/hello", &Ipv4Addr::from_bits(address).to_string()).await;
        host.output().iter().any(|line| line.contains("the store is back: hosts count together"))
    })
    .await;
}
