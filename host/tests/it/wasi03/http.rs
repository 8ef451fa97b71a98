//! Requests, responses and their bodies by `wasi:http/handler@0.3`.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::json;

use super::guest;
use crate::support::{Body, Client, made::with_a_stream, pieces, request, until};

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    let (_folder, host) = guest("", "");
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        let mut asked = request(Method::PATCH, "/headers?a=b", "");
        asked.headers_mut().insert("x-name", "a value".parse().expect("a header value"));
        let seen = client.send(asked).await.json();
        assert_eq!(seen["method"], "Method::Patch");
        assert_eq!(seen["path"], "/headers?a=b");
        assert_eq!(seen["authority"], host.gateway.to_string());
        assert_eq!(seen["scheme"], "Scheme::Http");
        let headers = seen["headers"].as_array().expect("a list");
        assert!(headers.contains(&json!(["x-name", "a value"])), "{headers:?}");
        assert!(headers.iter().all(|header| header[0] != "host"), "{headers:?}");
    }
}

#[tokio::test]
async fn trailers_go_both_ways() {
    let (_folder, host) = guest("", "");
    let mut client = Client::http2(host.gateway).await;
    for path in ["/echo", "/pass"] {
        let response = client.start(with_trailers(path)).await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        let whole = response.into_body().collect().await.expect("it is whole");
        let trailers = whole.trailers().expect("trailers").clone();
        assert_eq!(trailers.get("x-sum").expect("a trailer"), "42", "{path}");
        assert_eq!(whole.to_bytes(), "one, two", "{path}");
    }
}

#[tokio::test]
async fn a_body_that_the_guest_only_passes_on_is_a_part_of_its_call() {
    let (_folder, host) = guest("", "");
    let mut client = host.connect().await;
    let (sender, body) = pieces();
    let response = client.start(request(Method::POST, "/pass", "").map(|_| body)).await.expect("a response");
    sender.send(Ok("the guest has ended, ".into())).await.expect("the host reads");
    assert_eq!(host.busy("guest").await, 1);
    sender.send(Ok("its call has not".into())).await.expect("the host reads");
    drop(sender);
    let whole = response.into_body().collect().await.expect("it is whole").to_bytes();
    assert_eq!(whole, "the guest has ended, its call has not");
    until("its call has ended", async || host.busy("guest").await == 0).await;
    assert_eq!(client.get("/calls").await.text(), "2", "the instance is used again");
}

#[tokio::test]
async fn a_body_that_ends_in_an_error_does_not_look_whole() {
    let (_folder, host) = guest("", "");
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        // Known before it is sent, and when some of it is.
        assert_eq!(client.get("/broken?bytes=1000").await.status, StatusCode::INTERNAL_SERVER_ERROR);
        let response = client.start(request(Method::GET, "/broken?bytes=10000000", "")).await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn an_error_in_place_of_a_response_costs_no_instance() {
    let (_folder, host) = guest("", "");
    let mut client = host.connect().await;
    let answer = client.get("/error").await;
    assert_eq!((answer.status, answer.json()), failed());
    host.wait_for_output("service \"guest\" answered with the error ErrorCode::DestinationNotFound");
    assert_eq!(client.get("/calls").await.text(), "2");
    assert_eq!(host.service("guest").await["traps"], 0);
}

#[tokio::test]
async fn the_handler_of_02_may_be_that_of_a_component_with_streams() {
    let (_folder, host) = guest("", r#"deadline = "2s""#);
    assert_eq!(host.swap("guest", &with_a_stream("guest")).await["outcome"], "live");
    let mut client = host.connect().await;
    for number in ["1", "2", "3"] {
        assert_eq!(client.get("/calls").await.text(), number);
    }
    assert_eq!(client.get("/download?bytes=5000000").await.body.len(), 5_000_000);
    let (sender, body) = pieces();
    let response = client.start(request(Method::POST, "/echo", "").map(|_| body)).await.expect("a response");
    sender.send(Ok("as it ".into())).await.expect("the host reads");
    sender.send(Ok("comes".into())).await.expect("the host reads");
    drop(sender);
    assert_eq!(response.into_body().collect().await.expect("it is whole").to_bytes(), "as it comes");
    for (path, status) in [("/trap", 500), ("/no-response", 500), ("/status?code=103", 500), ("/spin", 504)] {
        assert_eq!(client.get(path).await.status.as_u16(), status, "{path}");
    }
    host.wait_for_output("service \"guest\" returned without setting a response");
    assert_eq!(client.get("/hello").await.text(), "hello\n");
}

/// What a client sees of a call that failed.
pub fn failed() -> (StatusCode, serde_json::Value) {
    (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "The service failed" }))
}

fn with_trailers(path: &str) -> Request<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "42".parse().expect("a header value"));
    let frames = ["one, ", "two"].map(|piece| Frame::data(Bytes::from(piece)));
    let frames = frames.into_iter().chain([Frame::trailers(trailers)]).collect();
    request(Method::POST, path, "").map(|_| Frames(frames).boxed())
}

struct Frames(VecDeque<Frame<Bytes>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}
