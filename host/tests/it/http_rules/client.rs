//! What a component is told of its client: the address that its connection comes from,
//! and nothing that a client says of itself.

use std::{
    net::{IpAddr, Ipv6Addr, TcpListener},
    process::Stdio,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::BodyExt;

use super::{guest, told};
use crate::support::{Client, GUESTS, Host, app, dovetail, pieces, raw, request};

/// Fields that a client would be told from another by, if anybody believed it.
const CLAIMS: [&str; 18] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-server",
    "x-forwarded-prefix",
    "x-forwarded-client-cert",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x_forwarded_for",
    "X_Forwarded-Proto",
    "x_real_ip",
    "x-envoy-external-address",
];

#[tokio::test]
async fn a_component_is_told_whose_request_it_is() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let found = client.get("/told").await.json();
            assert_eq!(told(&found, "x-forwarded-for"), ["127.0.0.1"], "{component}");
            assert_eq!(told(&found, "x-forwarded-proto"), ["http"], "{component}");
            assert_eq!(told(&found, "x-forwarded-host"), [host.gateway.to_string()], "{component}");
        }
        let received = raw::exchange(host.gateway, "GET /told HTTP/1.0\r\n\r\n");
        assert!(received.contains(r#"["x-forwarded-host","localhost"]"#), "{component}: {received}");
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_told() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for (mut client, is_http1) in [(host.connect().await, true), (Client::http2(host.gateway).await, false)] {
            let claims = || CLAIMS.map(|name| name.parse::<HeaderName>().expect("a name"));
            let (sender, body) = pieces();
            drop(sender);
            let trailers = HeaderMap::from_iter(claims().map(|name| (name, HeaderValue::from_static("10.6.6.6"))));
            let body = body.with_trailers(async move { Some(Ok(trailers)) }).boxed();
            let mut asked = request(Method::POST, "/told", "").map(|_| body);
            for name in claims() {
                asked.headers_mut().append(&name, HeaderValue::from_static("10.6.6.6"));
                asked.headers_mut().append(&name, HeaderValue::from_static("evil.example"));
            }
            asked.headers_mut().insert("x-kept", HeaderValue::from_static("kept"));
            asked.headers_mut().insert(header::TRAILER, CLAIMS.join(", ").parse().expect("a header value"));
            if is_http1 {
                asked
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("x-forwarded-for, x-forwarded-host"));
            }
            let found = client.send(asked).await.json();
            for name in CLAIMS {
                let expected: Vec<&str> = match name {
                    "x-forwarded-for" => vec!["127.0.0.1"],
                    "x-forwarded-proto" => vec!["http"],
                    "x-forwarded-host" => told(&found, ":authority"),
                    _ => vec![],
                };
                assert_eq!(told(&found, name), expected, "{component}: {name} in {found}");
                assert!(told(&found, &format!("+{name}")).is_empty(), "{component}: {name} in {found}");
            }
            assert_eq!(told(&found, "x-kept"), ["kept"]);
            assert!(!found["headers"].to_string().contains("10.6.6.6"), "{component}: {found}");
        }
    }
}

/// An IPv6 socket takes connections of IPv4, too, if the system lets it.
#[tokio::test]
async fn an_address_is_told_as_what_it_is() {
    let folder = app("[app]\nname = \"six\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n");
    let Ok(probe) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
        println!("skipped: there is no IPv6 here");
        return;
    };
    let port = probe.local_addr().expect("it is bound").port();
    drop(probe);
    let mut command = dovetail();
    command.args(["up", "--listen", &format!("[::]:{port}"), "--admin", "127.0.0.1:0", "--store", "memory:"]);
    command.arg("--manifest").arg(folder.path().join("dovetail.toml")).stderr(Stdio::piped());
    let host = Host::start(&mut command);
    for (address, expected) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        let address = (address.parse::<IpAddr>().expect("an address"), host.gateway.port()).into();
        let found = Client::http1(address).await.get("/told").await.json();
        assert_eq!(told(&found, "x-forwarded-for"), [expected]);
    }
}
