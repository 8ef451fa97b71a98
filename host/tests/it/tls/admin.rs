//! The admin API over TLS, and the verbs that ask it.

use std::{
    path::Path,
    process::{Command, Output},
};

use http::{Method, StatusCode};
use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

use super::{client, secured};
use crate::support::{Client, Host, dovetail, raw, request, secure::Secure};

const ADMIN: &str = "[admin]\ntls = { certificate = \"shop.crt\", key = \"shop.key\" }\n";
const ASKING: &str = "[admin]\ntls = { certificate = \"shop.crt\", key = \"shop.key\", clients = \"clients.pem\" }\n";

/// The host's certificate, an authority of clients, and a client of it and one of nobody's.
const FILES: &str = "certificate shop DNS:localhost,IP:127.0.0.1; authority clients; authority others
    certificate anna DNS:anna '' '' clients; certificate mallory DNS:mallory '' '' others
    certificate late DNS:late 20200101000000Z 20200201000000Z clients";

/// A verb, run in a folder for the host at this port.
fn verb(folder: &Path, arguments: &[&str]) -> Output {
    verb_by(dovetail().current_dir(folder), arguments)
}

fn verb_by(command: &mut Command, arguments: &[&str]) -> Output {
    command.env_remove("DOVETAIL_CA").args(arguments).output().expect("dovetail starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn up(more: &str) -> (TempDir, Host, String) {
    let folder = secured("guest", more, FILES);
    let host = Host::up(folder.path());
    let there = format!("https://localhost:{}", host.admin.port());
    (folder, host, there)
}

#[tokio::test]
async fn verbs_ask_over_tls_whom_they_believe() {
    let (folder, host, there) = up(ADMIN);
    assert!(host.wait_for_output("Admin").contains(&format!("https://{}", host.admin)));
    let own = format!("localhost:{}", host.admin.port());
    for arguments in [
        &["status", "--admin", &there, "--ca", "ca.pem"][..],
        &["status", "--admin", &own, "--ca", "ca.pem"],
        &["history", "guest", "--admin", &there, "--ca", "ca.pem"],
        &["events", "--admin", &there, "--ca", "ca.pem"],
    ] {
        let output = verb(folder.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }
    let output =
        dovetail().env("DOVETAIL_CA", "ca.pem").args(["status", "--admin", &there]).current_dir(&folder).output();
    assert!(output.expect("dovetail starts").status.success());
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let ca = folder.path().join("ca.pem").display().to_string();
    let output = verb(elsewhere.path(), &["status", "--admin", &own, "--ca", &ca]);
    assert!(output.status.success(), "no manifest is needed: {}", told(&output));

    let plain = format!("http://{own}");
    for (arguments, said) in [
        (
            &["status", "--admin", &there][..],
            "nobody who is believed vouches for its certificate; name who does with --ca FILE",
        ),
        (&["status", "--admin", &there, "--ca", "others.pem"], "nobody who is believed vouches for its certificate"),
        (&["status", "--admin", &plain], "answers `GET /v1/services` with 400: Only https is spoken here, not http"),
        (&["status", "--admin", &there, "--ca", "none.pem"], "`none.pem` is not there"),
        (&["status", "--admin", &there, "--ca", "shop.key"], "`shop.key` has a key and no certificate"),
    ] {
        let output = verb(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains(said), "{arguments:?}: {}", told(&output));
    }
    let answer = raw::exchange(host.admin, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(answer.contains("Only https is spoken here, not http"), "{answer}");
    let output = verb(folder.path(), &["status", "--admin", &there, "--cert", "anna.crt"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

#[tokio::test]
async fn a_name_that_the_certificate_has_not_is_told() {
    let folder = secured("guest", ADMIN, "certificate shop DNS:shop.example");
    let host = Host::up(folder.path());
    let there = format!("https://localhost:{}", host.admin.port());
    let output = verb(folder.path(), &["status", "--admin", &there, "--ca", "ca.pem"]);
    let said = "its certificate is for other names; ask for it by one of these with --admin https://NAME:PORT";
    assert!(told(&output).contains(said) && told(&output).contains("shop.example"), "{}", told(&output));
}

#[tokio::test]
async fn who_has_no_certificate_of_the_clients_is_not_let_in() {
    let (folder, host, there) = up(ASKING);
    let show = |name: &str| [format!("{name}.crt"), format!("{name}.key")];
    let ask = |[certificate, key]: [String; 2]| {
        let trust = ["status", "--admin", &there, "--ca", "ca.pem"];
        verb(folder.path(), &[&trust[..], &["--cert", &certificate, "--key", &key]].concat())
    };
    let output = ask(show("anna"));
    assert!(output.status.success(), "{}", told(&output));
    let output = verb(folder.path(), &["status", "--admin", &there, "--ca", "ca.pem"]);
    let said = "it asks for a certificate; name one with --cert FILE and --key FILE";
    assert!(told(&output).contains(said), "{}", told(&output));
    let output = ask(show("mallory"));
    assert!(told(&output).contains("it does not take what this command shows"), "{}", told(&output));
    let output = ask(["anna.crt".into(), "mallory.key".into()]);
    assert!(told(&output).contains("is not the key of the certificate"), "{}", told(&output));
    // Not even what asks for no token.
    let mut client = client(&folder, "localhost");
    client.protocols = vec!["http/1.1"];
    assert_left_out(&client, &host).await;
    client.shows = Some((folder.path().join("anna.crt"), folder.path().join("anna.key")));
    for version in [&TLS12, &TLS13] {
        client.versions = vec![version];
        let config = client.config();
        for time in ["first", "again"] {
            let stream = client.begin_by(config.clone(), host.admin).await.expect("TLS");
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "{version:?} {time}");
            let mut client = Client::http1_over(stream, "localhost".into()).await;
            assert_eq!(client.get("/healthz").await.status, StatusCode::OK);
        }
    }
    let output = ask(show("late"));
    assert!(told(&output).contains("has a certificate that expired at 2020-02-01T00:00:00Z"), "{}", told(&output));
    // Others than the verbs show it all the same.
    client.shows = Some((folder.path().join("late.crt"), folder.path().join("late.key")));
    assert_left_out(&client, &host).await;
}

/// It is not even answered what asks for no token. In TLS 1.3 it is told so after the handshake.
async fn assert_left_out(client: &Secure, host: &Host) {
    let Ok(stream) = client.begin(host.admin).await else { return };
    let mut client = Client::http1_over(stream, "localhost".into()).await;
    client.try_send(request(Method::GET, "/healthz", "")).await.expect_err("it is not let in");
}

#[tokio::test]
async fn others_reach_it_where_it_asks_for_a_certificate_and_not_otherwise() {
    let (folder, _host, _) = up(ASKING);
    let all = ["up", "--listen", "127.0.0.1:0", "--store", "memory:", "--state", "other", "--admin", "0.0.0.0:0"];
    let mut command = dovetail();
    command.args(all).current_dir(&folder).stderr(std::process::Stdio::piped());
    let open = Host::start(&mut command);
    let there = format!("https://127.0.0.1:{}", open.admin.port());
    let shown = ["status", "--admin", &there, "--ca", "ca.pem", "--cert", "anna.crt", "--key", "anna.key"];
    let output = verb(folder.path(), &shown);
    assert!(output.status.success(), "{}", told(&output));
    let folder = secured("guest", ADMIN, FILES);
    let output = verb(folder.path(), &all);
    assert!(told(&output).contains("is no loopback address, and the admin API asks for no token"), "{}", told(&output));
}
