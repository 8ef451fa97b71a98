//! Clients of the shop that never rest, and check each answer.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Answer, Client, Host, made::TYPES, until};

/// Clients that order and read all the time, each on the connection it began
/// with: one that breaks fails the test.
pub struct Load {
    stop: Arc<AtomicBool>,
    /// Answers so far.
    answers: Arc<AtomicU64>,
    clients: JoinSet<Answered>,
}

/// How many requests of each kind were answered, and well.
#[derive(Default)]
pub struct Answered {
    /// Orders that were taken.
    pub orders: u64,
    /// Users that were read.
    pub users: u64,
    ids: Vec<u64>,
}

/// The swaps of the shop's services.
#[derive(Clone, Default)]
pub struct ShopSwaps {
    /// Of the user service.
    pub user: Arc<Swaps>,
    /// Of the order service.
    pub order: Arc<Swaps>,
}

/// The swaps of a service, to and fro between two variants. An answer must be by
/// one that was live at some time between its request's begin and its own end.
#[derive(Default)]
pub struct Swaps {
    begun: AtomicUsize,
    done: AtomicUsize,
}

impl Swaps {
    /// The next variant may answer from now on.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// The variant before may not answer requests that begin from now on.
    pub fn done(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    /// Swaps that are over: to be asked before a request is sent.
    pub fn so_far(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    /// Whether the variant, 0 or 1, may answer now what was asked for after so
    /// many swaps.
    pub fn allow(&self, before: usize, variant: usize) -> bool {
        (before..=self.begun.load(Ordering::SeqCst)).any(|swap| swap % 2 == variant)
    }

    fn check(&self, before: usize, answer: &Answer) {
        let found = answer.header("content-type");
        let variant = TYPES.iter().position(|known| *known == found);
        let variant = variant.unwrap_or_else(|| panic!("no variant answers {answer:?}"));
        assert!(self.allow(before, variant), "variant {variant} was gone after {before} swaps, and answers {answer:?}");
    }
}

impl Load {
    /// Some clients of a shop in which nothing is swapped.
    pub async fn start(host: &Host) -> Load {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(host.connect().await);
        }
        Load::of(clients, &ShopSwaps::default()).await
    }

    /// These clients, while services are swapped.
    pub async fn of(clients: Vec<Client>, swaps: &ShopSwaps) -> Load {
        let (stop, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut load = Load { stop, answers, clients: JoinSet::new() };
        for (number, mut client) in clients.into_iter().enumerate() {
            let (stop, answers, swaps) = (load.stop.clone(), load.answers.clone(), swaps.clone());
            load.clients.spawn(async move {
                let mut answered = Answered::default();
                while !stop.load(Ordering::Relaxed) {
                    let user = 1 + answered.orders % 2;
                    let before = swaps.order.so_far();
                    let (id, answer) = order(&mut client, user, &format!("Book {number}")).await;
                    swaps.order.check(before, &answer);
                    answered.ids.push(id);
                    answered.orders += 1;
                    let before = swaps.user.so_far();
                    let read = client.get(&format!("/users/{user}")).await;
                    assert_eq!((read.status, read.json()), (StatusCode::OK, a_user(user)));
                    swaps.user.check(before, &read);
                    answered.users += 1;
                    answers.fetch_add(2, Ordering::Relaxed);
                }
                answered
            });
        }
        load.more().await;
        load
    }

    /// Wait until there were as many answers again as two rounds of each client
    /// have.
    pub async fn more(&self) {
        let enough = self.answers.load(Ordering::Relaxed) + 4 * self.clients.len() as u64;
        until("the load goes on", async || {
            tokio::task::yield_now().await;
            self.answers.load(Ordering::Relaxed) >= enough
        })
        .await;
    }

    /// End it after some more answers, and sum up. Every id was given out once.
    pub async fn stop(self) -> Answered {
        self.more().await;
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Answered::default();
        for answered in self.clients.join_all().await {
            all.orders += answered.orders;
            all.users += answered.users;
            all.ids.extend(answered.ids);
        }
        let ids: BTreeSet<_> = all.ids.iter().copied().collect();
        assert!(ids.into_iter().eq(1..=all.orders), "ids are given out in order, without a gap");
        all
    }
}

fn a_user(id: u64) -> Value {
    let name = ["Alice", "Bob"][id as usize - 1];
    json!({ "id": id, "name": name })
}

/// Take an order, see that the answer is right, and return its id with it.
pub async fn order(client: &mut Client, user: u64, item: &str) -> (u64, Answer) {
    let answer = client.post("/orders", &json!({ "user_id": user, "item": item }).to_string()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let id = answer.json()["id"].as_u64().expect("an id");
    assert_eq!(answer.json(), json!({ "id": id, "user_id": user, "item": item }));
    assert_eq!(answer.header("location"), format!("/orders/{id}"));
    (id, answer)
}
