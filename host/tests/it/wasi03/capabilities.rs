//! What a component of WASI 0.3 may use of the host is what it was granted.

use http::StatusCode;

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
