//! What a component of WASI 0.3 may use of the host is what it was granted.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;

use super::guest;

#[tokio::test]
async fn buckets_configuration_and_output_are_those_of_the_service() {
    let (_folder, host) = guest("buckets = [\"fixtures\"]\nconfig = { greeting = \"hello\" }", "");
    let mut client = host.connect().await;
    assert_eq!(client.get("/config?key=greeting").await.text(), "hello");
    assert_eq!(client.get("/config?key=other").await.status, StatusCode::NOT_FOUND);
    for number in ["1", "2"] {
        assert_eq!(client.get("/increment?key=a").await.text(), number);
    }
    assert_eq!(client.get("/denied").await.status, StatusCode::FORBIDDEN);
    host.wait_for_output("to allow it, write buckets = [\"forbidden\"] in [service.guest]");
    assert_eq!(client.get("/stdout").await.text(), "printed\n");
    assert!(host.wait_for_output("service=\"guest\" stream=\"stdout\"").contains("a line to stdout"));
}

#[tokio::test]
async fn there_are_no_sockets() {
    let (_folder, host) = guest("outbound = [\"*\"]", "");
    assert_eq!(host.get("/sockets").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn requests_go_only_to_hosts_that_were_granted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(async move {
        let mut served = 0;
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            served += 1;
            let answer = hyper::service::service_fn(async |_| {
                Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("a greeting"))))
            });
            let connection = hyper::server::conn::http1::Builder::new();
            let _ = connection.serve_connection(TokioIo::new(stream), answer).await;
            assert_eq!(served, 1, "what is refused reaches nobody");
        }
    });
    let (_folder, host) = guest(&format!("outbound = [\"{address}\"]"), "");
    let mut client = host.connect().await;
    let answer = client.get(&format!("/fetch?url=http://{address}/hello")).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({ "status": 200, "body": "a greeting" })));
    let port = address.port();
    for to in [format!("http://localhost:{port}"), "http://127.0.0.1".into(), "http://127.0.0.1:9".into()] {
        let answer = client.get(&format!("/fetch?url={to}/hello")).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{to}: {answer:?}");
        assert!(answer.text().contains("HttpRequestDenied"), "{to}: {answer:?}");
        host.wait_for_output(&format!("refused to send a request to {to:?}"));
    }
    assert!(!server.is_finished());
    server.abort();

    let (_folder, host) = guest("", "");
    let answer = host.get(&format!("/fetch?url=http://{address}/hello")).await;
    assert!(answer.text().contains("HttpRequestDenied"), "nothing is open unless granted: {answer:?}");
}
