//! Bad input gets an error that names what is wrong, and changes nothing.

use http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::support::{Body, Client, Host, post, request, shop};

/// The bodies that no POST takes, and what is said of them.
const NO_OBJECTS: &[(&[u8], &str)] = &[
    (b"", "malformed JSON: EOF while parsing a value at line 1 column 0"),
    (b"{", "malformed JSON: EOF while parsing an object at line 1 column 1"),
    (b"{\"name\":\"Carol\"", "malformed JSON: EOF while parsing an object at line 1 column 15"),
    (b"{\"name\":\"Car", "malformed JSON: EOF while parsing a string at line 1 column 12"),
    (b"{\"name\":\"Carol\",}", "malformed JSON: trailing comma at line 1 column 17"),
    (b"{\"name\":\"Carol\"} x", "malformed JSON: trailing characters at line 1 column 18"),
    (b"{name:\"Carol\"}", "malformed JSON: key must be a string at line 1 column 2"),
    (b"\xef\xbb\xbf{\"name\":\"Carol\"}", "malformed JSON: expected value at line 1 column 1"),
    (b"name=Carol", "malformed JSON: expected ident at line 1 column 2"),
    (b"[{\"name\":\"Carol\"}]", "the body must be a JSON object"),
    (b"\"Carol\"", "the body must be a JSON object"),
    (b"1", "the body must be a JSON object"),
    (b"null", "the body must be a JSON object"),
    (b"{\"name\":\"\xff\"}", "the body is not valid UTF-8 at byte 10"),
    (b"{\"name\":\"\xc3\"}", "the body is not valid UTF-8 at byte 10"),
];

const NOT_WHOLE: &str = "user_id must be a whole number of 0 or more";
const CONTROL: &str =
    "malformed JSON: control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0";
const TOO_LARGE: &str = "user_id must be at most 18446744073709551615";

/// The fields that make no user and no order, and what is said of them.
const BAD_FIELDS: &[(&str, &str, &str)] = &[
    ("/users", r#"{}"#, "name is missing"),
    ("/users", r#"{"Name":"Carol"}"#, "name is missing"),
    ("/users", r#"{"name":null}"#, "name must be a string"),
    ("/users", r#"{"name":7}"#, "name must be a string"),
    ("/users", r#"{"name":true}"#, "name must be a string"),
    ("/users", r#"{"name":["Carol"]}"#, "name must be a string"),
    ("/users", r#"{"name":{"first":"Carol"}}"#, "name must be a string"),
    ("/users", r#"{"name":"Carol","name":"Carol"}"#, "name is there more than once"),
    ("/users", r#"{"name":"\ud800"}"#, "malformed JSON: unexpected end of hex escape at line 1 column 16"),
    ("/users", "{\"name\":\"a\nb\"}", CONTROL),
    ("/users", r#"{"name":""}"#, "name must not be empty"),
    ("/users", r#"{"name":" \t\n\u2003"}"#, "name must not be empty"),
    ("/orders", r#"{}"#, "user_id is missing"),
    ("/orders", r#"{"item":"Book"}"#, "user_id is missing"),
    ("/orders", r#"{"user_id":1}"#, "item is missing"),
    ("/orders", r#"{"user_id":"1","item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":null,"item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":[1],"item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":-1,"item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":1.0,"item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":1e0,"item":"Book"}"#, NOT_WHOLE),
    ("/orders", r#"{"user_id":18446744073709551616,"item":"Book"}"#, TOO_LARGE),
    ("/orders", r#"{"user_id":1e300,"item":"Book"}"#, TOO_LARGE),
    ("/orders", r#"{"user_id":1,"user_id":2,"item":"Book"}"#, "user_id is there more than once"),
    ("/orders", r#"{"user_id":1,"item":7}"#, "item must be a string"),
    ("/orders", r#"{"user_id":1,"item":null}"#, "item must be a string"),
    ("/orders", r#"{"user_id":1,"item":""}"#, "item must not be empty"),
    ("/orders", r#"{"user_id":1,"item":"  "}"#, "item must not be empty"),
    ("/orders", r#"{"user_id":1,"item":"Book","item":"Pen"}"#, "item is there more than once"),
    ("/orders", r#"{"user_id":0,"item":"Book"}"#, "User does not exist"),
    ("/orders", r#"{"user_id":18446744073709551615,"item":"Book"}"#, "User does not exist"),
];

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let mut shop = Shop::open().await;
    for &(body, error) in NO_OBJECTS {
        for path in ["/users", "/orders"] {
            shop.refuses(post(path, body), 400, error).await;
        }
    }
    shop.is_unchanged().await;
}

#[tokio::test]
async fn a_field_that_is_not_as_it_must_be_is_named() {
    let mut shop = Shop::open().await;
    for &(path, body, error) in BAD_FIELDS {
        shop.refuses(post(path, body), 400, error).await;
    }
    // Deep enough to exhaust the stack of a reader that recurses.
    let deep = format!(r#"{{"name":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    shop.refuses(post("/users", deep), 400, "name must be a string").await;
    for (letter, spelling) in [("a", "a"), ("ß", "ß"), ("𝕏", "𝕏"), ("é", "\\u00e9")] {
        for (path, user, field) in [("/users", "", "name"), ("/orders", r#""user_id":1,"#, "item")] {
            let body = |length| format!(r#"{{{user}"{field}":"{}"}}"#, spelling.repeat(length));
            let error = format!("{field} must be at most 1000 characters long");
            shop.refuses(post(path, body(1001)), 400, &error).await;
            let created = shop.client.post(path, &body(1000)).await;
            assert_eq!(created.status, StatusCode::CREATED, "{path} {spelling}");
            assert_eq!(created.json()[field], letter.repeat(1000));
        }
    }
}

#[tokio::test]
async fn a_content_type_other_than_json_is_refused() {
    let mut shop = Shop::open().await;
    for path in ["/users", "/orders"] {
        let body = r#"{"name":"Carol","user_id":1,"item":"Book"}"#;
        let bare = request(Method::POST, path, body);
        shop.refuses(bare, 415, "content-type must be application/json").await;
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/ld+json", "json"] {
            let mut request = request(Method::POST, path, body);
            request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().expect("a header value"));
            shop.refuses(request, 415, "content-type must be application/json").await;
        }
        let mut two = request(Method::POST, path, body);
        for content_type in ["application/json", "text/plain"] {
            two.headers_mut().append(header::CONTENT_TYPE, content_type.parse().expect("a header value"));
        }
        shop.refuses(two, 415, "content-type must be application/json").await;
    }
    shop.is_unchanged().await;
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/json;"] {
        let mut request = request(Method::POST, "/users", r#"{"name":"Carol"}"#);
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().expect("a header value"));
        assert_eq!(shop.client.send(request).await.status, StatusCode::CREATED, "{content_type}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_refused_with_those_that_are_right() {
    let mut shop = Shop::open().await;
    for (path, allow) in [
        ("/users", "GET, HEAD, POST"),
        ("/users/1", "GET, HEAD, DELETE"),
        ("/orders", "GET, HEAD, POST"),
        ("/orders/1", "GET, HEAD"),
        // What an id would be does not matter before the method is right.
        ("/users/x", "GET, HEAD, DELETE"),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW", "get"] {
            if allow.contains(method) {
                continue;
            }
            let wrong = request(method.parse().expect("a method"), path, r#"{"name":"Carol"}"#);
            let answer = shop.client.send(wrong).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
            assert_eq!(answer.json(), json!({ "error": format!("Method not allowed, only {allow}") }));
        }
    }
    shop.is_unchanged().await;
}

#[tokio::test]
async fn what_is_no_id_and_no_path_is_not_found() {
    let mut shop = Shop::open().await;
    for id in ["0", "3", "-1", "+1", "1.0", "0x1", "x", "%32%31", "1%20", "1%2F", "%FF", "1;x", "18446744073709551615"]
    {
        shop.refuses(request(Method::GET, &format!("/users/{id}"), ""), 404, "User not found").await;
        shop.refuses(request(Method::DELETE, &format!("/users/{id}"), ""), 404, "User not found").await;
    }
    for id in ["18446744073709551616", "99999999999999999999999999"] {
        shop.refuses(request(Method::GET, &format!("/users/{id}"), ""), 404, "User not found").await;
        shop.refuses(request(Method::GET, &format!("/orders/{id}"), ""), 404, "Order not found").await;
    }
    for path in [
        "/",
        "/user",
        "/Users",
        "/users/",
        "/users/1/",
        "/users/1/2",
        "//users",
        "/%55sers",
        "/users%2F1",
        "/users/1/..",
        "/users/.",
    ] {
        for method in [Method::GET, Method::DELETE] {
            shop.refuses(request(method, path, ""), 404, "Not found").await;
        }
        shop.refuses(post(path, r#"{"name":"Carol"}"#), 404, "Not found").await;
    }
    shop.is_unchanged().await;
}

/// A shop with one order, to be found unchanged.
struct Shop {
    _folder: tempfile::TempDir,
    _host: Host,
    client: Client,
}

impl Shop {
    async fn open() -> Shop {
        let folder = shop();
        let host = Host::up_with(folder.path(), &["--store", "memory:"]);
        let mut client = host.connect().await;
        assert_eq!(client.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await.status, StatusCode::CREATED);
        Shop { _folder: folder, _host: host, client }
    }

    async fn refuses(&mut self, request: Request<Body>, status: u16, error: &str) {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.client.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (status, json!({ "error": error })), "{what}");
        assert_eq!(answer.text(), format!("{{\"error\":{}}}", json!(error)), "{what}");
        assert_eq!(answer.header("content-type"), "application/json", "{what}");
        assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{what}");
    }

    /// Nobody and nothing came or went, and no id was given out.
    async fn is_unchanged(&mut self) {
        for (path, body) in [
            ("/users", r#"{"users":[{"id":1,"name":"Alice"},{"id":2,"name":"Bob"}],"next":null}"#),
            ("/orders?user_id=1", r#"{"orders":[{"id":1,"user_id":1,"item":"Book"}],"next":null}"#),
            ("/orders?user_id=2", r#"{"orders":[],"next":null}"#),
        ] {
            assert_eq!(self.client.get(path).await.text(), body);
        }
        let user = self.client.post("/users", r#"{"name":"Carol"}"#).await;
        assert_eq!(user.header("location"), "/users/3");
        let order = self.client.post("/orders", r#"{"user_id":3,"item":"Pen"}"#).await;
        assert_eq!(order.header("location"), "/orders/2");
    }
}
