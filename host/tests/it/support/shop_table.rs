//! The shop's requests and their answers, which are the same on every host.

use http::header;

use super::{Client, post, request};

/// A request, its JSON body, and the answer: the status, a header beyond those
/// that every answer has, and the body.
type Row = (&'static str, &'static str, u16, &'static str, &'static str);

/// Ask for all of it, on any host that serves the shop with a new store.
pub async fn run(client: &mut Client) {
    for &(line, json, status, header, body) in TABLE {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let request = match method {
            "POST" => post(path, json),
            _ => request(method.parse().expect("a method"), path, ""),
        };
        let answer = client.send(request).await;
        let row = format!("{line} {json} -> {answer:?}");
        assert_eq!((answer.status.as_u16(), answer.text()), (status, body), "{row}");
        let (length, content_type) = match body {
            "" => (String::new(), ""),
            _ => (body.len().to_string(), "application/json"),
        };
        assert_eq!(answer.header("content-length"), length, "{row}");
        assert_eq!(answer.header("content-type"), content_type, "{row}");
        for name in ["location", "allow"] {
            let expected = header.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
            assert_eq!(answer.header(name), expected.unwrap_or_default(), "{row}");
        }
        assert!(!answer.headers.contains_key(header::TRANSFER_ENCODING), "{row}");
    }
}

/// In this order, on a new store.
const TABLE: &[Row] = &[
    ("GET /users/1", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    ("GET /users/2", "", 200, "", r#"{"id":2,"name":"Bob"}"#),
    ("GET /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    ("DELETE /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users", "", 200, "", r#"{"users":[{"id":1,"name":"Alice"},{"id":2,"name":"Bob"}],"next":null}"#),
    ("POST /users", r#"{"name":"Carol"}"#, 201, "location: /users/3", r#"{"id":3,"name":"Carol"}"#),
    ("GET /users/3", "", 200, "", r#"{"id":3,"name":"Carol"}"#),
    ("GET /users?after=1&limit=1", "", 200, "", r#"{"users":[{"id":2,"name":"Bob"}],"next":2}"#),
    ("GET /users?after=2&limit=1", "", 200, "", r#"{"users":[{"id":3,"name":"Carol"}],"next":null}"#),
    ("GET /users?after=3", "", 200, "", r#"{"users":[],"next":null}"#),
    ("GET /users?after=&limit=&other=x", "", 200, "", ALL_THREE),
    ("GET /orders?user_id=1", "", 200, "", r#"{"orders":[],"next":null}"#),
    ("GET /orders/1", "", 404, "", r#"{"error":"Order not found"}"#),
    ("POST /orders", r#"{"user_id":1,"item":"Book"}"#, 201, "location: /orders/1", BOOK),
    ("GET /orders/1", "", 200, "", BOOK),
    ("POST /orders", r#"{"user_id":4,"item":"Pen"}"#, 400, "", r#"{"error":"User does not exist"}"#),
    ("POST /orders", r#"{"item":"Pen","user_id":3}"#, 201, "location: /orders/2", PEN),
    ("GET /orders?user_id=3", "", 200, "", r#"{"orders":[{"id":2,"user_id":3,"item":"Pen"}],"next":null}"#),
    ("GET /orders?user_id=99", "", 200, "", r#"{"orders":[],"next":null}"#),
    ("PUT /users", "", 405, "allow: GET, HEAD, POST", r#"{"error":"Method not allowed, only GET, HEAD, POST"}"#),
    ("PUT /users/1", "", 405, "allow: GET, HEAD, DELETE", r#"{"error":"Method not allowed, only GET, HEAD, DELETE"}"#),
    ("DELETE /users/3", "", 204, "", ""),
    ("DELETE /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    // What a user ordered outlives the user; a new order needs one.
    ("GET /orders/2", "", 200, "", PEN),
    ("GET /orders?user_id=3", "", 200, "", r#"{"orders":[{"id":2,"user_id":3,"item":"Pen"}],"next":null}"#),
    ("POST /orders", r#"{"user_id":3,"item":"Ink"}"#, 400, "", r#"{"error":"User does not exist"}"#),
    // An id is given out once: neither a deletion nor a refusal gives one back.
    ("POST /users", r#"{"name":"Dave"}"#, 201, "location: /users/4", r#"{"id":4,"name":"Dave"}"#),
    (
        "POST /orders",
        r#"{"user_id":4,"item":"Ink"}"#,
        201,
        "location: /orders/3",
        r#"{"id":3,"user_id":4,"item":"Ink"}"#,
    ),
];

const ALL_THREE: &str =
    r#"{"users":[{"id":1,"name":"Alice"},{"id":2,"name":"Bob"},{"id":3,"name":"Carol"}],"next":null}"#;
const BOOK: &str = r#"{"id":1,"user_id":1,"item":"Book"}"#;
const PEN: &str = r#"{"id":2,"user_id":3,"item":"Pen"}"#;
