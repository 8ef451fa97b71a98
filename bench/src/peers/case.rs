//! What servers are compared in: what they are asked, and with how many clients.

use std::sync::LazyLock;

use anyhow::Result;
use hyper::{Method, StatusCode};

use super::{kit::Kit, peer::Peer};
use crate::{
    check::Question,
    load::{Path, Shot},
};

/// A case.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// `GET /users/1` of the shop, and how long servers take to start
    Users,
    /// `POST /orders` of the shop, kept in memory
    Orders,
    /// `POST /orders` that asks for the user and keeps nothing
    Plain,
    /// Bodies of 1 KB and 1 MB that are sent back
    Bodies,
    /// `POST /orders` of the shop on 256 and 1,000 connections
    Crowds,
    /// `GET /users/1` of a component of WASI 0.3 that keeps nothing
    Wasi03,
}

/// The same request on so many connections.
pub struct Work {
    pub what: &'static str,
    pub connections: usize,
    pub shot: Shot,
}

const ORDER: &str = r#"{"user_id":1,"item":"Book"}"#;
const ORDER_OF_NOBODY: &str = r#"{"user_id":7,"item":"Book"}"#;

static KILOBYTE: LazyLock<String> = LazyLock::new(|| text(1_000));
static MEGABYTE: LazyLock<String> = LazyLock::new(|| text(1_000_000));

impl Case {
    /// The servers, the limit first.
    pub fn peers(self, kit: &Kit) -> Result<Vec<Peer>> {
        match self {
            Case::Users => kit.users(),
            Case::Orders => kit.orders(),
            Case::Plain => kit.plain(),
            Case::Bodies => kit.echo(),
            Case::Crowds => kit.crowded(),
            Case::Wasi03 => kit.wasi03(),
        }
    }

    /// What they are asked first, and must answer alike.
    pub fn questions(self) -> Vec<Question> {
        match self {
            Case::Users | Case::Wasi03 => vec![(Method::GET, "/users/1", "", 200), (Method::GET, "/users/7", "", 404)],
            Case::Orders | Case::Plain | Case::Crowds => {
                vec![(Method::POST, "/orders", ORDER, 201), (Method::POST, "/orders", ORDER_OF_NOBODY, 400)]
            }
            Case::Bodies => vec![(Method::POST, "/echo", &KILOBYTE, 200), (Method::POST, "/echo", &MEGABYTE, 200)],
        }
    }

    /// What is measured.
    pub fn works(self) -> Vec<Work> {
        let user = Shot::get(Path::Same("/users/1"));
        let order = Shot::post("/orders", ORDER);
        let echo = |body| Shot { status: StatusCode::OK, ..Shot::post("/echo", body) };
        match self {
            Case::Users => vec![Work { what: "GET /users/1", connections: 32, shot: user }],
            Case::Orders => vec![Work { what: "POST /orders, in memory", connections: 32, shot: order }],
            Case::Plain => vec![Work { what: "POST /orders, keeping nothing", connections: 32, shot: order }],
            Case::Bodies => vec![
                Work { what: "1 KB there and back", connections: 32, shot: echo(&KILOBYTE) },
                Work { what: "1 MB there and back", connections: 32, shot: echo(&MEGABYTE) },
            ],
            Case::Crowds => {
                [256, 1000].map(|connections| Work { what: "POST /orders, in memory", connections, shot: order }).into()
            }
            Case::Wasi03 => vec![Work { what: "GET /users/1, WASI 0.3", connections: 32, shot: user }],
        }
    }

    /// Whether it is also measured how long they take to start.
    pub fn times_starts(self) -> bool {
        self == Case::Users
    }
}

/// A JSON string of so many bytes.
fn text(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}
