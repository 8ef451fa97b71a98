//! Passwords in a text that is to be shown, though it was not taken.
//!
//! They are looked for wherever somebody may have meant a URL, well formed or not:
//! rather is too much hidden than a password shown.

use std::ops::Range;

/// The stores that have servers; the `//` behind the colon may be forgotten.
const STORES: [&str; 4] = ["postgres:", "postgresql:", "redis:", "rediss:"];

/// The text with a star for each byte of a password, so that what points at places in
/// it still does.
pub fn hide(text: &str) -> String {
    text.split_inclusive('\n').map(in_line).collect()
}

fn in_line(line: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(begin) = begin(rest) {
        let (before, after) = rest.split_at(begin);
        let (url, after) = after.split_at(end(before, after));
        shown.push_str(before);
        let scheme = before.trim_end_matches(':').rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        shown.push_str(&in_url(url, scheme.unwrap_or_default()));
        rest = after;
    }
    shown + rest
}

/// Where a URL goes on behind its scheme and a colon.
fn begin(text: &str) -> Option<usize> {
    let stores = STORES.iter().filter_map(|scheme| Some(text.find(scheme)? + scheme.len()));
    stores.chain(text.find("://").map(|place| place + 1)).min()
}

/// Where it ends: at the quote that it begins with, or with the line.
fn end(before: &str, url: &str) -> usize {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    let quote = before.trim_end_matches(is_scheme).chars().next_back().filter(|c| "\"'`".contains(*c));
    let end = match quote {
        Some(quote) => url.find(quote),
        None => url.find('\n'),
    };
    end.unwrap_or(url.len())
}

/// Of PostgreSQL the user is shown. Of others all that is before the `@` is hidden: a
/// password, or a token, may stand there alone.
fn in_url(url: &str, scheme: &str) -> String {
    let mut shown = url.to_owned();
    let host = url.len() - url.trim_start_matches('/').len();
    let user = match scheme {
        "postgres" | "postgresql" => url[host..].find(':').map(|colon| host + colon + 1).zip(url.rfind('@')),
        "redis" | "rediss" => url.rfind('@').map(|at| (host, at)),
        _ => user(&url[host..]).map(|at| (host, host + at)),
    };
    let user = user.map(|(begin, end)| begin..end);
    let parameter = url.find("password=").map(|place| {
        let begin = place + "password=".len();
        begin..url[begin..].find('&').map_or(url.len(), |length| begin + length)
    });
    for Range { start, end } in [user, parameter].into_iter().flatten().filter(|place| place.start < place.end) {
        shown.replace_range(start..end, &"*".repeat(end - start));
    }
    shown
}

/// Where the `@` behind a user is. Paths have some, too, as `repository@sha256:…` has:
/// then there is a host with its port before the path, or without.
fn user(url: &str) -> Option<usize> {
    let host = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_address = |(_, port): (&str, &str)| port.bytes().all(|digit| digit.is_ascii_digit());
    match host.rfind('@') {
        // A password may have a slash.
        None if !host.split_once(':').is_none_or(is_address) => url.rfind('@'),
        at => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_they_may_be_meant() {
        for text in [
            "postgres://u:s3cret@h/d",
            "postgres://u:pa's3cret@h/d",
            "postgres://u:a s3cret@h/d",
            "postgres://u:a@s3cret@h/d",
            "postgres:/u:s3cret@h/d",
            "postgresql:u:s3cret@h/d",
            "redis:s3cret@h",
            "redis://s3cret@h",
            "rediss://u:s3cret@h/1",
            "mysql://u:s3cret@h/d",
            "https://s3cret@h/d",
            "https://u:a/s3cret@h",
            "oci://u:s3cret@h:5000/a:1@sha256:12",
            "postgres://u@h/d?password=s3cret",
            "postgres://u@h/d?password=s3cret&sslmode=require",
        ] {
            for line in [text.to_owned(), format!("url = \"{text}\" # the store\nport = 1\n")] {
                let shown = hide(&line);
                assert!(!shown.contains("s3cret") && shown.contains('*'), "{shown}");
                assert_eq!(shown.len(), line.len(), "{shown}");
                assert_eq!(shown.ends_with("port = 1\n"), line.ends_with("port = 1\n"), "{shown}");
            }
        }
    }

    #[test]
    fn nothing_else_is_hidden() {
        for text in [
            "url = \"postgres://u@h:5432/d\"\n",
            "outbound = [\"http://127.0.0.1:9000\", \"https://x/@y:8\"]\n",
            "name = \"a: b@c\"\n",
            "url = \"redis://h:6379/0\"\n",
            "component = \"oci://h:5000/a:1.0@sha256:12\"\n",
            "component = \"oci://ghcr.io/a@sha256:12\"\n",
            "links = { \"shop:users/directory@0.1.0\" = \"user\" }\n",
            "",
        ] {
            assert_eq!(hide(text), text);
        }
    }
}
