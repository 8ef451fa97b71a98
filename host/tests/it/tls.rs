//! TLS: what is spoken, which certificate is shown, and what is refused.

use std::{net::SocketAddr, path::Path, process::Stdio};

use http::StatusCode;
use rustls::{
    HandshakeKind, ProtocolVersion,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

use crate::support::{
    GUESTS, Host, app,
    certificates::make,
    raw,
    secure::{Secure, certificates},
    up,
};

mod admin;
mod end;
mod redirect;
mod reload;
mod start;

/// What the gateway shows in most of these.
const TLS: &str = "[gateway]\ntls = { certificate = \"shop.crt\", key = \"shop.key\" }\n";

/// An app of one component, with more of a manifest, in a folder with an authority `ca` and
/// certificates that these commands make.
fn secured(component: &str, more: &str, commands: &str) -> TempDir {
    let folder = app(&format!(
        "[app]\nname = \"secure\"\n[store]\nurl = \"memory:\"\n[service.guest]\ncomponent = \"{{{component}}}\"\n\
         routes = [\"/*\"]\n{more}"
    ));
    make(folder.path(), &format!("authority ca\n{commands}"));
    folder
}

/// A client that believes the authority of a folder.
fn client(folder: &TempDir, host: &'static str) -> Secure {
    Secure::new(&folder.path().join("ca.pem"), host)
}

/// The certificate of a folder's file.
fn of(folder: &Path, file: &str) -> rustls::pki_types::CertificateDer<'static> {
    certificates(&folder.join(file)).remove(0)
}

#[tokio::test]
async fn both_versions_are_spoken_with_both_protocols() {
    for component in GUESTS {
        let folder = secured(component, TLS, "certificate shop DNS:localhost");
        let host = Host::up(folder.path());
        assert!(host.wait_for_output("Serving").contains(&format!("at https://{}", host.gateway)));
        for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
            for (offered, agreed) in [
                (vec!["h2", "http/1.1"], Some(&b"h2"[..])),
                (vec!["http/1.1", "h2"], Some(b"h2")),
                (vec!["http/1.1"], Some(b"http/1.1")),
                (vec![], None),
            ] {
                let mut client = client(&folder, "localhost");
                (client.versions, client.protocols) = (vec![version], offered);
                let stream = client.begin(host.gateway).await.expect("TLS");
                let found = &stream.get_ref().1;
                assert_eq!((found.protocol_version(), found.alpn_protocol()), (Some(spoken), agreed));
                let told = client.connect(host.gateway).await.get("/told").await.json();
                let header = |name: &str| {
                    let fields = told["headers"].as_array().expect("a list");
                    fields.iter().filter(|it| it[0] == name).map(|it| it[1].as_str().expect("text")).collect::<Vec<_>>()
                };
                assert_eq!(header("x-forwarded-proto"), ["https"], "{component}");
                let named = format!("localhost:{}", host.gateway.port());
                assert_eq!((header("x-forwarded-host"), &told["authority"]), (vec![&*named], &named.as_str().into()));
                assert_eq!(told["scheme"], "Scheme::Https", "{component}: {told}");
            }
        }
    }
}

#[tokio::test]
async fn who_comes_again_begins_where_it_was() {
    let folder = secured("guest", TLS, "certificate shop DNS:localhost");
    let host = Host::up(folder.path());
    for version in [&TLS12, &TLS13] {
        let mut client = client(&folder, "localhost");
        (client.versions, client.protocols) = (vec![version], vec!["http/1.1"]);
        let config = client.config();
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let stream = client.begin_by(config.clone(), host.gateway).await.expect("TLS");
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(kind), "{version:?}");
            assert!(!stream.get_ref().1.is_early_data_accepted());
            // A ticket comes with the first answer.
            let mut client = crate::support::Client::http1_over(stream, "localhost".into()).await;
            assert_eq!(client.get("/told").await.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() {
    let pairs = ["first", "second", "wild"].map(|it| format!("{{ certificate = \"{it}.crt\", key = \"{it}.key\" }}"));
    let folder = secured(
        "guest",
        &format!("[gateway]\ntls = [{}]\n", pairs.join(", ")),
        "certificate first DNS:a.example,IP:127.0.0.1\ncertificate second DNS:b.example,DNS:a.example\n\
         certificate wild DNS:*.c.example",
    );
    let host = Host::up(folder.path());
    for (name, file) in [
        ("a.example", "first.crt"),
        ("b.example", "second.crt"),
        ("B.Example", "second.crt"),
        ("x.c.example", "wild.crt"),
        // No name is asked for.
        ("127.0.0.1", "first.crt"),
    ] {
        assert_eq!(client(&folder, name).shown(host.gateway).await, of(folder.path(), file), "{name}");
        let answer = client(&folder, name).connect(host.gateway).await.get("/told").await;
        assert_eq!(answer.status, StatusCode::OK, "{name}");
    }
    for unknown in ["c.example", "x.y.c.example", "d.example"] {
        let refused = client(&folder, unknown).begin(host.gateway).await.expect_err("it is for other names");
        // That is the first one.
        assert!(refused.to_string().contains("a.example"), "{unknown}: {refused}");
    }
}

#[tokio::test]
async fn what_is_no_tls_of_today_is_refused_and_harms_nobody() {
    let folder = secured("guest", TLS, "certificate shop DNS:localhost");
    let host = Host::start(up(folder.path()).env("DOVETAIL_LOG", "dovetail=debug").stderr(Stdio::piped()));
    let mut before = client(&folder, "localhost").connect(host.gateway).await;
    assert_eq!(before.get("/told").await.status, StatusCode::OK);

    let plain = raw::exchange(host.gateway, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let (head, body) = plain.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.contains("connection: close"), "{plain}");
    assert_eq!(body, r#"{"error":"Only https is spoken here, not http"}"#);
    host.wait_for_output("it speaks plain HTTP");

    for (what, arguments) in [
        ("TLS 1.1", &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"][..]),
        ("TLS 1.0", &["-tls1", "-cipher", "DEFAULT@SECLEVEL=0"]),
        ("no forward secrecy", &["-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384"]),
        ("CBC", &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"]),
        ("an unknown protocol", &["-alpn", "spdy/1"]),
    ] {
        let said = s_client(host.gateway, arguments);
        assert!(said.contains("alert"), "{what}: {said}");
    }
    host.wait_for_output("a client began no TLS");
    // Bytes of nothing, and of a client that is gone at once.
    let nothing = raw::exchange(host.gateway, [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]);
    assert!(nothing.len() <= 14, "an alert: {nothing:?}");
    drop(raw::connect(host.gateway));

    assert_eq!(before.get("/told").await.status, StatusCode::OK);
    assert_eq!(client(&folder, "localhost").connect(host.gateway).await.get("/told").await.status, StatusCode::OK);
    let output = host.output().join("\n");
    assert!(!output.contains("WARN") && !output.contains("ERROR"), "{output}");
    let url = format!("http://localhost:{}/", host.gateway.port());
    let mut client = client(&folder, "localhost");
    client.protocols = vec!["http/1.1"];
    let mut request = crate::support::request(http::Method::GET, "/", "");
    *request.uri_mut() = url.parse().expect("a URL");
    let answer = client.connect(host.gateway).await.send(request).await;
    assert_eq!(
        (answer.status, answer.text()),
        (StatusCode::MISDIRECTED_REQUEST, r#"{"error":"Only https is spoken here, not http"}"#)
    );
}

/// What openssl's client says.
fn s_client(address: SocketAddr, arguments: &[&str]) -> String {
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_client", "-connect", &address.to_string()]).args(arguments).stdin(Stdio::null());
    let output = openssl.output().expect("openssl starts");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
