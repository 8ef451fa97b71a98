//! The encodings of a body that a client takes, by `Accept-Encoding` (RFC 9110, section 12.5.3).

use std::cmp::Reverse;

use http::{HeaderMap, header};

use crate::manifest::Coding;

/// By name what a client would rather have: 1000 is most, 0 not at all.
pub struct Accepted<'a> {
    said: Vec<(&'a str, u16)>,
}

impl<'a> Accepted<'a> {
    /// What the client of a request takes.
    pub fn of(headers: &'a HeaderMap) -> Accepted<'a> {
        let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
        Accepted { said: lists.flat_map(|list| list.split(',')).filter_map(said).collect() }
    }

    /// Those of these codings that the client takes, the best first, of equals as they come
    /// here; none of which it would rather have the body as it is.
    pub fn ranked(&self, codings: impl IntoIterator<Item = Coding>) -> Vec<Coding> {
        let as_it_is = self.said.iter().find(|(name, _)| name.eq_ignore_ascii_case("identity")).map_or(1, |(_, q)| *q);
        let weighed = codings.into_iter().map(|coding| (coding, self.quality(coding)));
        let mut taken: Vec<_> = weighed.filter(|(_, quality)| *quality >= as_it_is.max(1)).collect();
        taken.sort_by_key(|(_, quality)| Reverse(*quality));
        taken.into_iter().map(|(coding, _)| coding).collect()
    }

    fn quality(&self, coding: Coding) -> u16 {
        let named = |wanted: &str| self.said.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named(coding.name()).or_else(|| named("*")).map_or(0, |(_, quality)| *quality)
    }
}

/// A coding and its weight; none where the weight is none.
fn said(part: &str) -> Option<(&str, u16)> {
    let (name, weight) = part.split_once(';').unwrap_or((part, "q=1"));
    let (key, number) = weight.split_once('=')?;
    let is_weight = key.trim().eq_ignore_ascii_case("q") && !name.trim().is_empty();
    is_weight.then_some((name.trim(), thousandths(number.trim())?))
}

/// `0.5` is 500. There are three digits at most (RFC 9110, section 12.4.2).
fn thousandths(number: &str) -> Option<u16> {
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest: u16 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(rest),
        "1" => (rest == 0).then_some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_best_is_what_the_client_would_rather_have() {
        for (said, best) in [
            ("", ""),
            ("br", "br"),
            ("BR", "br"),
            ("gzip, deflate, br, zstd", "br"),
            ("gzip, deflate, zstd", "zstd"),
            ("br;q=0.5, gzip", "gzip"),
            ("br; q=0.5 , gzip;q=0.501", "gzip"),
            ("br;q=0, *", "zstd"),
            ("*", "br"),
            ("*;q=0", ""),
            ("*;q=0.1, gzip;q=0.2", "gzip"),
            ("identity", ""),
            ("identity, br", "br"),
            ("identity, br;q=0.9", ""),
            ("identity;q=0.5, br;q=0.9", "br"),
            ("identity;q=0", ""),
            ("gzip;q=1.000", "gzip"),
            ("deflate", ""),
            // What is no weight says nothing.
            ("br;q=2, gzip;q=1.5, zstd;q=0.0001", ""),
            ("br;level=1", ""),
            ("br;q=", ""),
            (",, ;q=1, gzip", "gzip"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(said));
            let ranked = Accepted::of(&headers).ranked(Coding::ALL);
            let found = ranked.first().map_or("", |coding| coding.name());
            assert_eq!(found, best, "{said}");
        }
        assert!(Accepted::of(&HeaderMap::new()).ranked(Coding::ALL).is_empty());
    }
}
