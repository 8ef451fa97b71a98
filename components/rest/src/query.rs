//! What follows the `?`.

use std::borrow::Cow;

use crate::{Error, Paging, whole};

/// How many a page holds that does not say, and how many one may ask for.
const DEFAULT_LIMIT: usize = 100;
const LIMITS: std::ops::RangeInclusive<u64> = 1..=1000;

/// The parameters of a request, their names and values decoded. Those that nobody asks
/// for are ignored.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query as it came, without its `?`.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The parameter of this name; one without a value is empty. Of two, readers disagree
    /// on which counts.
    pub fn one(&self, name: &str) -> Result<Option<Cow<'a, str>>, Error> {
        let mut all = self.all(name);
        let first = all.next();
        match all.next() {
            None => Ok(first),
            Some(_) => Err(Error::bad_request(format!("{name} is there more than once"))),
        }
    }

    /// The number in the parameter of this name; `None` if it is absent or empty.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, Error> {
        match self.one(name)? {
            Some(text) if !text.is_empty() => whole::parameter(name, &text).map(Some),
            _ => Ok(None),
        }
    }

    /// The page that `after` and `limit` ask for.
    pub fn paging(&self) -> Result<Paging, Error> {
        let after = self.whole("after")?.unwrap_or(0);
        let limit = match self.one("limit")? {
            Some(text) if !text.is_empty() => limit(&text)?,
            _ => DEFAULT_LIMIT,
        };
        Ok(Paging { after, limit })
    }

    fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = Cow<'a, str>> + use<'a, 'n> {
        let pairs = form_urlencoded::parse(self.0.as_bytes());
        pairs.filter(move |(key, _)| key == name).map(|(_, value)| value)
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

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn parameters_are_found_and_decoded() {
        let query = Query::new("a=1&b=&c&%64=%31%30&e=x+y%zz%4");
        for (name, value) in [
            ("a", Some("1")),
            ("b", Some("")),
            ("c", Some("")),
            ("d", Some("10")),
            ("e", Some("x y%zz%4")),
            ("f", None),
        ] {
            let found = query.one(name).map(|found| found.as_deref() == value);
            assert_eq!(found.ok(), Some(true), "{name}");
        }
    }

    #[test]
    fn a_parameter_may_be_there_once() {
        let query = Query::new("a=1&b=2&%61=1&user%5Fid=3&c=&c");
        assert_eq!(query.whole("b").ok(), Some(Some(2)));
        assert_eq!(query.whole("user_id").ok(), Some(Some(3)));
        assert_eq!(query.whole("d").ok(), Some(None));
        for name in ["a", "c"] {
            let told = query.whole(name).map_err(|error| error.to_string());
            assert_eq!(told, Err(format!("{name} is there more than once")));
        }
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
        for name in ["after", "limit"] {
            assert_eq!(page(&format!("{name}=1&{name}=2")), Err(format!("{name} is there more than once")));
        }
        for limit in ["0", "1001", "-1", "+1", "01", "x", "1.5", "99999999999999999999"] {
            assert_eq!(page(&format!("limit={limit}")), Err("limit must be a whole number from 1 to 1000".to_owned()),);
        }
        for after in ["-1", "01"] {
            let told = Err("after must be a whole number of 0 or more".to_owned());
            assert_eq!(page(&format!("after={after}")), told, "{after}");
        }
        assert_eq!(page("after=18446744073709551616"), Err("after must be at most 18446744073709551615".to_owned()),);
    }
}
