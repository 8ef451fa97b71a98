//! The shop's requests and their answers, which are the same on every host.

use http::{HeaderName, header};

use super::{Client, post, request, until};

/// A request, with a header of its own after a `|`, its JSON body, and the answer: the
/// status, a header beyond those that every answer has, and the body.
type Row = (&'static str, &'static str, u16, &'static str, &'static str);

/// Ask for all of it, on any host that serves the shop with a new store.
pub async fn run(client: &mut Client) {
    for &(line, json, status, header, body) in TABLE {
        let (target, own) = line.split_once(" | ").unwrap_or((line, ""));
        let (method, path) = target.split_once(' ').expect("a method and a path");
        // What is told by an event is there a moment later.
        if status == 200 && path.starts_with("/notices") {
            until(line, async || client.get(path).await.text() == body).await;
        }
        let mut request = match method {
            "POST" => post(path, json),
            _ => request(method.parse().expect("a method"), path, ""),
        };
        if let Some((name, value)) = own.split_once(": ") {
            let name: HeaderName = name.parse().expect("a header's name");
            request.headers_mut().insert(name, value.parse().expect("a header's value"));
        }
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
        let etag = match status {
            200 if body.starts_with("{\"id\"") => etag(body),
            304 => ALICE_ETAG.to_owned(),
            _ => String::new(),
        };
        assert_eq!(answer.header("etag"), etag, "{row}");
        assert!(!answer.headers.contains_key(header::TRANSFER_ENCODING), "{row}");
    }
}

/// What a read of one thing is tagged with: FNV-1a, 64 bits of it.
pub fn etag(body: &str) -> String {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    format!("\"{:016x}\"", body.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

/// In this order, on a new store.
const TABLE: &[Row] = &[
    ("GET /users/1", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    ("GET /users/2", "", 200, "", r#"{"id":2,"name":"Bob"}"#),
    ("GET /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    // What is another spelling of a path is that path, wherever it is told.
    ("GET /users/%31", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    ("GET /%75sers/%31", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    ("GET /orders/../users/%2E/1", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    // An id has one spelling.
    ("GET /users/01", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users/%2B1", "", 404, "", r#"{"error":"User not found"}"#),
    ("DELETE /users/01", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /orders?user_id=01", "", 400, "", r#"{"error":"user_id must be a whole number of 0 or more"}"#),
    ("GET /notices?user_id=01", "", 400, "", r#"{"error":"user_id must be a whole number of 0 or more"}"#),
    ("GET /users/1%2F", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users%2F1", "", 404, "", r#"{"error":"Not found"}"#),
    ("DELETE /users/3", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users", "", 200, "", r#"{"users":[{"id":1,"name":"Alice"},{"id":2,"name":"Bob"}],"next":null}"#),
    ("POST /users", r#"{"name":"Carol"}"#, 201, "location: /users/3", r#"{"id":3,"name":"Carol"}"#),
    ("GET /users/3", "", 200, "", r#"{"id":3,"name":"Carol"}"#),
    ("GET /users?after=1&limit=1", "", 200, "", r#"{"users":[{"id":2,"name":"Bob"}],"next":2}"#),
    ("GET /users?after=2&limit=1", "", 200, "", r#"{"users":[{"id":3,"name":"Carol"}],"next":null}"#),
    ("GET /users?after=3", "", 200, "", r#"{"users":[],"next":null}"#),
    ("GET /users?after=&limit=&other=x", "", 200, "", ALL_THREE),
    ("GET /users?%61fter=%32&other=x&other=y", "", 200, "", r#"{"users":[{"id":3,"name":"Carol"}],"next":null}"#),
    ("GET /users?after=1&after=2", "", 400, "", r#"{"error":"after is there more than once"}"#),
    ("GET /users?limit=1&l%69mit=1", "", 400, "", r#"{"error":"limit is there more than once"}"#),
    ("GET /orders?user_id=1&user_id=2", "", 400, "", r#"{"error":"user_id is there more than once"}"#),
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
    // There is a notice of each order, among those of its user.
    ("GET /notices?user_id=3", "", 200, "", PEN_NOTICE),
    ("GET /notices?user_id=2", "", 200, "", r#"{"notices":[],"next":null}"#),
    ("GET /notices?user_id=3&after=1", "", 200, "", r#"{"notices":[],"next":null}"#),
    ("GET /notices", "", 400, "", r#"{"error":"user_id is missing"}"#),
    ("GET /notices?user_id=-1", "", 400, "", r#"{"error":"user_id must be a whole number of 0 or more"}"#),
    ("GET /notices?user_id=1&limit=0", "", 400, "", r#"{"error":"limit must be a whole number from 1 to 1000"}"#),
    ("POST /notices", "{}", 405, "allow: GET, HEAD", r#"{"error":"Method not allowed, only GET, HEAD"}"#),
    // A user with orders is kept.
    ("DELETE /users/3", "", 409, "", r#"{"error":"User has orders"}"#),
    ("GET /users/3", "", 200, "", r#"{"id":3,"name":"Carol"}"#),
    ("POST /users", r#"{"name":"Dave"}"#, 201, "location: /users/4", r#"{"id":4,"name":"Dave"}"#),
    ("DELETE /users/4 | if-match: \"other\"", "", 412, "", NOT_THE_ONE),
    ("DELETE /users/9 | if-match: *", "", 404, "", r#"{"error":"User not found"}"#),
    ("DELETE /users/4 | if-match: \"other\", \"835b07548c994727\"", "", 204, "", ""),
    ("DELETE /users/4", "", 404, "", r#"{"error":"User not found"}"#),
    ("GET /users/4", "", 404, "", r#"{"error":"User not found"}"#),
    ("POST /orders", r#"{"user_id":4,"item":"Ink"}"#, 400, "", r#"{"error":"User does not exist"}"#),
    // An id is given out once: neither a deletion nor a refusal gives one back.
    ("POST /users", r#"{"name":"Erin"}"#, 201, "location: /users/5", r#"{"id":5,"name":"Erin"}"#),
    ("POST /orders", r#"{"user_id":5,"item":"Ink"}"#, 201, "location: /orders/3", INK),
    // What the client has is not sent again.
    ("GET /users/1 | if-none-match: \"c8eb1bb2891aa606\"", "", 304, "", ""),
    ("GET /users/1 | if-none-match: \"other\", W/\"c8eb1bb2891aa606\"", "", 304, "", ""),
    ("GET /users/1 | if-none-match: *", "", 304, "", ""),
    ("GET /users/1 | if-none-match: \"other\"", "", 200, "", r#"{"id":1,"name":"Alice"}"#),
    ("GET /users/9 | if-none-match: *", "", 404, "", r#"{"error":"User not found"}"#),
    // What is asked for twice under a key is done once.
    ("POST /users | idempotency-key: \"a\"", r#"{"name":"Frank"}"#, 201, "location: /users/6", FRANK),
    ("POST /users | idempotency-key: \"a\"", r#"{ "name": "Frank" }"#, 201, "location: /users/6", FRANK),
    ("POST /users | idempotency-key: \"a\"", r#"{"name":"Grace"}"#, 422, "", USED),
    ("POST /users | idempotency-key: \"b\"", r#"{"name":"Frank"}"#, 201, "location: /users/7", SECOND_FRANK),
    // In quotes, as the draft has it, or without, as most clients send it.
    ("POST /users | idempotency-key: a", r#"{"name":"Frank"}"#, 201, "location: /users/6", FRANK),
    ("POST /users | idempotency-key: a b", r#"{"name":"Frank"}"#, 400, "", MALFORMED),
    ("POST /users | idempotency-key: a,b", r#"{"name":"Frank"}"#, 400, "", MALFORMED),
    ("POST /users | idempotency-key: \"\"", r#"{"name":"Frank"}"#, 400, "", MALFORMED),
    ("POST /orders | idempotency-key: \"a\"", r#"{"user_id":6,"item":"Ink"}"#, 201, "location: /orders/4", MORE_INK),
    ("POST /orders | idempotency-key: \"a\"", r#"{"item":"Ink","user_id":6}"#, 201, "location: /orders/4", MORE_INK),
    ("POST /orders | idempotency-key: \"a\"", r#"{"user_id":6,"item":"Pen"}"#, 422, "", USED),
    // A refusal is not kept: the key is free.
    (
        "POST /orders | idempotency-key: \"b\"",
        r#"{"user_id":8,"item":"Ink"}"#,
        400,
        "",
        r#"{"error":"User does not exist"}"#,
    ),
    ("POST /orders | idempotency-key: \"b\"", r#"{"user_id":7,"item":"Ink"}"#, 201, "location: /orders/5", LAST_INK),
];

const ALL_THREE: &str =
    r#"{"users":[{"id":1,"name":"Alice"},{"id":2,"name":"Bob"},{"id":3,"name":"Carol"}],"next":null}"#;
const BOOK: &str = r#"{"id":1,"user_id":1,"item":"Book"}"#;
const PEN: &str = r#"{"id":2,"user_id":3,"item":"Pen"}"#;
const PEN_NOTICE: &str =
    r#"{"notices":[{"id":1,"user_id":3,"order_id":2,"text":"Your order of Pen was taken"}],"next":null}"#;
const INK: &str = r#"{"id":3,"user_id":5,"item":"Ink"}"#;
const MORE_INK: &str = r#"{"id":4,"user_id":6,"item":"Ink"}"#;
const LAST_INK: &str = r#"{"id":5,"user_id":7,"item":"Ink"}"#;
const FRANK: &str = r#"{"id":6,"name":"Frank"}"#;
const SECOND_FRANK: &str = r#"{"id":7,"name":"Frank"}"#;
const ALICE_ETAG: &str = "\"c8eb1bb2891aa606\"";
const NOT_THE_ONE: &str = r#"{"error":"The user is not the one that If-Match names"}"#;
const USED: &str = r#"{"error":"Idempotency-Key was used for another request"}"#;
const MALFORMED: &str = r#"{"error":"Idempotency-Key must be one key of 1 to 255 characters of ASCII, as in 8e03978e-40d5; one with spaces, commas, semicolons, quotes or backslashes must be a string in double quotes"}"#;
