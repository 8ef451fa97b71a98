//! Whole HTTP components of other toolchains are services with routes and nothing
//! else, and what they may do is what the manifest grants.

use std::fs;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::support::{Client, Host, PATIENCE, example::FETCHERS, made::handler, pieces, request, server::Server};

#[tokio::test]
async fn components_of_javascript_and_python_fetch_what_they_were_granted_and_stream() {
    let Some(components) = FETCHERS.components() else { return };
    let (server, other) = (Server::start().await, Server::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut manifest = "[app]\nname = \"foreign\"\n[store]\nurl = \"memory:\"\n".to_owned();
    for service in ["js", "python"] {
        manifest.push_str(&format!("[service.{service}]\ncomponent = \"none.wasm\"\n"));
        manifest.push_str(&format!("routes = [\"/{service}\"]\noutbound = [\"{}\"]\n", server.address));
    }
    fs::write(folder.path().join("dovetail.toml"), manifest).expect("it can be written");
    fs::write(folder.path().join("none.wasm"), handler("", "")).expect("it can be written");
    let host = Host::up(folder.path());
    for (service, component) in ["js", "python"].into_iter().zip(components) {
        host.swap_large(service, component).await;
    }
    for (service, language) in [("js", "JavaScript"), ("python", "Python")] {
        let mut client = host.connect().await;
        let granted = client.get(&format!("/{service}?url=http://{}/{service}", server.address)).await;
        assert_eq!((granted.status, granted.text()), (StatusCode::OK, format!("GET /{service}").as_str()));
        // What it printed is a line of its own in the log.
        let line = host.wait_for_output(&format!("{language} asks http://{}", server.address));
        assert!(line.contains(&format!("service={service:?} stream=\"stdout\"")), "{line}");

        let refused = client.get(&format!("/{service}?url=http://{}/", other.address)).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{refused:?}");
        let told = format!("write outbound = [\"http://{}\"] in [service.{service}]", other.address);
        host.wait_for_output(&told);

        let head = client.ask(Method::HEAD, &format!("/{service}?url=http://{}/", server.address)).await;
        assert_eq!((head.status, head.text()), (StatusCode::OK, ""));
        echo(client, service).await;
        echo(Client::http2(host.gateway).await, service).await;
        let status = host.service(service).await;
        assert_eq!((&status["traps"], &status["errors"]), (&0.into(), &1.into()), "{status}");
    }
    assert_eq!((server.stop().await, other.stop().await), (4, 0));
}

/// What is sent comes back while more is sent.
async fn echo(mut client: Client, service: &str) {
    let (pieces, body) = pieces();
    let upload: Request<_> = request(Method::POST, &format!("/{service}"), "").map(|_| body);
    pieces.send(Ok("first".into())).await.expect("there is room");
    let mut response = timeout(PATIENCE, client.start(upload)).await.expect("an answer in time").expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(next(&mut response).await.as_deref(), Some(&b"first"[..]), "{service}");
    pieces.send(Ok("second".into())).await.expect("the host reads");
    assert_eq!(next(&mut response).await.as_deref(), Some(&b"second"[..]), "{service}");
    drop(pieces);
    assert_eq!(next(&mut response).await, None, "{service}");
}

/// The next piece of a body that is not empty; none at its end.
async fn next(response: &mut Response<Incoming>) -> Option<Bytes> {
    loop {
        let frame = timeout(PATIENCE, response.body_mut().frame()).await.expect("the body goes on or ends")?;
        match frame.expect("no error").into_data() {
            Ok(data) if data.is_empty() => {}
            data => return data.ok(),
        }
    }
}
