//! Certificates that a host orders and renews itself, from a real authority.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

use http::{Method, StatusCode};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::support::{
    Client, Host, app,
    clock::{Clock, HOUR},
    dovetail,
    pebble::Pebble,
    raw, request,
    secure::Secure,
    until,
};

/// How long certificates are valid in most of these.
const DAYS: u64 = 90;

/// An app that has a certificate for these names ordered from this authority. It listens where
/// the authority looks.
fn ordering(pebble: &Pebble, hosts: &[&str], redirect: Option<u16>) -> TempDir {
    let (directory, ca, tls) = (pebble.directory(), pebble.ca(), pebble.tls);
    let redirect = redirect.map(|port| format!("redirect = \"127.0.0.1:{port}\"\n")).unwrap_or_default();
    app(&format!(
        "[app]\nname = \"ordering\"\n[store]\nurl = \"memory:\"\n[service.guest]\ncomponent = \"{{guest}}\"\nroutes = [\"/*\"]\n\
         [gateway]\nlisten = \"127.0.0.1:{tls}\"\n{redirect}\
         tls = {{ acme = {{ directory = \"{directory}\", ca = \"{}\", hosts = {hosts:?}, agree = true, \
         contact = [\"mailto:anna@shop.example\"], folder = \"acme\" }} }}\n",
        ca.display()
    ))
}

fn up(folder: &Path) -> std::process::Command {
    let mut command = dovetail();
    command.args(["up", "--admin", "127.0.0.1:0", "--manifest"]).arg(folder.join("dovetail.toml"));
    command.stderr(Stdio::piped());
    command
}

/// What is shown now to who asks for this name, if anything is.
async fn shown(client: &Secure, host: &Host) -> Option<CertificateDer<'static>> {
    let stream = client.begin(host.gateway).await.ok()?;
    Some(stream.get_ref().1.peer_certificates()?[0].clone().into_owned())
}

async fn until_shown(client: &Secure, host: &Host) -> CertificateDer<'static> {
    until("a certificate is shown", async || shown(client, host).await.is_some()).await;
    shown(client, host).await.expect("it was there")
}

#[tokio::test]
async fn a_certificate_is_ordered_once_and_kept_for_its_owner() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    let folder = ordering(&pebble, &["shop.example", "www.shop.example"], Some(pebble.http));
    let root = pebble.root(folder.path());
    let host = Host::start(&mut up(folder.path()));
    host.wait_for_output("it will look at port 80");
    host.wait_for_output("has a certificate for shop.example, www.shop.example until 20");
    let client = Secure::new(&root, "shop.example");
    let first = until_shown(&client, &host).await;
    assert_eq!(until_shown(&Secure::new(&root, "www.shop.example"), &host).await, first);
    assert_eq!(client.connect(host.gateway).await.get("/told").await.status, StatusCode::OK);
    let mode = |file: &str| fs::metadata(folder.path().join(file)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!([mode("acme"), mode("acme/account.json"), mode("acme/certificate.pem")], [0o700, 0o600, 0o600]);
    // What was shown to the authority is shown no more, and nothing else was.
    let address = ([127, 0, 0, 1], pebble.http).into();
    let answer = Client::http1(address).await.send(request(Method::GET, "/.well-known/acme-challenge/x", "")).await;
    assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::start(&mut up(folder.path()));
    assert_eq!(shown(&client, &host).await, Some(first), "it is there from the first connection on");
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
    assert_eq!(pebble.given(), 1);

    // Another name needs another certificate, by the same account.
    let manifest = folder.path().join("dovetail.toml");
    let text = fs::read_to_string(&manifest).expect("it was written");
    fs::write(&manifest, text.replace("www.shop", "new.shop")).expect("it is ours");
    let host = Host::start(&mut up(folder.path()));
    until_shown(&Secure::new(&root, "new.shop.example"), &host).await;
    assert!(!host.output().join("\n").contains("has an account"));
}

#[tokio::test]
async fn an_authority_looks_over_tls_where_there_is_no_plain_http() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    let folder = ordering(&pebble, &["Shop.example"], None);
    let root = pebble.root(folder.path());
    let host = Host::start(&mut up(folder.path()));
    host.wait_for_output("it will look at port 443");
    let client = Secure::new(&root, "shop.example");
    until_shown(&client, &host).await;
    assert_eq!(client.connect(host.gateway).await.get("/told").await.status, StatusCode::OK);
    // Nobody else sees what the authority saw, or speaks what it spoke.
    let mut authority = client.clone();
    authority.protocols = vec!["acme-tls/1"];
    authority.begin(host.gateway).await.expect_err("nothing is shown");
    assert_eq!(pebble.given(), 1);
}

#[tokio::test]
async fn an_authority_that_is_away_is_asked_until_it_is_there() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    let folder = ordering(&pebble, &["shop.example"], None);
    pebble.kill();
    let host = Host::start(&mut up(folder.path()));
    let told = host.wait_for_output("there is no new certificate for shop.example");
    assert!(told.contains("WARN") && told.contains("/dir cannot be asked"), "{told}");
    // It serves, and nobody is shown a certificate that nobody believes.
    assert_eq!(host.admin("/readyz").await.status, StatusCode::OK);
    let answer = raw::exchange(host.gateway, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(answer.contains("Only https is spoken here"), "{answer}");
    let client = Secure::new(&pebble.ca(), "shop.example");
    client.begin(host.gateway).await.expect_err("there is no certificate");

    pebble.restart();
    let client = Secure::new(&pebble.root(folder.path()), "shop.example");
    until_shown(&client, &host).await;
}

#[tokio::test]
async fn a_name_that_is_elsewhere_is_told_with_the_reason_and_tried_again() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    // The authority looks over HTTP where nobody is.
    let folder = ordering(&pebble, &["shop.example"], Some(free_port()));
    let root = pebble.root(folder.path());
    let host = Host::start(&mut up(folder.path()));
    let told = host.wait_for_output("the authority did not find this host at shop.example: ");
    assert!(told.contains("WARN") && told.contains("it is tried again in "), "{told}");
    // The other way is not blocked.
    until_shown(&Secure::new(&root, "shop.example"), &host).await;
    assert!(host.wait_for_output("it will look at port 443").contains("INFO"));
}

#[tokio::test]
async fn it_is_renewed_in_the_last_third_of_its_life() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    let folder = ordering(&pebble, &["shop.example"], Some(pebble.http));
    let client = Secure::new(&pebble.root(folder.path()), "shop.example");
    let clock = Clock::new();
    let host = Host::start(clock.shown_to(&mut up(folder.path())));
    let first = until_shown(&client, &host).await;
    let mut kept = client.connect(host.gateway).await;
    clock.set(59 * 24 * HOUR);
    assert_eq!(kept.get("/told").await.status, StatusCode::OK);
    clock.set(61 * 24 * HOUR);
    until("there is another", async || shown(&client, &host).await.is_some_and(|now| now != first)).await;
    assert_eq!(kept.get("/told").await.status, StatusCode::OK);
    assert_eq!(pebble.given(), 2);
}

#[tokio::test]
async fn an_authority_that_forgot_the_account_gets_another() {
    let Some(pebble) = Pebble::start(DAYS) else { return };
    let folder = ordering(&pebble, &["shop.example"], Some(pebble.http));
    let clock = Clock::new();
    let host = Host::start(clock.shown_to(&mut up(folder.path())));
    let client = Secure::new(&pebble.root(folder.path()), "shop.example");
    until_shown(&client, &host).await;
    pebble.kill();
    pebble.restart();
    clock.set(61 * 24 * HOUR);
    let told = host.wait_for_output("there is no new certificate for shop.example");
    assert!(told.contains("What is there goes on serving"), "{told}");
    assert!(shown(&client, &host).await.is_some(), "it goes on");
    let client = Secure::new(&pebble.root(folder.path()), "shop.example");
    until_shown(&client, &host).await;
}

#[test]
fn a_folder_that_others_may_write_in_is_an_error_at_its_key() {
    let folder = app("[app]\nname = \"a\"\n[service.guest]\ncomponent = \"{guest}\"\n[gateway]\n\
         tls = { acme = { hosts = [\"shop.example\"], agree = true, folder = \"acme\", ca = \"none.pem\" } }\n");
    let path = folder.path().join("acme");
    fs::create_dir(&path).expect("it is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("it is ours");
    for verb in ["check", "up"] {
        let output = dovetail().arg(verb).arg("--manifest").arg(folder.path().join("dovetail.toml")).output();
        let output = output.expect("dovetail starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("others than its owner may write in it") && said.contains("none.pem` is not there"),
            "{said}"
        );
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
