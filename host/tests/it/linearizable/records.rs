//! What clients asked for and were answered, with the moments of both.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::checker::End;
use crate::support::{Body, Client, post, request};

/// What all that record share: their clock, and how far they have come.
pub struct Recorder {
    /// Counts moments. What it says of two of them is what a clock would, and never the
    /// same twice.
    clock: AtomicU64,
    /// The largest ids that were given out, as far as was answered.
    pub last_user: AtomicU64,
    pub last_order: AtomicU64,
    /// How much was answered, and told what was done.
    pub answers: AtomicU64,
    /// Whether the store's server is there.
    pub server: watch::Sender<Presence>,
}

/// Whether a server is there, as far as those know who kill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Here,
    /// It is being killed. Who gets no answer from now on says that it is gone.
    Leaving,
    Gone,
}

/// A request of the shop.
#[derive(Clone, Debug)]
pub enum Asked {
    CreateUser {
        name: String,
    },
    ReadUser(u64),
    DeleteUser(u64),
    CreateOrder {
        user: u64,
        item: String,
    },
    ReadOrder(u64),
    /// All pages of a user's orders, one after the other.
    ListOrders(u64),
}

/// A request, and what came of it; no answer if its connection broke.
#[derive(Clone, Debug)]
pub struct Record {
    pub asked: Asked,
    pub begin: u64,
    pub end: End,
    pub answer: Option<(StatusCode, Value)>,
}

impl Recorder {
    /// One for a new store.
    pub fn new() -> Arc<Recorder> {
        let [clock, last_order, answers] = [const { AtomicU64::new(0) }; 3];
        let server = watch::Sender::new(Presence::Here);
        Arc::new(Recorder { clock, last_user: AtomicU64::new(2), last_order, answers, server })
    }

    /// The moment that it is.
    pub fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Ask, and write down what came of it.
    pub async fn ask(&self, client: &mut Client, asked: Asked) -> Record {
        let begin = self.now();
        let answer = match asked {
            Asked::ListOrders(user) => list(client, user).await,
            _ => answer(client, asked.request()).await,
        };
        let mut record = Record { asked, begin, end: End::Open, answer };
        if record.status().is_some() {
            record.end = End::Answered(self.now());
            self.answers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.server.send_if_modified(|server| {
                let is_news = *server == Presence::Leaving;
                *server = if is_news { Presence::Gone } else { *server };
                is_news
            });
        }
        let id = record.found().and_then(|found| found["id"].as_u64()).unwrap_or(0);
        match record.asked {
            Asked::CreateUser { .. } => self.last_user.fetch_max(id, Ordering::Relaxed),
            Asked::CreateOrder { .. } => self.last_order.fetch_max(id, Ordering::Relaxed),
            _ => 0,
        };
        record
    }
}

impl Record {
    /// The status of an answer that says what was done. An error of the server's says
    /// nothing of whether it was, nor does a connection that broke.
    pub fn status(&self) -> Option<u16> {
        let (status, _) = self.answer.as_ref()?;
        (!status.is_server_error()).then_some(status.as_u16())
    }

    /// The body of an answer that is no refusal.
    pub fn found(&self) -> Option<&Value> {
        self.answer.as_ref().filter(|(status, _)| status.is_success()).map(|(_, body)| body)
    }

    /// Whether it shows what has this id.
    pub fn is_of(&self, id: u64) -> bool {
        self.found().is_some_and(|found| found["id"] == id)
    }

    /// Whether it is refused for this reason.
    pub fn says(&self, reason: &str) -> bool {
        self.answer.as_ref().is_some_and(|(_, body)| body["error"] == reason)
    }
}

impl Asked {
    fn request(&self) -> http::Request<Body> {
        match self {
            Asked::CreateUser { name } => post("/users", json!({ "name": name }).to_string()),
            Asked::ReadUser(id) => request(Method::GET, &format!("/users/{id}"), ""),
            Asked::DeleteUser(id) => request(Method::DELETE, &format!("/users/{id}"), ""),
            Asked::CreateOrder { user, item } => post("/orders", json!({ "user_id": user, "item": item }).to_string()),
            Asked::ReadOrder(id) => request(Method::GET, &format!("/orders/{id}"), ""),
            Asked::ListOrders(user) => request(Method::GET, &page(*user, &json!(0)), ""),
        }
    }
}

fn page(user: u64, after: &Value) -> String {
    format!("/orders?user_id={user}&after={after}&limit=20")
}

/// All orders of a user, in a list; or the first answer that is none.
async fn list(client: &mut Client, user: u64) -> Option<(StatusCode, Value)> {
    let (mut orders, mut after) = (Vec::new(), json!(0));
    while !after.is_null() {
        let (status, mut body) = answer(client, request(Method::GET, &page(user, &after), "")).await?;
        let Some(more) = body["orders"].as_array_mut() else { return Some((status, body)) };
        orders.append(more);
        after = body["next"].take();
    }
    Some((StatusCode::OK, Value::Array(orders)))
}

async fn answer(client: &mut Client, request: http::Request<Body>) -> Option<(StatusCode, Value)> {
    let answer = client.try_send(request).await.ok()?;
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    Some((answer.status, body))
}
