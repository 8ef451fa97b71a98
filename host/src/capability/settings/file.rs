//! A file with a value of `config` or `env`.

use std::path::{Path, PathBuf};

use crate::{
    manifest::{Secret, SettingFile},
    renewal::{Source, Wrong, read, wrong},
};

/// The longest value, in bytes: that of a chain of certificates with its key has a quarter.
const LONGEST: u64 = 64 << 10;

/// Where a value is.
pub struct SettingSource {
    service: String,
    table: &'static str,
    /// The key in the table.
    pub key: String,
    path: PathBuf,
}

/// A file that has no value. It says nothing of what is in the file.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` {reason}; {help}", path = .path.display())]
pub struct Unusable {
    /// `config` or `env`.
    pub table: &'static str,
    /// The key in it.
    pub key: String,
    /// The file.
    pub path: PathBuf,
    /// What is wrong, as the rest of a sentence that begins with the file.
    pub reason: String,
    /// What would be right.
    pub help: String,
}

impl SettingSource {
    /// Of a service's setting.
    pub fn new(service: &str, SettingFile { table, key, path }: SettingFile<'_>) -> SettingSource {
        SettingSource { service: service.to_owned(), table, key: key.to_owned(), path: path.to_owned() }
    }

    /// Whether it is a variable of the environment.
    pub fn is_env(&self) -> bool {
        self.table == "env"
    }
}

impl Source for SettingSource {
    type Read = Secret;
    type Defect = Unusable;

    fn files(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn read(&self) -> Result<Secret, Unusable> {
        value(&self.path, self.is_env()).map_err(|(reason, help)| {
            let (key, path) = (self.key.clone(), self.path.clone());
            Unusable { table: self.table, key, path, reason, help }
        })
    }

    fn effect(&self) -> String {
        format!("new calls of service `{}` have the `{}.{}` that is there now", self.service, self.table, self.key)
    }
}

/// All that is in the file, but for one newline at the end, which editors put there. A file
/// with nothing in it is mostly one that is yet to be written.
fn value(path: &Path, is_env: bool) -> Result<Secret, Wrong> {
    let text = String::from_utf8(read(path, LONGEST)?)
        .map_err(|_| wrong("is not UTF-8", "save it as UTF-8, or what is binary in Base64"))?;
    let value = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    match () {
        () if value.is_empty() => Err(wrong("is empty", "put the value there, or write it as `\"\"` in the manifest")),
        () if is_env && value.contains('\0') => Err(wrong("has a NUL, which no variable has", "leave it out")),
        () => Ok(value.into()),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::fs;

    use super::*;

    /// What is read from a file with this in it.
    fn read_of(content: impl AsRef<[u8]>, is_env: bool) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("value");
        fs::write(&path, content).expect("it can be written");
        value(&path, is_env).map(|value| value.reveal().to_owned()).map_err(|(reason, _)| reason)
    }

    #[test]
    fn one_newline_at_the_end_is_cut_and_nothing_else() {
        for (content, value) in [
            ("value", "value"),
            ("value\n", "value"),
            ("value\r\n", "value"),
            ("value\n\n", "value\n"),
            ("\n value \n", "\n value "),
            ("value\r", "value\r"),
        ] {
            assert_eq!(read_of(content, true).as_deref(), Ok(value), "{content:?}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        let most = 64 << 10;
        assert_eq!(read_of("x".repeat(most), false).map(|value| value.len()), Ok(most));
        assert_eq!(read_of("x".repeat(most + 1), false), Err("is longer than 64 KiB".into()));
        assert_eq!(read_of(b"\xff", false), Err("is not UTF-8".into()));
        for nothing in ["", "\n", "\r\n"] {
            assert_eq!(read_of(nothing, false), Err("is empty".into()));
        }
        assert_eq!(read_of("a\0b", false).as_deref(), Ok("a\0b"));
        assert_eq!(read_of("a\0b", true), Err("has a NUL, which no variable has".into()));
    }
}
