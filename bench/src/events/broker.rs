//! Orders by many, until RabbitMQ has the event of each.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{
    look::Look,
    queue::Queue,
    shop::{self, ORDER, Telling},
    turns::{PACE, Shop, Turns},
};
use crate::{
    check,
    native::{self, Child, Commit},
    rabbitmq::Installed,
    round::{Rounds, Turn},
};

const WHAT: &str = "POST /orders until RabbitMQ has the event of each";

/// The exchange of the shop's event.
const EXCHANGE: &str = "shop.orders.events";

/// By how much of one another the documents of both may differ in length.
const ALIKE: f64 = 0.1;

/// The places of those who take turns.
const OURS: usize = 0;
const OURS_QUIET: usize = 1;
const NATIVE: usize = 2;
const NATIVE_QUIET: usize = 3;

/// What came of it.
pub struct Published(Turns);

impl Published {
    /// Measure both ways on the host and natively, in turns, with a server of RabbitMQ that
    /// runs no longer than this.
    pub async fn measure(rounds: Rounds, rabbitmq: &Installed) -> Result<Published> {
        let broker = rabbitmq.start().await?;
        // Who publishes wants a queue to be there.
        let queue = Queue::declare(broker.address, EXCHANGE).await?;
        let its_queue = Queue::declare(broker.address, native::EXCHANGE).await?;
        let (ours, quiet) = (Telling::publishing(broker.address)?, shop::quiet()?);
        let (native, look) = shop::native_publishing(broker.address)?;
        let native_quiet = Child::durable(Commit::Group)?;
        let gateways = [ours.host.gateway, quiet.gateway, native.gateway, native_quiet.gateway];
        check::same(&gateways, &check::SHOP).await?;
        same_events([(&ours.look, &queue), (&look, &its_queue)]).await?;
        for gateway in gateways {
            shop::invite(gateway, 3).await?;
        }
        let shop = |name, gateway, pid, look| Shop { name, gateway, pid, shot: ORDER, look };
        let shops = [
            shop("dovetail, RabbitMQ", ours.host.gateway, ours.host.pid(), Some(&ours.look)),
            shop("dovetail, no event", quiet.gateway, quiet.pid(), None),
            shop("native, RabbitMQ", native.gateway, native.pid(), Some(&look)),
            shop("native, no outbox", native_quiet.gateway, native_quiet.pid(), None),
        ];
        let turns = Turns::measure(WHAT, rounds, &shops).await?;
        has_all(&queue, &ours.look, "dovetail's").await?;
        has_all(&its_queue, &look, "native's").await?;
        Ok(Published(turns))
    }

    /// The time that an order and its event take of the processors: native to ours.
    pub fn cpu(&self) -> f64 {
        self.0.ratio(NATIVE, OURS, |turn: &Turn| turn.cpu)
    }

    /// The same of an event alone.
    pub fn event_alone(&self) -> f64 {
        self.0.event_alone([NATIVE, NATIVE_QUIET], [OURS, OURS_QUIET])
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({ "orders": self.0.series.json(), "last_answer_to_last_confirm": self.0.behind() })
    }
}

/// Both tell the same of the first order of [`check::SHOP`], in documents of one size.
async fn same_events(shops: [(&Look, &Queue); 2]) -> Result<()> {
    let mut first = Vec::new();
    for (look, queue) in shops {
        look.until_drained(Instant::now(), PACE).await?;
        first.push(queue.first().await?);
    }
    let [ours, native] = [&first[0], &first[1]];
    let alike = ours.len().abs_diff(native.len()) as f64 <= ALIKE * ours.len() as f64;
    let said = |document: &[u8]| -> Result<[Value; 2]> {
        let document: Value = serde_json::from_slice(document)?;
        Ok([document["type"].clone(), document["data"].clone()])
    };
    let [here, there] = [ours, native].map(|document| String::from_utf8_lossy(document));
    ensure!(alike && said(ours)? == said(native)?, "an event is {here} here and {there} there");
    Ok(())
}

/// The queue has one event of each order in the shop of this name.
async fn has_all(queue: &Queue, look: &Look, whose: &str) -> Result<()> {
    let (orders, events) = (look.orders()?, queue.count().await?);
    ensure!(orders == events, "RabbitMQ has {events} events of {whose} {orders} orders");
    println!("RabbitMQ has {events} events of {whose} {orders} orders.");
    Ok(())
}
