//! The figures of the gateway: targets, JSON.

use serde_json::{Value, json};

use super::{
    apps::{AUTHORIZER, PLAIN, Policies, RATE, TLS, TOKEN},
    proxies::Proxied,
};
use crate::{report::Target, round::Turn};

/// What was found.
pub struct Figures {
    /// The shop with each policy and without any.
    pub policies: Policies,
    /// Proxies before one upstream.
    pub proxied: Proxied,
}

impl Figures {
    /// What was found beside what is promised.
    pub fn targets(&self) -> Vec<Target> {
        let Figures { policies, proxied } = self;
        let name = |place: usize| policies.0.turns[place].0;
        let tls = policies.0.one_to(name(TLS), name(PLAIN), Turn::rate).unwrap_or(f64::NAN);
        let mut targets = vec![
            Target::at_least("TLS ÷ plain, kept alive, per s", "", tls, 0.85),
            Target::at_most("token verified from memory, CPU more", "us", policies.more(TOKEN), 3.0),
            Target::at_most("authorizer component, CPU more", "us", policies.more(AUTHORIZER), 4.0),
            Target::at_most("rate by address, CPU more", "us", policies.more(RATE), 0.5),
        ];
        let better = proxied.better_to_ours();
        targets.extend(better.map(|ratio| Target::at_least("as proxy, CPU: better of others ÷ ours", "", ratio, 0.8)));
        targets
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        json!({ "policies": self.policies.0.json(), "proxied": self.proxied.0.json() })
    }
}
