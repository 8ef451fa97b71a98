//! Whether servers do the same: what is compared must be right first.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use hyper::{Method, Response, StatusCode, body::Bytes, header};
use serde_json::Value;

use crate::client::Client;

/// What a server is asked, and the status that is right.
pub type Question = (Method, &'static str, &'static str, u16);

/// What a new shop that keeps what it takes is asked, in this order.
pub const SHOP: [Question; 16] = [
    (Method::GET, "/users/1", "", 200),
    (Method::GET, "/users/7", "", 404),
    (Method::GET, "/users/x", "", 404),
    (Method::POST, "/users", r#"{"name":"Carol"}"#, 201),
    (Method::GET, "/users/3", "", 200),
    (Method::POST, "/users", r#"{"name":7}"#, 400),
    (Method::POST, "/orders", r#"{"user_id":3,"item":"Bo\u006fk","more":[]}"#, 201),
    (Method::POST, "/orders", r#"{"user_id":3,"item":"Pen"}"#, 201),
    (Method::GET, "/orders/2", "", 200),
    (Method::GET, "/orders/3", "", 404),
    (Method::POST, "/orders", r#"{"user_id":7,"item":"Book"}"#, 400),
    (Method::POST, "/orders", r#"{"user_id":"1","item":"Book"}"#, 400),
    (Method::POST, "/orders", r#"{"user_id":1}"#, 400),
    (Method::POST, "/orders", r#"{"item":"Book"}"#, 400),
    (Method::POST, "/orders", r#"{"user_id":1,"item":" "}"#, 400),
    (Method::POST, "/orders", "7", 400),
];

/// Ask servers, which are new, the same: each must answer as the first does.
pub async fn same(servers: &[SocketAddr], questions: &[Question]) -> Result<()> {
    let mut clients = Vec::new();
    for server in servers {
        clients.push(Client::connect(*server).await?);
    }
    for &(ref method, path, body, status) in questions {
        let mut answers = Vec::new();
        for client in &mut clients {
            let said = client.send(method.clone(), path, Bytes::from_static(body.as_bytes())).await?;
            answers.push(answer(&said)?);
        }
        let are_right = answers.iter().all(|answer| answer.0 == status && *answer == answers[0]);
        ensure!(are_right, "{method} {path} {body}: {status} is right, and was answered with {answers:?}");
    }
    Ok(())
}

/// Status, place and JSON.
fn answer(answer: &Response<Bytes>) -> Result<(StatusCode, Option<String>, Value)> {
    let place = answer.headers().get(header::LOCATION).map(|place| place.to_str()).transpose()?;
    let said = String::from_utf8_lossy(answer.body());
    let json = serde_json::from_str(&said).with_context(|| format!("not JSON: {said}"))?;
    Ok((answer.status(), place.map(str::to_owned), json))
}
