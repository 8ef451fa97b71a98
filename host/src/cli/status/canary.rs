//! What is shown of a canary.

use serde::Deserialize;
use serde_json::Number;

use crate::cli::{
    check::count,
    time::{millis, took},
};

/// A revision on trial, as a host tells it.
#[derive(Deserialize)]
pub struct Canary {
    pub revision: Option<u64>,
    pub since: Option<String>,
    pub share: Option<Number>,
    pub calls: Option<u64>,
    pub errors: Option<u64>,
    #[serde(default)]
    probes: u64,
    trial: Option<Trial>,
}

/// What it still needs to be promoted.
#[derive(Deserialize)]
struct Trial {
    left_ms: f64,
    missing: u64,
}

impl Canary {
    /// A sentence on who decides, and when.
    pub fn what_becomes_of_it(&self, service: &str) -> String {
        let Some(Trial { left_ms, missing }) = self.trial else {
            return format!(
                "The canary of {service} waits for `dovetail promote {service}` or `dovetail rollback {service}`."
            );
        };
        let left = (left_ms > 0.0).then(|| took(millis(left_ms)));
        let calls = (missing > 0).then(|| count(missing, "more call"));
        let needs = [left, calls].into_iter().flatten().collect::<Vec<_>>();
        let decided = match needs.is_empty() {
            true => "now".to_owned(),
            false => format!("after {}", needs.join(" and ")),
        };
        let probes = match self.probes {
            0 => String::new(),
            probes => format!("; {} stood in for calls", count(probes, "probe")),
        };
        format!("The canary of {service} is decided {decided}{probes}.")
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn who_decides_and_when_is_told() {
        let told = |trial: Value, probes: u64| {
            let canary =
                json!({ "revision": 2, "share": 10, "calls": 4, "errors": 0, "probes": probes, "trial": trial });
            let canary: Canary = serde_json::from_value(canary).expect("an answer of the host");
            canary.what_becomes_of_it("user")
        };
        let left = |left_ms: u64, missing: u64| json!({ "left_ms": left_ms, "missing": missing });
        assert_eq!(
            told(left(40_200, 66), 30),
            "The canary of user is decided after 40.20 s and 66 more calls; 30 probes stood in for calls."
        );
        assert_eq!(told(left(0, 1), 0), "The canary of user is decided after 1 more call.");
        assert_eq!(told(left(120_000, 0), 1), "The canary of user is decided after 2 min; 1 probe stood in for calls.");
        assert_eq!(told(left(0, 0), 0), "The canary of user is decided now.");
        assert_eq!(
            told(Value::Null, 0),
            "The canary of user waits for `dovetail promote user` or `dovetail rollback user`."
        );
    }
}
