//! The figures of links: targets, JSON.

use serde_json::{Value, json};

use super::{
    chain::{CHAINS, Chains},
    crowd::Crowd,
    hop::{Hop, Hops},
    many::{COUNTS, Crowds},
    start::Starts,
};
use crate::{
    report::{Target, median},
    round::Turn,
};

/// What was found.
pub struct Figures {
    /// A call alone.
    pub hops: Hops,
    /// Through several links.
    pub chains: Chains,
    /// Of the shop.
    pub starts: Starts,
    /// Many services.
    pub crowds: Crowds,
}

impl Figures {
    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let Figures { hops, chains, starts, crowds: Crowds { crowds, series } } = self;
        let mut targets = vec![
            Target::at_least("REST hop ÷ link call, user", "", hops.rest_to(&hops.user, |hop| hop.time), 40.0)
                .last(53.0),
            Target::at_least("REST hop ÷ link call, number", "", hops.rest_to(&hops.number, |hop| hop.time), 40.0)
                .last(76.0),
            Target::at_least("user, by CPU time", "", hops.rest_to(&hops.user, |hop| hop.cpu), 40.0).last(42.0),
        ];
        let chained = (1..CHAINS.len()).map(|chain| {
            let what = format!("each further of {}, throughput", CHAINS[chain].1);
            Target::at_most(what, "%", chains.cost(chain), 3.0)
        });
        targets.extend(chained);
        targets.push(Target::at_most("the shop's start, cached", "ms", median(&starts.cached), 60.0));
        targets.extend(crowds.first().map(|many| {
            let what = format!("{} services, memory, most", many.count);
            Target::at_most(what, "MB", many.memory.most, 1000.0)
        }));
        let rate = series.first_to(1, Turn::rate);
        targets.push(Target::at_least(format!("{} ÷ {}, req/s", COUNTS[0].1, COUNTS[1].1), "", rate, 0.9));
        targets
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let Figures { hops, chains, starts, crowds: Crowds { crowds, series } } = self;
        let hop = |hops: &[Hop]| {
            let rounds = hops.iter().map(|hop| json!({ "us": hop.time, "cpu_us": hop.cpu }));
            rounds.collect::<Vec<_>>()
        };
        let further = (1..CHAINS.len()).map(|chain| {
            let (links, ..) = CHAINS[chain];
            json!({ "links": links, "percent_each": chains.cost(chain), "cpu_us_each": chains.cpu(chain) })
        });
        json!({
            "call": { "link_number": hop(&hops.number), "link_user": hop(&hops.user), "rest_user": hop(&hops.rest) },
            "chains": chains.0.json(),
            "further_links": further.collect::<Vec<_>>(),
            "shop_start_ms": { "cached": starts.cached, "compiling": starts.compiling },
            "services": crowds.iter().map(Crowd::json).collect::<Vec<_>>(),
            "services_in_turns": series.json(),
        })
    }
}

impl Crowd {
    fn json(&self) -> Value {
        json!({
            "services": self.count,
            "components": self.components,
            "start_ms": { "compiling": self.compiling, "cached": self.cached },
            "memory_mb": {
                "started": self.memory.started,
                "answered": self.memory.answered,
                "most": self.memory.most,
            },
        })
    }
}
