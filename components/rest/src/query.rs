//! What follows the `?`.

use std::borrow::Cow;

use crate::{Error, Paging, whole};

/// How many a page holds that does not say, and how many one may ask for.
const DEFAULT_LIMIT: usize = 100;
const LIMITS: std::ops::RangeInclusive<u64> = 1..=1000;

/// The parameters of a request. Those that nobody asks for are ignored, and of
/// two with one name the first counts.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query as it came, without its `?`.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The parameter of this name; one without a value is empty.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(value))
        })
    }

    /// The number in the parameter of this name; `None` if it is absent or empty.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.get(name) {
            Some(text) if !text.is_empty() => whole::parameter(name, &text).map(Some),
            _ => Ok(None),
        }
    }

    /// The page that `after` and `limit` ask for.
    pub fn paging(&self) -> Result<Paging, Error> {
        let after = self.whole("after")?.unwrap_or(0);
        let limit = match self.get("limit") {
            Some(text) if !text.is_empty() => limit(&text)?,
            _ => DEFAULT_LIMIT,
        };
        Ok(Paging { after, limit })
    }
}

fn limit(text: &str) -> Result<usize, Error> {
    whole::parameter("limit", text)
        .ok()
        .filter(|limit| LIMITS.contains(limit))
        .and_then(|limit| usize::try_from(limit).ok())
        .ok_or_else(|| {
            let (least, most) = LIMITS.into_inner();
            Error::bad_request(format!("limit must be a whole number from {least} to {most}"))
        })
}

/// Undo `%41` and `+`. What is no escape stays as it is, and what is no UTF-8
/// becomes something that no name and no number is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(*byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn parameters_are_found_and_decoded() {
        let query = Query::new("a=1&b=&c&%64=%31%30&a=2&e=x+y%zz%4");
        assert_eq!(query.get("a").as_deref(), Some("1"));
        assert_eq!(query.get("b").as_deref(), Some(""));
        assert_eq!(query.get("c").as_deref(), Some(""));
        assert_eq!(query.get("d").as_deref(), Some("10"));
        assert_eq!(query.get("e").as_deref(), Some("x y%zz%4"));
        assert_eq!(query.get("f"), None);
    }

    #[test]
    fn a_page_has_defaults_and_bounds() {
        let page = |text: &str| {
            Query::new(text).paging().map(|page| (page.after, page.limit)).map_err(|error| error.to_string())
        };
        assert_eq!(page(""), Ok((0, 100)));
        assert_eq!(page("after=&limit="), Ok((0, 100)));
        assert_eq!(page("after=7&limit=1&x=y"), Ok((7, 1)));
        assert_eq!(page("limit=%31000"), Ok((0, 1000)));
        for limit in ["0", "1001", "-1", "+1", "x", "1.5", "99999999999999999999"] {
            assert_eq!(page(&format!("limit={limit}")), Err("limit must be a whole number from 1 to 1000".to_owned()),);
        }
        assert_eq!(page("after=-1"), Err("after must be a whole number of 0 or more".to_owned()),);
        assert_eq!(page("after=18446744073709551616"), Err("after must be at most 18446744073709551615".to_owned()),);
    }
}
