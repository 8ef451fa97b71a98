//! `dovetail swap`: make another component live in a running host.

use std::{path::Path, time::Duration};

use anyhow::Result;
use clap::{Args, ValueHint};
use http::Method;

use super::{client::Target, given::Given, service, swapped, terminal::Terminal, time::took};
use crate::manifest::{self, Invalid};

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
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    canary: Option<u8>,
    /// Decide after this time whether the canary becomes live, by how often it erred.
    #[arg(long = "for", value_name = "TIME", value_parser = manifest::duration, requires = "canary")]
    time: Option<Duration>,
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
        let path = format!("/v1/services/{service}/component{}", query(self.canary, self.time));
        let spinner = terminal.spin("Swapping", service);
        let answer = client.act(Method::PUT, &path, component);
        drop(spinner);
        let swapped = swapped::show(&client, &answer?, &subject, &terminal)?;
        if let (true, Some(share)) = (swapped.is_canary(), self.canary) {
            terminal.say("Next", &next(service, share, self.time, swapped.before()));
        }
        Ok(())
    }
}

fn query(canary: Option<u8>, time: Option<Duration>) -> String {
    match (canary, time) {
        (None, _) => String::new(),
        (Some(share), None) => format!("?canary={share}"),
        (Some(share), Some(time)) if time.subsec_millis() == 0 => format!("?canary={share}&for={}s", time.as_secs()),
        (Some(share), Some(time)) => format!("?canary={share}&for={}ms", time.as_millis()),
    }
}

/// What becomes of a canary.
fn next(service: &str, share: u8, time: Option<Duration>, before: Option<u64>) -> String {
    let gets = format!("it gets {share}% of the calls");
    match time {
        Some(time) => {
            let before = before.map_or("the live one".to_owned(), |revision| format!("revision {revision}"));
            format!(
                "{gets}; in {} it becomes live if it erred no more than {before}, or is withdrawn before",
                took(time)
            )
        }
        None => format!("{gets}; go on with `dovetail promote {service}` or `dovetail rollback {service}`"),
    }
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
        assert_eq!(query(None, None), "");
        assert_eq!(query(Some(10), None), "?canary=10");
        assert_eq!(query(Some(10), minute), "?canary=10&for=60s");
        assert_eq!(query(Some(1), Some(Duration::from_millis(1500))), "?canary=1&for=1500ms");
    }

    #[test]
    fn what_becomes_of_a_canary_is_told() {
        assert_eq!(
            next("user", 10, None, Some(2)),
            "it gets 10% of the calls; go on with `dovetail promote user` or `dovetail rollback user`"
        );
        assert_eq!(
            next("user", 10, Some(Duration::from_secs(60)), Some(2)),
            "it gets 10% of the calls; in 1 min it becomes live if it erred no more than revision 2, or is withdrawn \
             before"
        );
    }
}
