//! Rates: how often a route may be asked.

use std::time::Duration;

use http::HeaderName;

use super::Invalid;

/// The most requests in a period, and the most at once.
pub const MOST: u32 = 1_000_000;

/// One `[rate.NAME]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateManifest {
    /// The name it goes by at routes, and in answers.
    pub name: String,
    /// How many requests it lets through, and in what time.
    pub limit: RateLimit,
    /// How many of them may come at once; 1 to [`MOST`].
    pub burst: u32,
    /// What is counted apart.
    pub per: Per,
    /// Whether all hosts on a store count together.
    pub shared: bool,
}

/// So many requests in a second, a minute or an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// 1 to [`MOST`].
    pub requests: u32,
    /// In what time.
    pub period: Duration,
}

/// What requests have in common that are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// The client's address; of IPv6 its network of 64 bits, which is what one client has.
    Address,
    /// The route, whoever asks.
    Route,
    /// The value of a header field, or the address where there is none.
    Header(HeaderName),
}

impl RateLimit {
    /// Reads `100/s`, `100/m` or `100/h`.
    pub(super) fn parse(text: &str) -> Result<RateLimit, Invalid> {
        let help = "write requests in a second, a minute or an hour, as in \"100/s\", \"100/m\" or \"100/h\"";
        let invalid = || Invalid::new("is no rate", help);
        let (requests, unit) = text.split_once('/').ok_or_else(invalid)?;
        let seconds = [("s", 1), ("m", 60), ("h", 3600)].into_iter().find(|(name, _)| *name == unit);
        let (_, seconds) = seconds.ok_or_else(invalid)?;
        if requests.is_empty() || !requests.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid());
        }
        match requests.parse() {
            Ok(0) => Err(Invalid::new("lets nothing through", "write at least 1")),
            Ok(requests @ 1..=MOST) => Ok(RateLimit { requests, period: Duration::from_secs(seconds) }),
            _ => Err(Invalid::new("is too large", "write at most 1000000 requests")),
        }
    }
}

impl Per {
    /// Reads `address`, `route` or `header:NAME`.
    pub(super) fn parse(text: &str) -> Result<Per, Invalid> {
        let help = "write \"address\", \"route\" or \"header:NAME\"";
        match (text, text.strip_prefix("header:")) {
            ("address", _) => Ok(Per::Address),
            ("route", _) => Ok(Per::Route),
            ("identity" | "key", _) => Err(Invalid::new("counts whom nobody has identified", help)),
            (_, Some(name)) => match name.parse() {
                Ok(name) => Ok(Per::Header(name)),
                Err(_) => {
                    let help = "write the name of a header field, as in \"header:x-tenant\"";
                    Err(Invalid::new(format!("names {name:?}, which is no header"), help))
                }
            },
            (_, None) => Err(Invalid::new("is nothing that can be counted", help)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let read = |text| RateLimit::parse(text).map(|limit| (limit.requests, limit.period.as_secs())).ok();
        assert_eq!(read("100/s"), Some((100, 1)));
        assert_eq!(read("1/m"), Some((1, 60)));
        assert_eq!(read("1000000/h"), Some((1_000_000, 3600)));
        for text in ["", "/s", "0/s", "1000001/s", "+1/s", "1", "1/", "1/d", "1.5/s", "1 /s", "99999999999999999999/s"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
