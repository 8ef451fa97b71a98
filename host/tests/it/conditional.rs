//! Reads and deletions that depend on what the client has.

use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::support::{Answer, Body, Client, Host, request, shop, shop_table::etag};

fn with(method: Method, path: &str, header: &'static str, values: &[&str]) -> Request<Body> {
    let mut request = request(method, path, "");
    for value in values {
        request.headers_mut().append(header, value.parse().expect("a header's value"));
    }
    request
}

async fn shop_with_orders() -> (tempfile::TempDir, Host, Client) {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let mut client = host.connect().await;
    assert_eq!(client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await.status, StatusCode::CREATED);
    (folder, host, client)
}

fn assert_not_modified(answer: &Answer, tag: &str) {
    assert_eq!((answer.status, answer.header("etag")), (StatusCode::NOT_MODIFIED, tag), "{answer:?}");
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-type"), "");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let (_folder, host, mut http1) = shop_with_orders().await;
    let mut http2 = Client::http2(host.gateway).await;
    for client in [&mut http1, &mut http2] {
        for path in ["/users/1", "/users/2", "/orders/1"] {
            let first = client.get(path).await;
            let tag = first.header("etag").to_owned();
            assert_eq!(tag, etag(first.text()), "{path}");
            let (weak, list, other) = (format!("W/{tag}"), format!("\"x\", W/\"y,\",{tag}"), "\"x,y\"");
            for method in [Method::GET, Method::HEAD] {
                for has in [&[&tag[..]][..], &[&weak], &[&list], &["*"], &[other, &tag]] {
                    let answer = client.send(with(method.clone(), path, "if-none-match", has)).await;
                    assert_not_modified(&answer, &tag);
                }
                for has in [&[other][..], &["\"\""], &["\"*\""], &[""], &["nonsense"], &[&tag[..9]]] {
                    let answer = client.send(with(method.clone(), path, "if-none-match", has)).await;
                    assert_eq!((answer.status, answer.header("etag")), (StatusCode::OK, &tag[..]), "{has:?}");
                    assert_eq!(answer.header("content-length"), first.body.len().to_string());
                    assert_eq!(answer.body.is_empty(), method == Method::HEAD);
                }
            }
        }
        // Tags differ with what they stand for, and what is not there has none.
        assert_ne!(client.get("/users/1").await.header("etag"), client.get("/users/2").await.header("etag"));
        for path in ["/users/9", "/orders/9"] {
            let answer = client.send(with(Method::GET, path, "if-none-match", &["*"])).await;
            assert_eq!((answer.status, answer.header("etag")), (StatusCode::NOT_FOUND, ""));
        }
    }
}

/// RFC 9110, section 13.1.1.
#[tokio::test]
async fn a_read_of_something_else_than_is_meant_is_refused() {
    let (_folder, _host, mut client) = shop_with_orders().await;
    for path in ["/users/1", "/orders/1"] {
        let tag = client.get(path).await.header("etag").to_owned();
        let weak = format!("W/{tag}");
        for method in [Method::GET, Method::HEAD] {
            for (means, has, status) in [
                (&tag[..], "\"x\"", StatusCode::OK),
                ("*", "\"x\"", StatusCode::OK),
                (&tag, &tag, StatusCode::NOT_MODIFIED),
                ("\"x\"", "\"y\"", StatusCode::PRECONDITION_FAILED),
                (&weak, "\"y\"", StatusCode::PRECONDITION_FAILED),
                // It comes first (section 13.2.2).
                ("\"x\"", &tag, StatusCode::PRECONDITION_FAILED),
            ] {
                let mut asked = with(method.clone(), path, "if-match", &[means]);
                asked.headers_mut().insert("if-none-match", has.parse().expect("a header's value"));
                let answer = client.send(asked).await;
                assert_eq!(answer.status, status, "{method} {path} {means} {has}: {answer:?}");
                if answer.status == StatusCode::PRECONDITION_FAILED && method == Method::GET {
                    assert_eq!(answer.json(), json!({ "error": "This is not what If-Match names" }));
                }
            }
        }
    }
    let unknown = client.send(with(Method::GET, "/users/9", "if-match", &["*"])).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_tag_outlives_a_restart() {
    let folder = shop();
    let host = Host::up(folder.path());
    let made = host.post("/users", r#"{"name":"Carol"}"#).await;
    let tag = host.get("/users/3").await.header("etag").to_owned();
    assert_eq!(tag, etag(made.text()));
    host.signal("KILL");
    assert!(!host.wait().success());
    let host = Host::up(folder.path());
    let answer = host.connect().await.send(with(Method::GET, "/users/3", "if-none-match", &[&tag])).await;
    assert_not_modified(&answer, &tag);
}

#[tokio::test]
async fn a_user_is_deleted_if_it_is_the_one_that_is_meant() {
    let (_folder, _host, mut client) = shop_with_orders().await;
    for id in 3..=5 {
        assert_eq!(client.post("/users", r#"{"name":"Carol"}"#).await.json()["id"], id);
    }
    let tag = client.get("/users/3").await.header("etag").to_owned();
    let (weak, list) = (format!("W/{tag}"), format!("\"x\", {tag}"));
    for means in [&["\"x\""][..], &[&weak], &["\"x\", W/\"y\""], &["nonsense"], &["\"*\""]] {
        let answer = client.send(with(Method::DELETE, "/users/3", "if-match", means)).await;
        let told = json!({ "error": "The user is not the one that If-Match names" });
        assert_eq!((answer.status, answer.json()), (StatusCode::PRECONDITION_FAILED, told), "{means:?}");
    }
    // RFC 9110, section 13.1.2.
    for spared in ["*", &tag, &weak] {
        let answer = client.send(with(Method::DELETE, "/users/3", "if-none-match", &[spared])).await;
        let told = json!({ "error": "The user is one that If-None-Match names" });
        assert_eq!((answer.status, answer.json()), (StatusCode::PRECONDITION_FAILED, told), "{spared}");
    }
    assert_eq!(client.get("/users/3").await.status, StatusCode::OK);
    for (path, means, status) in [
        ("/users/3", &list[..], StatusCode::NO_CONTENT),
        ("/users/3", "*", StatusCode::NOT_FOUND),
        ("/users/4", "*", StatusCode::NO_CONTENT),
        // Alice has an order: that she is meant is not enough.
        ("/users/1", "*", StatusCode::CONFLICT),
        ("/users/1", "\"x\"", StatusCode::PRECONDITION_FAILED),
    ] {
        let answer = client.send(with(Method::DELETE, path, "if-match", &[means])).await;
        assert_eq!(answer.status, status, "{path} {means}");
    }
    let others = with(Method::DELETE, "/users/5", "if-none-match", &["\"x\""]);
    assert_eq!(client.send(others).await.status, StatusCode::NO_CONTENT);
}
