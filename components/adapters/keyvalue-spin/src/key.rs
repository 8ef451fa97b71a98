//! Where the keys of all buckets lie in one store: `BUCKET/KEY`, with what would
//! make this ambiguous in a bucket's name written as `%2f` and `%25`.

/// What leads the keys of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// What leads the keys of this bucket.
    pub fn of(bucket: &str) -> Self {
        Self(bucket.replace('%', "%25").replace('/', "%2f") + "/")
    }

    /// Where a key of the bucket lies in the store.
    pub fn join(&self, key: &str) -> String {
        [&self.0, key].concat()
    }

    /// The key that lies here, if it is one of the bucket.
    pub fn strip<'a>(&self, place: &'a str) -> Option<&'a str> {
        place.strip_prefix(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn no_two_buckets_share_a_place() {
        let names = ["", "a", "a/", "a/b", "/", "//", "%", "%2f", "%25", "a%2fb", "订", "a%", ".."];
        let mut places = Vec::new();
        for bucket in names {
            let prefix = Prefix::of(bucket);
            for key in names {
                let place = prefix.join(key);
                assert_eq!(prefix.strip(&place), Some(key));
                let others = names.iter().filter(|other| Prefix::of(other).strip(&place).is_some());
                assert_eq!(others.collect::<Vec<_>>(), [&bucket], "{place}");
                places.push(place);
            }
        }
        places.sort();
        places.dedup();
        assert_eq!(places.len(), names.len() * names.len());
    }

    #[test]
    fn a_plain_name_can_be_read() {
        assert_eq!(Prefix::of("users").join("user/1"), "users/user/1");
    }
}
