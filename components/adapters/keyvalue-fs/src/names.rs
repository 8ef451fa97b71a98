//! What files and folders are called.

use std::fmt::Write;

/// What a file in a bucket's folder is, with the number that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The records that were written after those of the log before.
    Log,
    /// All that is in the bucket after the log of this number.
    Table,
    /// A table that is being written.
    Draft,
}

/// The name of the log of this number.
pub fn log(number: u64) -> String {
    format!("{number:016x}.log")
}

/// The name of the table of this number.
pub fn table(number: u64) -> String {
    format!("{number:016x}.table")
}

/// A name that nobody else gives to the table of this number while it is written.
pub fn draft(number: u64, nonce: u64) -> String {
    format!("{number:016x}.{nonce:016x}.draft")
}

/// What is in the file of this name; nothing of a bucket's if there is no answer.
pub fn parse(name: &str) -> Option<(u64, Kind)> {
    let (number, rest) = name.split_at_checked(16)?;
    let number = u64::from_str_radix(number, 16).ok()?;
    match rest {
        ".log" => Some((number, Kind::Log)),
        ".table" => Some((number, Kind::Table)),
        _ if rest.ends_with(".draft") => Some((number, Kind::Draft)),
        _ => None,
    }
}

/// The number of the newest table among these files; 0 if there is none.
pub fn newest_table(names: &[String]) -> u64 {
    let tables = names.iter().filter_map(|name| parse(name)).filter(|(_, kind)| *kind == Kind::Table);
    tables.map(|(number, _)| number).max().unwrap_or(0)
}

/// The folder of a bucket, which has a name of its own on any file system,
/// whatever the bucket is called.
pub fn folder(bucket: &str) -> String {
    let mut name = String::with_capacity(bucket.len() + 7);
    for byte in bucket.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    name + ".bucket"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is() {
        assert_eq!(parse(&log(7)), Some((7, Kind::Log)));
        assert_eq!(parse(&table(u64::MAX)), Some((u64::MAX, Kind::Table)));
        assert_eq!(parse(&draft(7, 8)), Some((7, Kind::Draft)));
        for other in ["", "x", ".log", "7.log", "000000000000000g.log", "0000000000000007", "lost+found"] {
            assert_eq!(parse(other), None, "{other}");
        }
        let names = [log(9), table(7), table(3), draft(8, 1), "notes".into()];
        assert_eq!(newest_table(&names), 7);
        assert_eq!(newest_table(&[]), 0);
    }

    #[test]
    fn a_bucket_cannot_leave_its_folder() {
        assert_eq!(folder("users"), "users.bucket");
        assert_eq!(folder(""), ".bucket");
        assert_eq!(folder("../etc"), "%2e%2e%2fetc.bucket");
        assert_eq!(folder("Users"), "%55sers.bucket");
        assert_eq!(folder("%55sers"), "%2555sers.bucket");
        assert_eq!(folder("订"), "%e8%ae%a2.bucket");
    }
}
