//! Requests go to the hosts that a service was granted, and to no others, from components
//! of WASI 0.2 and 0.3.

use std::{fs, net::ToSocketAddrs};

use http::StatusCode;
use serde_json::json;

use crate::{
    capabilities::guests_of,
    support::{GUESTS, Host, server::Server, tools, until},
};

#[tokio::test]
async fn requests_go_only_to_hosts_that_were_granted() {
    for component in GUESTS {
        let (server, other) = (Server::start().await, Server::start().await);
        let (granted, port) = (server.address.to_string(), server.address.port());
        let folder = guests_of(component, &[("guest", &format!("outbound = [{granted:?}]")), ("none", "")]);
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        let answer = client.get(&format!("/guest/fetch?url=http://{granted}/hello")).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": 200, "body": "GET /hello" })));

        for (service, to) in [
            ("none", format!("http://{granted}")),
            ("guest", format!("http://{}", other.address)),
            ("guest", "http://127.0.0.1".to_owned()),
            // The same host by another name is another entry.
            ("guest", format!("http://localhost:{port}")),
        ] {
            let answer = client.get(&format!("/{service}/fetch?url={to}/refused")).await;
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{to}: {answer:?}");
            assert!(answer.text().contains("HttpRequestDenied"), "{to}: {answer:?}");
            let told = format!("to allow it, write outbound = [{to:?}] in [service.{service}]");
            assert!(host.wait_for_output(&told).contains(&format!("refused to send a request to {to:?}")));
        }
        assert_eq!((server.stop().await, other.stop().await), (1, 0), "a refused request reaches nobody");
    }
}

#[tokio::test]
async fn a_redirect_is_for_the_service_to_follow() {
    for component in GUESTS {
        let (server, target) = (Server::start().await, Server::start().await);
        let outbound = format!("outbound = [{:?}, {:?}]", server.address.to_string(), target.address.to_string());
        let folder = guests_of(component, &[("guest", &outbound)]);
        let host = Host::up(folder.path());
        let to = format!("http://{}/redirect/{}", server.address, target.address);
        let answer = host.get(&format!("/guest/fetch?url={to}")).await;
        assert_eq!(answer.json(), json!({ "status": 302, "body": format!("GET /redirect/{}", target.address) }));
        assert_eq!((server.stop().await, target.stop().await), (1, 0));
    }
}

#[tokio::test]
async fn no_spelling_of_a_host_gets_around_the_grants() {
    for component in GUESTS {
        let (server, other) = (Server::start().await, Server::start().await);
        let (granted, port) = (server.address, other.address.port());
        let outbound = format!("outbound = [\"{granted}\", \"example.com:{port}\", \"*.example.com:{port}\"]");
        let folder = guests_of(component, &[("guest", &outbound)]);
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        let decimal = u32::from_be_bytes([127, 0, 0, 1]);
        for authority in [
            format!("127.0.0.1:{port}"),
            format!("127.0.0.1.:{port}"),
            format!("127.1:{port}"),
            format!("{decimal}:{port}"),
            format!("0x7f000001:{port}"),
            format!("0x7f.0.0.1:{port}"),
            format!("0177.0.0.1:{port}"),
            format!("017700000001:{port}"),
            format!("0:{port}"),
            format!("0.0.0.0:{port}"),
            format!("[::]:{port}"),
            format!("[::1]:{port}"),
            format!("[::127.0.0.1]:{port}"),
            format!("[::ffff:127.0.0.1]:{port}"),
            format!("[::ffff:7f00:1]:{port}"),
            format!("[0:0:0:0:0:ffff:7f00:0001]:{port}"),
            format!("localhost:{port}"),
            format!("LOCALHOST:{port}"),
            format!("localhost.:{port}"),
            // What readers of URLs disagree on.
            format!("{granted}@127.0.0.1:{port}"),
            format!("example.com@127.0.0.1:{port}"),
            format!("example.com:{port}@127.0.0.1:{port}"),
            format!("127.0.0.1:{port}@{granted}"),
            format!("127.0.0.1:{port}%23@{granted}"),
            format!("127.0.0.1:0{port}"),
            format!("example.com.127.0.0.1:{port}"),
            format!("127.0.0.1%2eexample.com:{port}"),
            format!("[::ffff:127.0.0.1%25lo]:{port}"),
        ] {
            for scheme in ["http", "https"] {
                let path = format!("/guest/fetch?url={scheme}://{}/", authority.replace('%', "%25"));
                let answer = client.get(&path).await;
                let refused = answer.status == StatusCode::BAD_REQUEST || answer.status == StatusCode::BAD_GATEWAY;
                assert!(refused, "{scheme}://{authority}: {answer:?}");
            }
        }
        // One entry stands for both schemes, and the other server speaks no TLS.
        let only_http = client.get(&format!("/guest/fetch?url=https://{granted}/")).await;
        assert_eq!(only_http.status, StatusCode::BAD_GATEWAY, "{only_http:?}");
        assert_eq!((server.stop().await, other.stop().await), (1, 0), "a refused request reaches nobody");
    }
}

#[tokio::test]
async fn a_request_says_nothing_else_than_where_it_goes() {
    for component in GUESTS {
        let (server, other) = (Server::start().await, Server::start().await);
        let (granted, other_address) = (server.address, other.address);
        let folder = guests_of(component, &[("guest", &format!("outbound = [\"http://{granted}\"]"))]);
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        for more in [
            format!("path=http://{other_address}/"),
            format!("path={other_address}"),
            "path=*".to_owned(),
            format!("host={other_address}"),
        ] {
            let answer = client.get(&format!("/guest/fetch?url=http://{granted}/&{more}")).await;
            assert_eq!(answer.text(), "the host takes no such request\n", "{more}");
        }
        // What looks like a host there is a path.
        let answer = client.get(&format!("/guest/fetch?url=http://{granted}/&path=//{other_address}/")).await;
        assert_eq!(answer.json()["body"], format!("GET //{other_address}/"));
        let https = client.get(&format!("/guest/fetch?url=https://{granted}/")).await;
        assert!(https.text().contains("HttpRequestDenied"), "{https:?}");
        assert_eq!((server.stop().await, other.stop().await), (1, 0));
    }
}

#[tokio::test]
async fn a_name_does_not_lead_to_this_machine() {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux");
    let name = name.trim();
    // Most machines have a name that leads to themselves alone, in their own `hosts`.
    let found = (name, 0).to_socket_addrs().into_iter().flatten().find(|address| address.ip().is_loopback());
    let Some(own) = found.filter(|_| name != "localhost") else {
        return tools::leave_out("this machine's name does not lead to a loopback address");
    };
    for component in GUESTS {
        let server = Server::at(own.ip()).await;
        let (address, port) = (server.address, server.address.port());
        let grants = [
            ("name", format!("outbound = [\"{name}:{port}\"]")),
            ("both", format!("outbound = [\"{name}:{port}\", \"{address}\"]")),
            ("all", format!("outbound = [\"*:{port}\"]")),
            ("localhost", format!("outbound = [\"localhost:{port}\"]")),
        ];
        let folder = guests_of(component, &grants.each_ref().map(|(service, outbound)| (*service, outbound.as_str())));
        let host = Host::up(folder.path());
        for scheme in ["http", "https"] {
            let answer = host.get(&format!("/name/fetch?url={scheme}://{name}:{port}/")).await;
            assert!(answer.text().contains("DestinationIpProhibited"), "{answer:?}");
            let told = host.wait_for_output(&format!("write outbound = [\"{scheme}://{address}\"] in [service.name]"));
            assert!(told.contains(&format!("{scheme}://{name}:{port}")), "{told}");
        }
        for service in ["both", "all"] {
            let answer = host.get(&format!("/{service}/fetch?url=http://{name}:{port}/{service}")).await;
            assert_eq!(answer.json(), json!({ "status": 200, "body": format!("GET /{service}") }));
        }
        let mut expected = 2;
        // Whichever of its addresses comes first: the server listens on one.
        if own.ip() == std::net::Ipv4Addr::LOCALHOST {
            let answer = host.get(&format!("/localhost/fetch?url=http://localhost:{port}/")).await;
            assert_eq!(answer.json(), json!({ "status": 200, "body": "GET /" }));
            expected += 1;
        }
        assert_eq!(server.stop().await, expected);
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_left_alone_until_it_is_back() {
    for component in GUESTS {
        let server = Server::start().await;
        let address = server.address;
        let limit = |most: u32| format!("outbound = [\"{address}\"]\nlimits.outbound_failures = {most}");
        let folder = guests_of(component, &[("guest", &limit(3)), ("none", &limit(0))]);
        let host = Host::up(folder.path());
        let mut client = host.connect().await;
        let (guest, none) =
            (format!("/guest/fetch?url=http://{address}/"), format!("/none/fetch?url=http://{address}/"));
        assert_eq!(client.get(&guest).await.status, StatusCode::OK);
        server.stop().await;
        for _ in 0..3 {
            let answer = client.get(&guest).await;
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
            assert!(answer.text().contains("ConnectionRefused"), "{answer:?}");
        }
        // For a second, and where that is over by now for longer.
        until("it is left alone", async || client.get(&guest).await.text().contains("DestinationUnavailable")).await;
        let told = || host.output().iter().filter(|line| line.contains("cannot be reached")).count();
        let line = host.wait_for_output("cannot be reached");
        assert!(line.contains(" WARN ") && line.contains(&format!("\"http://{address}\"")), "{line}");
        for _ in 0..10 {
            let answer = client.get(&none).await;
            assert!(answer.text().contains("ConnectionRefused"), "who wants to asks all the same: {answer:?}");
        }
        assert_eq!(told(), 1, "it is said once");

        let server = Server::on(address).await;
        until("it is asked again", async || client.get(&guest).await.status == StatusCode::OK).await;
        host.wait_for_output("is reached again");
        assert_eq!(client.get(&guest).await.status, StatusCode::OK);
        assert_eq!(server.stop().await, 2, "nobody else asked");
    }
}
