//! The token of the admin API, as its file has it.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::manifest::{Invalid, Manifest, Report};

/// The longest file of a token, in bytes.
const LONGEST: u64 = 4096;

/// Those bits of a file's mode that let others than its owner use it.
const OTHERS: u32 = 0o077;

/// A secret that whoever uses the admin API must know. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token of a manifest, if it has one, or what is wrong with its file.
    pub fn of(manifest: &Manifest) -> Result<Option<Token>, Report> {
        let Some(path) = &manifest.admin.token_file else { return Ok(None) };
        let located = |invalid: Invalid| {
            let title = format!("the token file `{}` {}", path.display(), invalid.reason);
            Report::new(vec![manifest.token_problem(title, invalid.help)])
        };
        Token::read(path).map(Some).map_err(located)
    }

    /// Read a token from its file, which nobody but its owner may read.
    pub fn read(path: &Path) -> Result<Token, Invalid> {
        let unreadable = |error: io::Error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let help = if missing { make(path) } else { "let this account read it, and no other".to_owned() };
            invalid(format!("cannot be read: {error}"), help)
        };
        // To open a pipe would wait for a writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(invalid("is no file", "name the file with the token".to_owned()));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = file.metadata().map_err(unreadable)?.permissions().mode();
        if mode & OTHERS != 0 {
            let reason = format!("is open to others than its owner (its mode is {:03o})", mode & 0o777);
            return Err(invalid(reason, format!("run `chmod 600 {}`", path.display())));
        }
        let mut text = Vec::new();
        file.by_ref().take(LONGEST + 1).read_to_end(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LONGEST {
            return Err(invalid("is longer than 4 KiB", make(path)));
        }
        let token = text.trim_ascii_end();
        match token {
            [] => Err(invalid("is empty", make(path))),
            // What else there is a header cannot carry, or not unchanged.
            _ if !token.iter().all(u8::is_ascii_graphic) => {
                Err(invalid("has spaces, line breaks or other than ASCII characters in its token", make(path)))
            }
            _ => Ok(Token(String::from_utf8_lossy(token).into_owned())),
        }
    }

    /// The secret itself, for a request's header.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn invalid(reason: impl Into<String>, help: String) -> Invalid {
    Invalid { reason: reason.into(), help }
}

/// A command that makes a good one.
fn make(path: &Path) -> String {
    format!("make it with `(umask 077; head -c 32 /dev/urandom | base64 > {})`", path.display())
}

#[cfg(test)]
impl Token {
    /// A token that was in no file.
    pub(super) fn for_test(secret: &str) -> Token {
        Token(secret.to_owned())
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    /// What is read from a file of this content and mode.
    fn read(content: impl AsRef<[u8]>, mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("token");
        fs::write(&path, content).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        Token::read(&path).map(|token| token.0).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_token_is_read_without_the_end_of_its_line() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            assert_eq!(read(content, 0o600), Ok("s3cret".into()), "{content:?}");
        }
        assert_eq!(read("x".repeat(4096), 0o400).map(|token| token.len()), Ok(4096));
    }

    #[test]
    fn a_file_that_does_not_keep_its_secret_is_refused_with_the_remedy() {
        for mode in [0o604, 0o640, 0o660, 0o602, 0o601] {
            let refused = read("s3cret", mode).expect_err("it is open to others");
            let told = format!("is open to others than its owner (its mode is {mode:o}); run `chmod 600 /");
            assert!(refused.starts_with(&told), "{refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_with_what_makes_one() {
        let long = "x".repeat(4097);
        let contents: [(&[u8], &str); 6] = [
            (b"", "is empty;"),
            (b"\n", "is empty;"),
            (long.as_bytes(), "is longer than 4 KiB;"),
            (b"two words", "has spaces"),
            (b"one\ntwo\n", "has spaces, line breaks"),
            (b"\xff", "other than ASCII"),
        ];
        for (content, told) in contents {
            let refused = read(content, 0o600).expect_err("it is no token");
            assert!(refused.contains(told) && refused.contains("(umask 077; head"), "{refused}");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let read = |path: &Path| Token::read(path).map(drop).map_err(|invalid| invalid.reason);
        assert_eq!(read(folder.path()), Err("is no file".into()));
        assert!(read(&folder.path().join("none")).is_err_and(|reason| reason.contains("cannot be read: No such")));
    }

    #[test]
    fn a_token_is_not_shown_for_debugging() {
        assert_eq!(format!("{:?}", Token("s3cret".into())), "Token(…)");
    }
}
