//! Rates, and who names them.

use std::collections::BTreeMap;

use super::{Checker, service::count};
use crate::manifest::{
    Invalid, Per, RateLimit, RateManifest,
    key::KeyPath,
    names,
    nearest::nearest,
    rate::MOST,
    schema::{self, List},
};

impl Checker<'_> {
    /// The rates that have nothing amiss, in the order of their names.
    pub(super) fn rates(&mut self, tables: BTreeMap<String, schema::Rate>) -> Vec<RateManifest> {
        // One with something amiss is there all the same for those who name it.
        self.rates = tables.keys().cloned().collect();
        tables.into_iter().filter_map(|(name, table)| self.rate(name, &table)).collect()
    }

    fn rate(&mut self, name: String, table: &schema::Rate) -> Option<RateManifest> {
        let at = KeyPath::root().child("rate").child(&name);
        self.take_key(&at, "rate", names::service(&name));
        let limit = table.limit.as_deref().and_then(|text| self.take(&at.child("limit"), RateLimit::parse(text)));
        let burst = table.burst.map(|burst| {
            let burst = count(burst, MOST, "write 1 to 1_000_000");
            self.take(
                &at.child("burst"),
                burst.and_then(|burst| if table.shared { Err(together()) } else { Ok(burst) }),
            )
        });
        let per = self.take(&at.child("per"), Per::parse(&table.per));
        let limit = limit?;
        Some(RateManifest {
            name,
            limit,
            burst: burst.unwrap_or(Some(limit.requests))?,
            per: per?,
            shared: table.shared,
        })
    }

    /// The names of the rates of a policy at `at`.
    pub(super) fn named_rates(&mut self, at: &KeyPath, written: &List<String>) -> Vec<String> {
        let at = at.child("rate");
        let known = self.rates.clone();
        match written {
            List::One(name) => self.take(&at, named(name, &known)).into_iter().collect(),
            List::Several(names) => {
                let items = names.iter().enumerate();
                items.filter_map(|(index, name)| self.take_item(&at, index, name, named(name, &known))).collect()
            }
        }
    }
}

fn named(name: &str, known: &[String]) -> Result<String, Invalid> {
    if known.iter().any(|rate| rate == name) {
        return Ok(name.to_owned());
    }
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("write \"{near}\""),
        None if known.is_empty() => "say what it is, as in:\n[rate.NAME]\nlimit = \"100/s\"".to_owned(),
        None => format!("the rates are `{}`", known.join("`, `")),
    };
    Err(Invalid::new("is no rate", help))
}

fn together() -> Invalid {
    Invalid::new("is of no use where hosts count together, which they do in whole periods", "leave it out")
}
