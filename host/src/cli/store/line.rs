//! An entry as a line of JSON.
//!
//! A value that is UTF-8 is `value`, a text; any other is `base64`. A line of one
//! bucket's entries need not name it. The order of the lines is that of the bucket.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::store::Entry;

/// The longest key and the largest value that a component may have set, and the
/// longest line that they make: a byte may be written as `\u0000`.
const LONGEST_KEY: usize = 1024;
const LARGEST_VALUE: usize = 16 * 1024 * 1024;
const LONGEST_LINE: u64 = 6 * (LARGEST_VALUE as u64 + LONGEST_KEY as u64) + 1024;

/// What some programs write before a text in UTF-8, or in either order of UTF-16.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// How a line is to be written.
const FORM: &str = r#"write {"bucket":"…","key":"…","value":"…"}, or "base64" for a value that is no text"#;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    bucket: Option<Cow<'a, str>>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'a, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    base64: Option<Cow<'a, str>>,
}

/// Why lines cannot be read on.
#[derive(Debug, Error)]
pub enum LineError {
    /// What it says is no entry.
    #[error("line {number} of {name} {reason}; {FORM}")]
    Malformed {
        /// Its number, from 1.
        number: u64,
        /// Of which file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file failed.
    #[error("cannot read {name}")]
    Read {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes an entry; with its bucket, if one is given.
pub fn write(out: &mut impl Write, bucket: Option<&str>, (key, value): &Entry) -> io::Result<()> {
    let (text, base64) = match str::from_utf8(value) {
        Ok(text) => (Some(text.into()), None),
        Err(_) => (None, Some(STANDARD.encode(value).into())),
    };
    let line = Line { bucket: bucket.map(Cow::from), key: key.into(), value: text, base64 };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The entries of a file, with their buckets. Empty lines are none.
pub struct Lines<R> {
    name: String,
    from: R,
    /// Where lines go that name no bucket.
    bucket: Option<String>,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads lines; those that name no bucket are of `bucket`.
    pub fn new(name: String, from: R, bucket: Option<String>) -> Lines<R> {
        Lines { name, from, bucket, line: Vec::new(), number: 0 }
    }

    /// The next entry, its bucket before it; none at the end.
    pub fn next(&mut self) -> Result<Option<(String, Entry)>, LineError> {
        loop {
            self.line.clear();
            let read = self.from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line);
            let bytes = read.map_err(|source| LineError::Read { name: self.name.clone(), source })?;
            if bytes == 0 {
                return Ok(None);
            }
            self.number += 1;
            if !self.line.trim_ascii().is_empty() {
                return self.entry().map(Some).map_err(|reason| self.malformed(reason));
            }
        }
    }

    /// How many bytes the line has that was read last.
    pub fn bytes(&self) -> u64 {
        self.line.len() as u64
    }

    fn entry(&self) -> Result<(String, Entry), String> {
        if self.line.len() as u64 == LONGEST_LINE {
            return Err(format!("is longer than {LONGEST_LINE} bytes"));
        }
        if self.number == 1 && MARKS.iter().any(|mark| self.line.starts_with(mark)) {
            return Err("begins with a byte order mark; save the file as UTF-8 without one".to_owned());
        }
        // A place in the line, and not the line of the JSON text, which is always 1.
        let told = |error: serde_json::Error| {
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or(&said).to_owned();
            format!("is malformed at column {}: {said}", error.column())
        };
        let line: Line = serde_json::from_slice(self.line.trim_ascii_end()).map_err(told)?;
        let bucket = match (line.bucket, &self.bucket) {
            (Some(named), Some(wanted)) if named != *wanted => {
                return Err(format!("is of bucket {named:?}, and --bucket is {wanted:?}"));
            }
            (Some(named), _) => named.into_owned(),
            (None, Some(wanted)) => wanted.clone(),
            (None, None) => return Err("names no bucket, and there is no --bucket".to_owned()),
        };
        super::bucket(&bucket).map_err(|error| format!("has a bucket {bucket:?} that {}", error.reason))?;
        if line.key.len() > LONGEST_KEY {
            return Err(format!("has a key of more than {LONGEST_KEY} bytes"));
        }
        let value = match (line.value, line.base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(text)) => {
                STANDARD.decode(text.as_bytes()).map_err(|error| format!("has no base64: {error}"))?
            }
            (None, None) => return Err("has no value".to_owned()),
            (Some(_), Some(_)) => return Err("has two values".to_owned()),
        };
        match value.len() {
            ..=LARGEST_VALUE => Ok((bucket, (line.key.into_owned(), value))),
            _ => Err(format!("has a value of more than {LARGEST_VALUE} bytes")),
        }
    }

    fn malformed(&self, reason: String) -> LineError {
        LineError::Malformed { number: self.number, name: self.name.clone(), reason }
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn read(text: &[u8], bucket: Option<&str>) -> Result<Vec<(String, Entry)>, String> {
        let mut lines = Lines::new("x.ndjson".to_owned(), text, bucket.map(str::to_owned));
        std::iter::from_fn(|| lines.next().map_err(|error| error.to_string()).transpose()).collect()
    }

    #[test]
    fn any_key_and_value_comes_back() {
        let keys = ["", "k", "é", "e\u{301}", "a\0b", "\"\\\n\r\u{2028}", "🦀", &"k".repeat(LONGEST_KEY)];
        let values = [&b""[..], b"{\"id\":1}", b"\xff\xfe", b"\0\n\r\"\\", "Grüße".as_bytes(), b"\xed\xa0\x80"];
        let mut text = Vec::new();
        let mut entries = Vec::new();
        for key in keys {
            for value in values {
                let entry = (key.to_owned(), value.to_owned());
                write(&mut text, Some("b"), &entry).expect("memory takes it");
                entries.push(("b".to_owned(), entry));
            }
        }
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), entries.len(), "a line each");
        assert_eq!(read(&text, None), Ok(entries));
    }

    #[test]
    fn a_line_of_one_bucket_need_not_name_it() {
        let mut text = Vec::new();
        write(&mut text, None, &("k".to_owned(), b"v".to_vec())).expect("memory takes it");
        assert_eq!(text, b"{\"key\":\"k\",\"value\":\"v\"}\n");
        let entry = ("b".to_owned(), ("k".to_owned(), b"v".to_vec()));
        assert_eq!(read(&text, Some("b")), Ok(vec![entry.clone()]));
        assert_eq!(read(b"\n{\"value\":\"v\",\"key\":\"k\"}\r\n \n", Some("b")), Ok(vec![entry.clone()]));
        assert_eq!(read(b"{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"v\"}", Some("b")), Ok(vec![entry]));
    }

    #[test]
    fn what_is_no_entry_is_told_with_its_number() {
        for (line, reason) in [
            ("{", "is malformed at column 1: EOF while parsing an object"),
            ("[]", "is malformed"),
            ("{\"key\":\"k\"}", "has no value"),
            ("{\"value\":\"v\"}", "missing field `key`"),
            ("{\"key\":\"k\",\"value\":1}", "invalid type: integer `1`"),
            ("{\"key\":\"k\",\"value\":\"v\",\"base64\":\"\"}", "has two values"),
            ("{\"key\":\"k\",\"base64\":\"%\"}", "has no base64"),
            ("{\"key\":\"\\ud800\",\"value\":\"\"}", "is malformed"),
            ("{\"key\":\"k\",\"value\":\"v\",\"ttl\":1}", "unknown field `ttl`"),
            ("{\"bucket\":\"c\",\"key\":\"k\",\"value\":\"v\"}", "is of bucket \"c\", and --bucket is \"b\""),
            (&format!("{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(1025)), "a key of more than 1024 bytes"),
        ] {
            let text = format!("{{\"key\":\"a\",\"value\":\"\"}}\n\n{line}\n");
            let said = read(text.as_bytes(), Some("b")).expect_err(line);
            assert!(said.starts_with("line 3 of x.ndjson ") && said.contains(reason) && said.ends_with(FORM), "{said}");
        }
        for (bucket, reason) in [
            ("", "names no bucket"),
            ("\"bucket\":\"a/b\",", "has a bucket \"a/b\" that"),
            ("\"bucket\":\":a\",", "has a bucket \":a\" that"),
        ] {
            let said = read(format!("{{{bucket}\"key\":\"k\",\"value\":\"v\"}}").as_bytes(), None).expect_err(bucket);
            assert!(said.starts_with("line 1 ") && said.contains(reason), "{said}");
        }
        let waiting = r#"{"bucket":"event:shop:orders/events@0.1.0/notices","key":"k","value":"v"}"#;
        assert!(read(waiting.as_bytes(), None).is_ok());
    }
}
