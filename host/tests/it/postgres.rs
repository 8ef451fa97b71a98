//! Several hosts share a PostgreSQL database, and lose nothing when it is lost.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    shared::{
        a_clock_that_differs_is_told, a_killed_server_has_lost_no_answered_order,
        a_silent_server_is_given_up_before_the_deadline, answers_as_with_any_store, is_told_before_anything_is_served,
        run, two_hosts_give_each_id_once,
    },
    support::{plain, postgres::Server},
};

#[tokio::test]
async fn the_shop_answers_as_with_any_store() {
    let Some(server) = Server::shared() else { return };
    answers_as_with_any_store(&server.database(), &[]).await;
}

#[tokio::test]
async fn a_clock_that_is_not_the_servers_is_told() {
    let Some(server) = Server::shared() else { return };
    a_clock_that_differs_is_told(&server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_on_one_database_give_each_id_once() {
    let Some(server) = Server::shared() else { return };
    two_hosts_give_each_id_once(server.database()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_has_kept_every_answered_order() {
    let Some(server) = Server::start(&[]) else { return };
    a_killed_server_has_lost_no_answered_order(&server, &server.database(), 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_is_given_up_before_the_deadline() {
    let Some(server) = Server::start(&["fsync=off"]) else { return };
    a_silent_server_is_given_up_before_the_deadline(&server, &server.database()).await;
}

#[test]
fn what_cannot_be_a_store_is_told_before_anything_is_served() {
    let Some(server) = Server::shared() else { return };
    let [fresh, newer] = [server.database(), server.database()];
    let name = |url: &str| url.rsplit_once('/').and_then(|_| url.split(['/', '?']).nth(3)).expect("a name").to_owned();
    let sql = "CREATE SCHEMA dovetail; CREATE TABLE dovetail.versions AS SELECT 7 AS version";
    server.psql(&name(&newer), sql);
    let wrong = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(wrong.path(), "*:*:*:*:wr0ng").expect("it can be written");
    fs::set_permissions(wrong.path(), fs::Permissions::from_mode(0o600)).expect("it is ours");
    let passfile = server.file("passfile").display().to_string();
    let wrong = [
        (fresh.replace(&passfile, &wrong.path().display().to_string()), "password authentication failed"),
        (fresh.replace(&name(&fresh), "missing"), "create the database \"missing\" (createdb -O postgres missing)"),
        (fresh.replace(&format!(":{}", server.port()), ":1"), "start its server, or correct host and port"),
        (newer, "it has version 7, and this Dovetail knows version 2; use a newer Dovetail"),
    ];
    is_told_before_anything_is_served(&wrong, &fresh);
    let made = server.psql(&name(&fresh), "SELECT count(*) FROM pg_namespace WHERE nspname = 'dovetail'");
    assert_eq!(made, "0", "a check made tables");
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    for url in [
        "postgres://shop:s3cret@localhost/shop",
        "postgres://shop:it's3cret@localhost/shop",
        "postgres://shop:a s3cret@localhost/shop",
    ] {
        let folder = plain(&format!("[store]\nurl = \"{url}\"\n"));
        for (arguments, status) in [(&["check"][..], 1), (&["up"], 1), (&["up", "--store", url], 2)] {
            let (code, said) = run(folder.path(), arguments);
            assert_eq!(code, Some(status), "{said}");
            assert!(said.contains("has a password") && said.contains("~/.pgpass"), "{said}");
            assert!(said.contains("shop:*") && !said.contains("s3cret"), "{said}");
        }
    }
}
