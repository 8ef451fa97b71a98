//! The shop answers as its table says, over HTTP/1.1 and HTTP/2.

use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Host, shop, shop_table};

#[tokio::test]
async fn the_table_is_answered_over_http_1() {
    let folder = shop();
    let host = Host::up(folder.path());
    shop_table::run(&mut host.connect().await).await;
}

#[tokio::test]
async fn the_table_is_answered_over_http_2() {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    shop_table::run(&mut Client::http2(host.gateway).await).await;
}

#[tokio::test]
async fn users_are_paged_and_pages_skip_the_deleted() {
    let (_folder, _host, mut client) = shop_in_memory().await;
    for id in 3..=10 {
        let created = client.post("/users", &json!({ "name": format!("User {id}") }).to_string()).await;
        assert_eq!(created.json()["id"], id);
    }
    for id in [2, 5, 6, 10] {
        assert_eq!(client.ask(Method::DELETE, &format!("/users/{id}")).await.status, StatusCode::NO_CONTENT);
    }
    for (limit, pages) in [
        ("1", vec![vec![1], vec![3], vec![4], vec![7], vec![8], vec![9]]),
        ("2", vec![vec![1, 3], vec![4, 7], vec![8, 9]]),
        ("4", vec![vec![1, 3, 4, 7], vec![8, 9]]),
        ("6", vec![vec![1, 3, 4, 7, 8, 9]]),
        ("1000", vec![vec![1, 3, 4, 7, 8, 9]]),
        ("", vec![vec![1, 3, 4, 7, 8, 9]]),
    ] {
        assert_eq!(walk(&mut client, &format!("/users?limit={limit}"), "users").await, pages, "limit={limit}");
    }
}

#[tokio::test]
async fn orders_of_two_users_are_paged_apart() {
    let (_folder, _host, mut client) = shop_in_memory().await;
    // So the ids of a user's orders are not their places in the user's list.
    for user_id in [2, 1, 2, 2, 1, 2, 1] {
        client.post("/orders", &json!({ "user_id": user_id, "item": "Book" }).to_string()).await;
    }
    for (path, pages) in [
        ("/orders?user_id=1", vec![vec![2, 5, 7]]),
        ("/orders?user_id=1&limit=1", vec![vec![2], vec![5], vec![7]]),
        ("/orders?user_id=1&limit=2", vec![vec![2, 5], vec![7]]),
        ("/orders?user_id=2&limit=3", vec![vec![1, 3, 4], vec![6]]),
    ] {
        assert_eq!(walk(&mut client, path, "orders").await, pages, "{path}");
    }
    for (path, body) in [
        ("/orders?user_id=1&limit=1", r#"{"orders":[{"id":2,"user_id":1,"item":"Book"}],"next":2}"#),
        ("/orders?limit=1&after=4&user_id=2", r#"{"orders":[{"id":6,"user_id":2,"item":"Book"}],"next":null}"#),
        // An order of somebody else, and one that is not there, are no place to go on from.
        ("/orders?user_id=1&after=1", r#"{"error":"after must be the id of an order of this user"}"#),
        ("/orders?user_id=1&after=8", r#"{"error":"after must be the id of an order of this user"}"#),
    ] {
        assert_eq!(client.get(path).await.text(), body, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_asks_for_no_page_is_refused() {
    let (_folder, _host, mut client) = shop_in_memory().await;
    let limit = "limit must be a whole number from 1 to 1000";
    for (query, error) in [
        ("limit=0", limit),
        ("limit=1001", limit),
        ("limit=-1", limit),
        ("limit=1.5", limit),
        ("limit=ten", limit),
        ("limit=18446744073709551616", limit),
        ("after=-1", "after must be a whole number of 0 or more"),
        ("after=x", "after must be a whole number of 0 or more"),
        ("after=+1", "after must be a whole number of 0 or more"),
        ("after=01", "after must be a whole number of 0 or more"),
        ("limit=01", limit),
        ("after=18446744073709551616", "after must be at most 18446744073709551615"),
    ] {
        for path in [format!("/users?{query}"), format!("/orders?user_id=1&{query}")] {
            let answer = client.get(&path).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
            assert_eq!(answer.json(), json!({ "error": error }), "{path}");
        }
    }
    for (query, error) in [
        ("user_id=1&user_id=2", "user_id is there more than once"),
        ("user_id=1&user%5Fid=1", "user_id is there more than once"),
        ("user_id=&user_id=1", "user_id is there more than once"),
        ("user_id=1&after=1&%61fter=1", "after is there more than once"),
        ("limit=1&user_id=1&limit=", "limit is there more than once"),
        ("", "user_id is missing"),
        ("user_id=", "user_id is missing"),
        ("user_id=x", "user_id must be a whole number of 0 or more"),
        ("user_id=18446744073709551616", "user_id must be at most 18446744073709551615"),
    ] {
        let answer = client.get(&format!("/orders?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.json(), json!({ "error": error }), "{query}");
    }
}

#[tokio::test]
async fn a_page_holds_a_hundred_unless_told_and_at_most_a_thousand() {
    let (_folder, _host, mut client) = shop_in_memory().await;
    // Four bytes a character: the largest page is 4 MB and does not fit any buffer.
    let name = "𝕏".repeat(1000);
    let user = json!({ "name": name }).to_string();
    for _ in 3..=1001 {
        assert_eq!(client.post("/users", &user).await.status, StatusCode::CREATED);
    }
    for (path, length, next) in [("/users", 100, json!(100)), ("/users?limit=1000", 1000, json!(1000))] {
        let page = client.get(path).await;
        assert_eq!(page.header("content-length"), page.body.len().to_string(), "{path}");
        let page = page.json();
        assert_eq!(page["users"].as_array().map(Vec::len), Some(length), "{path}");
        assert_eq!(page["users"][length - 1], json!({ "id": length, "name": name }), "{path}");
        assert_eq!(page["next"], next, "{path}");
    }
    let last = client.get("/users?limit=1000&after=1000").await.json();
    assert_eq!(last, json!({ "users": [{ "id": 1001, "name": name }], "next": null }));
    check_head(&mut client, &["/users", "/users?limit=1000"]).await;
}

#[tokio::test]
async fn the_seeds_and_their_deletion_survive_a_restart() {
    let folder = shop();
    let host = Host::up(folder.path());
    assert_eq!(host.connect().await.ask(Method::DELETE, "/users/1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(host.post("/users", r#"{"name":"Carol"}"#).await.status, StatusCode::CREATED);
    assert_eq!(host.post("/orders", r#"{"user_id":2,"item":"Book"}"#).await.status, StatusCode::CREATED);
    host.signal("TERM");
    assert!(host.wait().success());

    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (path, body) in [
        ("/users", r#"{"users":[{"id":2,"name":"Bob"},{"id":3,"name":"Carol"}],"next":null}"#),
        ("/users/1", r#"{"error":"User not found"}"#),
        ("/orders?user_id=2", r#"{"orders":[{"id":1,"user_id":2,"item":"Book"}],"next":null}"#),
    ] {
        assert_eq!(client.get(path).await.text(), body, "{path}");
    }
    assert_eq!(client.ask(Method::DELETE, "/users/1").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.post("/users", r#"{"name":"Dave"}"#).await.json()["id"], 4);
    assert_eq!(client.post("/orders", r#"{"user_id":4,"item":"Pen"}"#).await.json()["id"], 2);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let (_folder, host, mut http1) = shop_in_memory().await;
    assert_eq!(http1.post("/orders", r#"{"user_id":1,"item":"Book"}"#).await.status, StatusCode::CREATED);
    let mut http2 = Client::http2(host.gateway).await;
    for client in [&mut http1, &mut http2] {
        let found = ["/users", "/users/1", "/users?limit=1", "/orders/1", "/orders?user_id=1"];
        let refused = ["/users/3", "/users?limit=0", "/orders/2", "/orders", "/", "/nowhere", "/users/"];
        check_head(client, &found).await;
        check_head(client, &refused).await;
    }
}

/// A shop that forgets, and a connection to it.
async fn shop_in_memory() -> (tempfile::TempDir, Host, Client) {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let client = host.connect().await;
    (folder, host, client)
}

/// HEAD has the status and the headers of GET; what follows on the connection
/// shows that no body came.
async fn check_head(client: &mut Client, paths: &[&str]) {
    for path in paths {
        let head = client.ask(Method::HEAD, path).await;
        let get = client.get(path).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert!(head.body.is_empty(), "{path}");
        let lasting = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            // Each request has others of these.
            for name in [header::DATE.as_str(), "x-request-id"] {
                headers.remove(name);
            }
            headers
        };
        assert_eq!(lasting(&head), lasting(&get), "{path}");
    }
}

/// The ids on each page from this one on, by following `next`.
async fn walk(client: &mut Client, path: &str, name: &str) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut page = client.get(path).await.json();
    loop {
        let entries = page[name].as_array().expect("a list");
        pages.push(entries.iter().map(|entry| entry["id"].as_u64().expect("an id")).collect());
        let next = match &page["next"] {
            Value::Null => return pages,
            next => format!("{path}&after={next}"),
        };
        page = client.get(&next).await.json();
    }
}
