//! The shop's HTTP table.

use http::StatusCode;

use crate::support::{Host, shop};

#[tokio::test]
async fn a_user_is_read() {
    let folder = shop();
    let host = Host::up(folder.path());
    let answer = host.get("/users/1").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text(), r#"{"id":1,"name":"Alice"}"#);
}
