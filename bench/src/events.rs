//! What an event costs, how soon it has its effect, and what a million that wait do.
//!
//! The shop on SQLite announces each order, and a notice is kept of it. That is measured to
//! its end: until every notice is durable. Beside it stand the same shop without the event,
//! and native shops on the same SQLite with and without an outbox. Then RabbitMQ has the events
//! of both.

use std::time::Duration;

use anyhow::{Result, ensure};

use self::{backlog::Backlog, broker::Published, figures::Figures, orders::Orders, reaction::Reactions};
use crate::{
    components, host,
    manner::{Manner, Outcome},
    rabbitmq::{self, Installed},
    round::Rounds,
    setting::Setting,
};

mod backlog;
mod broker;
mod drain;
mod figures;
mod look;
mod orders;
mod queue;
mod reaction;
mod shop;
mod turns;

/// As `--quick` has them, and as they are measured in whole.
const QUICK: Rounds = Rounds { count: 3, each: Duration::from_millis(1500) };
const WHOLE: Rounds = Rounds { count: 5, each: Duration::from_secs(4) };

/// Measure, and print what came of it.
pub async fn measure(manner: &Manner) -> Result<()> {
    host::build_with(&["amqp"])?;
    components::build()?;
    let (rounds, many) = manner.of((QUICK, 100_000), (WHOLE, 1_000_000));
    let rabbitmq = Installed::find();
    let setting = Setting::look(rabbitmq.iter().map(Installed::version).collect());
    setting.print();

    let orders = Orders::measure(rounds).await?;
    let published = match &rabbitmq {
        Some(rabbitmq) => Some(Published::measure(rounds, rabbitmq).await?),
        None => None,
    };
    let reactions = Reactions::measure().await?;
    let backlog = Backlog::measure(many).await?;
    let figures = Figures { orders, published, reactions, backlog };
    if rabbitmq.is_none() {
        println!("\n{:<46} not measured: {}", "CPU, RabbitMQ: native ÷ ours", rabbitmq::MISSING);
    }
    manner.conclude(&setting, Outcome { figures: figures.json(), targets: figures.targets() })?;
    ensure!(rabbitmq.is_some() || !manner.check, "not all was checked: {}", rabbitmq::MISSING);
    Ok(())
}
