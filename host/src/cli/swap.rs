//! `dovetail swap`: make another component live in a running host.

use std::{path::Path, time::Duration};

use anyhow::{Result, anyhow};
use clap::{Args, ValueHint};
use http::Method;

use super::{
    check::count,
    client::{Refused, Target},
    given::Given,
    number, service, swapped,
    terminal::Terminal,
    time::took,
};
use crate::{
    manifest::{self, Invalid},
    swap::CALLS,
};

/// Make another component live in a running host, with nothing lost.
#[derive(Args)]
pub struct Swap {
    /// The service.
    #[arg(value_parser = service)]
    service: String,
    /// The component's file, `-` for standard input, or where it is in a registry:
    /// oci://HOST/REPOSITORY:TAG.
    #[arg(value_name = "FILE|-|oci://…", value_parser = Given::parse, value_hint = ValueHint::FilePath)]
    component: Given,
    /// Give it this share of the calls, until it is promoted or rolled back.
    #[arg(long, value_name = "PERCENT", value_parser = percent, allow_hyphen_values = true)]
    canary: Option<u8>,
    /// Decide after this time, and calls enough, whether the canary becomes live, by how
    /// often it erred.
    #[arg(long = "for", value_name = "TIME", value_parser = manifest::duration, allow_hyphen_values = true, requires = "canary")]
    time: Option<Duration>,
    /// With --for: how many calls it must have answered, 100 if not given. The service's
    /// probe stands in for those that do not come.
    #[arg(long, value_name = "NUMBER", value_parser = number, allow_hyphen_values = true, requires = "time")]
    calls: Option<u64>,
    #[command(flatten)]
    target: Target,
}

impl Swap {
    /// Send the component, show each step, and wait until calls have left the
    /// revision that it replaces.
    pub fn run(self, manifest: &Path) -> Result<()> {
        let (service, terminal) = (&self.service, Terminal::new());
        let at_hand = self.component.at_hand()?;
        let client = self.target.client(manifest)?;
        // Who may not, is elsewhere, or names no service, learns it before the component is
        // pulled and sent: an answer that comes while it is being sent may be lost with the
        // connection.
        client.knows(service)?;
        let component = at_hand.map_or_else(|| self.component.read(&terminal), Ok)?;
        let subject = format!("{} ({} KiB)", self.component, component.len().div_ceil(1024));
        let path = format!("/v1/services/{service}/component{}", query(self.canary, self.time, self.calls));
        let spinner = terminal.spin("Swapping", service);
        let answer = client.act(Method::PUT, &path, component);
        drop(spinner);
        let answer = answer.map_err(|error| match error.downcast::<Refused>() {
            Ok(refused) if refused.is_of_component() => anyhow!("`{}`: {refused}", self.component),
            Ok(refused) => refused.into(),
            Err(error) => error,
        })?;
        let swapped = swapped::show(&client, &answer, &subject, &terminal)?;
        if let (true, Some(share)) = (swapped.is_canary(), self.canary) {
            let promotion = self.time.map(|time| (time, self.calls.unwrap_or(CALLS)));
            terminal.say("Next", &next(service, share, promotion, swapped.before()));
        }
        Ok(())
    }
}

fn query(canary: Option<u8>, time: Option<Duration>, calls: Option<u64>) -> String {
    let canary = canary.map(|share| format!("?canary={share}"));
    let time = time.map(|time| match time.subsec_millis() {
        0 => format!("&for={}s", time.as_secs()),
        _ => format!("&for={}ms", time.as_millis()),
    });
    let calls = calls.map(|calls| format!("&calls={calls}"));
    [canary, time, calls].into_iter().flatten().collect()
}

/// What becomes of a canary; with a promotion, after this time and so many calls.
fn next(service: &str, share: u8, promotion: Option<(Duration, u64)>, before: Option<u64>) -> String {
    let gets = format!("it gets {share}% of the calls");
    let Some((time, calls)) = promotion else {
        return format!("{gets}; go on with `dovetail promote {service}` or `dovetail rollback {service}`");
    };
    let before = before.map_or("the live one".to_owned(), |revision| format!("revision {revision}"));
    let calls = count(calls, "call");
    format!(
        "{gets}; it becomes live after {} and {calls} of its own if it erred no more than {before}, or is withdrawn \
         before; `dovetail status` shows how far it is",
        took(time)
    )
}

/// Reads `10%` or `10`.
fn percent(text: &str) -> Result<u8, Invalid> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<u8>().ok();
    number.filter(|number| (1..=99).contains(number)).ok_or_else(|| Invalid {
        reason: "is no share of the calls".to_owned(),
        help: "write 1% to 99%, as in 10%".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_whole_number_of_percent() {
        assert_eq!((percent("10%"), percent("10"), percent("99%")), (Ok(10), Ok(10), Ok(99)));
        for text in ["", "%", "0%", "100%", "0.5%", "10%%", "-1"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_canary_is_asked_for_in_the_query() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(query(None, None, None), "");
        assert_eq!(query(Some(10), None, None), "?canary=10");
        assert_eq!(query(Some(10), minute, None), "?canary=10&for=60s");
        assert_eq!(query(Some(1), Some(Duration::from_millis(1500)), Some(7)), "?canary=1&for=1500ms&calls=7");
    }

    #[test]
    fn what_becomes_of_a_canary_is_told() {
        assert_eq!(
            next("user", 10, None, Some(2)),
            "it gets 10% of the calls; go on with `dovetail promote user` or `dovetail rollback user`"
        );
        assert_eq!(
            next("user", 10, Some((Duration::from_secs(60), 100)), Some(2)),
            "it gets 10% of the calls; it becomes live after 1 min and 100 calls of its own if it erred no more than \
             revision 2, or is withdrawn before; `dovetail status` shows how far it is"
        );
    }
}
