//! The figures of events: targets, JSON.

use serde_json::{Value, json};

use super::{
    backlog::Backlog,
    broker::Published,
    drain::Drain,
    orders::{NATIVE, NATIVE_QUIET, OURS, OURS_OF_ONE, OURS_QUIET, Orders},
    reaction::{Reactions, percentile_99},
};
use crate::{
    report::{Target, median},
    round::Turn,
};

/// What was found.
pub struct Figures {
    /// Orders that are announced, and those that are not.
    pub orders: Orders,
    /// Orders that RabbitMQ is told of, where it is installed.
    pub published: Option<Published>,
    /// From an answer to a notice.
    pub reactions: Reactions,
    /// Many events that wait.
    pub backlog: Backlog,
}

impl Figures {
    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let Figures { orders, published, reactions, backlog } = self;
        let Backlog { many, memory, .. } = backlog;
        let cpu = |turn: &Turn| turn.cpu;
        let mut targets = vec![
            Target::at_least("orders with ÷ without event", "", orders.ratio(OURS, OURS_QUIET, Turn::rate), 0.6)
                .last(0.60),
            Target::at_least("the same, of one user", "", orders.ratio(OURS_OF_ONE, OURS_QUIET, Turn::rate), 0.6)
                .last(0.86),
            Target::at_most("answer to notice seen, idle, median", "ms", median(&reactions.seen), 5.0),
            Target::at_most("answer to notice durable, idle, median", "ms", median(&reactions.durable), 5.0),
            Target::at_least("CPU, order and event: native ÷ ours", "", orders.ratio(NATIVE, OURS, cpu), 0.5)
                .last(0.43),
            Target::at_least("CPU, event alone: native ÷ ours", "", orders.event_alone(), 0.5).last(0.35),
            Target::at_most(format!("memory, {} events waiting, most", many.waited), "MB", memory.most_waiting, 150.0),
            Target::at_most("the same, until they are delivered", "MB", memory.most, 150.0),
            Target::at_least("delivered of many ÷ of few, per s", "", many.rate() / backlog.rate_of_few(), 0.5)
                .last(0.86),
            Target::at_least("the same ÷ as they are emitted", "", many.rate() / orders.rate(), 0.5).last(4.83),
        ];
        targets.extend(published.iter().flat_map(|published| {
            [
                Target::at_least("CPU, order and RabbitMQ: native ÷ ours", "", published.cpu(), 0.5).last(0.37),
                Target::at_least("CPU, RabbitMQ alone: native ÷ ours", "", published.event_alone(), 0.5).last(0.18),
            ]
        }));
        targets
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Figures { orders, published, reactions, backlog: Backlog { many, few, memory } } = self;
        let milliseconds = |took: &[f64]| json!({ "p50_ms": median(took), "p99_ms": percentile_99(took), "ms": took });
        json!({
            "orders": orders.0.series.json(),
            "last_answer_to_last_notice": orders.0.behind(),
            "cpu_native_without_event_to_ours": orders.ratio(NATIVE_QUIET, OURS_QUIET, |turn| turn.cpu),
            "published": published.as_ref().map(Published::json),
            "answer_to_notice": {
                "seen": milliseconds(&reactions.seen),
                "durable": milliseconds(&reactions.durable),
                "native_durable": milliseconds(&reactions.native),
            },
            "waiting": { "many": many.json(), "few": few.iter().map(Drain::json).collect::<Vec<_>>() },
            "memory_mb": {
                "started": memory.started,
                "waiting": memory.waiting,
                "most_waiting": memory.most_waiting,
                "most": memory.most,
            },
        })
    }
}
