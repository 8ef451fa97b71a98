//! Lists, a page at a time.
//!
//! `wasi:keyvalue` can neither scan in order nor by prefix. So what is to be
//! listed is numbered from 1 without plan for gaps, a counter says how far the
//! numbers go, and a page is the next stretch of them, fetched together.

use std::ops::RangeInclusive;

use crate::{Error, Reply};

/// How many entries are fetched at once, at most. Only a list with long gaps
/// gets there: a page is first fetched as long as it is to be.
const LONGEST_STRETCH: u64 = 1024;

/// Which page: up to `limit` entries of those behind `after`.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// Where the page before ended; 0 if there was none.
    pub after: u64,
    /// From 1 to 1,000.
    pub limit: usize,
}

impl Paging {
    /// Read the page of a list whose numbers go up to `last`. `fetch` gets a
    /// stretch of numbers and answers with what is there for each; a number
    /// where nothing is (any more) is skipped.
    ///
    /// One entry more than the page holds is looked for, to know whether there
    /// is another page. An entry that is being written while the page is read
    /// may be missed by it, as it would if the page had been read before.
    pub fn read<F>(self, last: u64, mut fetch: F) -> Result<Page, Error>
    where
        F: FnMut(RangeInclusive<u64>) -> Result<Vec<Option<Vec<u8>>>, Error>,
    {
        let wanted = self.limit + 1;
        let mut entries = Vec::new();
        let mut after = self.after;
        let mut stretch = wanted as u64;
        while after < last && entries.len() < wanted {
            let numbers = after + 1..=last.min(after.saturating_add(stretch));
            after = *numbers.end();
            stretch = (stretch * 2).min(LONGEST_STRETCH);
            let found = fetch(numbers.clone())?;
            entries.extend(numbers.zip(found).filter_map(|(number, entry)| Some((number, entry?))));
        }
        let more = entries.len() > self.limit;
        entries.truncate(self.limit);
        Ok(Page { entries, more })
    }
}

/// The entries of one page, each with its number, as the JSON that is kept.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    entries: Vec<(u64, Vec<u8>)>,
    more: bool,
}

impl Page {
    /// The last entry of this page, if another page follows it.
    pub fn last_before_more(&self) -> Option<&(u64, Vec<u8>)> {
        self.entries.last().filter(|_| self.more)
    }

    /// The page as JSON: the entries under `name`, and `next`, which is the
    /// `after` of the next page.
    pub fn reply(&self, name: &str, next: Option<u64>) -> Reply {
        let length: usize = self.entries.iter().map(|(_, json)| json.len() + 1).sum();
        let mut body = Vec::with_capacity(length + name.len() + 40);
        body.extend_from_slice(b"{\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":[");
        for (index, (_, json)) in self.entries.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(json);
        }
        body.extend_from_slice(b"],\"next\":");
        match next {
            Some(next) => body.extend_from_slice(next.to_string().as_bytes()),
            None => body.extend_from_slice(b"null"),
        }
        body.push(b'}');
        Reply::ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, Paging};

    /// A page of a list of `last` numbers, where those are that `is` tells.
    fn page(after: u64, limit: usize, last: u64, is: impl Fn(u64) -> bool) -> (Vec<u64>, bool) {
        let fetched = Paging { after, limit }.read(last, |numbers| {
            assert!(*numbers.end() <= last);
            Ok(numbers.map(|number| is(number).then(Vec::new)).collect())
        });
        match fetched {
            Ok(Page { entries, more }) => (entries.iter().map(|(n, _)| *n).collect(), more),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn pages_follow_one_another() {
        assert_eq!(page(0, 2, 5, |_| true), (vec![1, 2], true));
        assert_eq!(page(2, 2, 5, |_| true), (vec![3, 4], true));
        assert_eq!(page(4, 2, 5, |_| true), (vec![5], false));
        assert_eq!(page(3, 2, 5, |_| true), (vec![4, 5], false));
        assert_eq!(page(5, 2, 5, |_| true), (vec![], false));
        assert_eq!(page(u64::MAX, 2, 5, |_| true), (vec![], false));
        assert_eq!(page(0, 2, 0, |_| true), (vec![], false));
    }

    #[test]
    fn gaps_are_skipped_however_long() {
        let rare = |number| number % 5000 == 0;
        assert_eq!(page(0, 2, 20_000, rare), (vec![5000, 10_000], true));
        assert_eq!(page(10_000, 2, 20_000, rare), (vec![15_000, 20_000], false));
        assert_eq!(page(0, 2, 20_000, |_| false), (vec![], false));
    }

    #[test]
    fn no_page_follows_one_that_only_gaps_follow() {
        assert_eq!(page(0, 2, 5000, |number| number < 3), (vec![1, 2], false));
    }

    #[test]
    fn numbers_may_go_to_the_end() {
        let last = u64::MAX;
        assert_eq!(page(last - 2, 9, last, |_| true), (vec![last - 1, last], false));
    }
}
