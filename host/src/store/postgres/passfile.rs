//! The file with the password, in libpq's format: a line of
//! `HOST:PORT:DATABASE:USER:PASSWORD` for each, where `*` is anything and `\`
//! comes before a `:` or `\` that is part of a field.
//!
//! It is read whenever a connection is made, so that a password can be changed
//! while the host serves.

use std::env;
use std::io;
use std::path::PathBuf;

use crate::manifest::{PostgresHost, PostgresUrl};
use crate::store::secret;

/// The password for this server; none if nobody wrote one down. The error says
/// what is wrong with the file.
pub fn password(url: &PostgresUrl, host: &PostgresHost) -> io::Result<Option<String>> {
    let Some((path, named)) = path(url) else { return Ok(None) };
    match secret::read(&path) {
        Ok(text) => Ok(find(&text, url, host)),
        // Only the usual place may have no file.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !named => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where the password is, and whether somebody said so.
fn path(url: &PostgresUrl) -> Option<(PathBuf, bool)> {
    let variable = || env::var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = url.passfile.clone().or_else(variable);
    let usual = || env::home_dir().map(|home| (home.join(".pgpass"), false));
    named.map(|path| (path, true)).or_else(usual)
}

fn find(text: &str, url: &PostgresUrl, host: &PostgresHost) -> Option<String> {
    let port = host.port.to_string();
    let wanted = [host.name.as_str(), &port, &url.database, &url.user];
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line_for(line, &wanted)).next()
}

/// The password of a line, if the line is for what is wanted.
fn line_for(line: &str, wanted: &[&str; 4]) -> Option<String> {
    let mut rest = line;
    for wanted in wanted {
        let (field, after) = rest.split_at(field_end(rest)?);
        if field != "*" && unescape(field) != *wanted {
            return None;
        }
        rest = &after[1..];
    }
    // What is left is the password, colons and all.
    Some(unescape(rest))
}

/// Where the first `:` is that no `\` is before.
fn field_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b':' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.push(if c == '\\' { characters.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::manifest::StoreUrl;

    fn url(text: &str) -> PostgresUrl {
        match StoreUrl::parse(text, "demo").expect("a URL") {
            StoreUrl::Postgres(url) => url,
            other => panic!("{other} is another store"),
        }
    }

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let url = url("postgres://shop@db:99/a%3Ab");
        for (text, password) in [
            ("db:99:a\\:b:shop:secret", Some("secret")),
            ("db:99:*:shop:first\ndb:99:*:shop:second", Some("first")),
            ("#db:99:*:shop:first\r\n*:*:*:*:se:cr\\\\et\r\n", Some("se:cr\\et")),
            ("db:98:*:shop:a\nother:99:*:shop:b\ndb:99:c:shop:c\ndb:99:*:user:d\n", None),
            ("db:99:*:shop", None),
            ("db:99:*:shop:", Some("")),
            ("", None),
        ] {
            assert_eq!(find(text, &url, &url.hosts[0]).as_deref(), password, "{text}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("passwords");
        fs::write(&path, "*:*:*:*:secret").expect("it can be written");
        let url = PostgresUrl { passfile: Some(path.clone()), ..url("postgres://shop@db/a") };
        let read = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
            password(&url, &url.hosts[0]).map_err(|error| error.to_string())
        };
        assert_eq!(read(0o600), Ok(Some("secret".to_owned())));
        let said = read(0o640).expect_err("others may read it");
        assert!(said.contains("its mode is 640") && said.contains("passwords"), "{said}");
        fs::remove_file(&path).expect("it is ours");
        let said = password(&url, &url.hosts[0]).expect_err("there is no file").to_string();
        assert!(said.contains("cannot be read") && said.contains("passwords"), "{said}");
    }
}
