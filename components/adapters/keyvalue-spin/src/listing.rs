//! A bucket's keys, a page at a time.
//!
//! Spin does not say when a key was first set, so the keys come by a number made
//! of each, which is the cursor too: a key that is there throughout a listing
//! comes once, whatever is set and deleted meanwhile.

/// The most keys of a page, unless the last of them have the same number.
const KEYS_PER_PAGE: usize = 1000;

/// A part of a bucket's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub keys: Vec<String>,
    /// Where the next page starts; none if this is the last one.
    pub cursor: Option<u64>,
}

/// The page of these keys, which are all that there are, behind the cursor.
pub fn page<'a>(keys: impl Iterator<Item = &'a str>, cursor: Option<u64>) -> Page {
    let after = cursor.unwrap_or(0);
    let numbered = keys.map(|key| (number(key), key)).filter(|(number, _)| *number > after);
    let mut behind: Vec<(u64, &str)> = numbered.collect();
    behind.sort_unstable();
    let mut cursor = None;
    if behind.len() > KEYS_PER_PAGE {
        let (last, _) = behind[KEYS_PER_PAGE - 1];
        let end = behind.partition_point(|(number, _)| *number <= last);
        cursor = Some(last).filter(|_| end < behind.len());
        behind.truncate(end);
    }
    Page { keys: behind.into_iter().map(|(_, key)| key.to_owned()).collect(), cursor }
}

/// Above 0, which is no cursor, and the same for a key at any time (FNV-1a).
fn number(key: &str) -> u64 {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// All pages, with what happens to the keys after each.
    fn listed(keys: &mut BTreeSet<String>, mut change: impl FnMut(&mut BTreeSet<String>)) -> (Vec<String>, usize) {
        let (mut listed, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let page = page(keys.iter().map(String::as_str), cursor);
            listed.extend(page.keys);
            pages += 1;
            cursor = page.cursor;
            if cursor.is_none() {
                return (listed, pages);
            }
            change(keys);
        }
    }

    fn keys(count: usize) -> BTreeSet<String> {
        (0..count).map(|n| format!("k{n}")).collect()
    }

    #[test]
    fn pages_hold_all_keys_once() {
        for count in [0, 1, KEYS_PER_PAGE, KEYS_PER_PAGE + 1, 3 * KEYS_PER_PAGE + 7] {
            let (mut found, pages) = listed(&mut keys(count), |_| {});
            found.sort();
            assert!(found.iter().eq(&keys(count)));
            assert_eq!(pages, count.div_ceil(KEYS_PER_PAGE).max(1));
        }
    }

    #[test]
    fn a_listing_holds_what_stays_while_keys_come_and_go() {
        let mut now = keys(3 * KEYS_PER_PAGE);
        let stays = |key: &String| key.ends_with('7');
        let mut round = 0;
        let (found, _) = listed(&mut now, |keys| {
            round += 1;
            keys.retain(|key| stays(key) || key.len() % 2 == round % 2);
            keys.extend((0..100).map(|n| format!("new {round} {n}")));
        });
        let unique: BTreeSet<&String> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "a key came twice");
        assert!(now.iter().filter(|key| stays(key) && key.starts_with('k')).all(|key| unique.contains(key)));
    }

    #[test]
    fn any_cursor_will_do() {
        let page = |cursor| page(["k"].into_iter(), cursor);
        assert_eq!(page(Some(0)), page(None));
        assert_eq!(page(Some(u64::MAX)), Page { keys: Vec::new(), cursor: None });
    }
}
