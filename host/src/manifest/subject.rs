//! Subjects of messages, and patterns of them.

use std::fmt;

use super::Invalid;

/// Subjects as NATS writes them: parts with dots between, where `*` is any one part and `>`,
/// at the end, all that follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject(String);

/// The longest.
const LONGEST: usize = 255;

impl Subject {
    /// Reads `tasks.resize`, `tasks.*` or `tasks.>`.
    pub(super) fn parse(text: &str) -> Result<Subject, Invalid> {
        let help = "write parts with dots between, as in \"tasks.resize\", with `*` for any one part, or `>` for all \
                    that follow";
        let parts: Vec<_> = text.split('.').collect();
        let is_wrong = |(place, part): (usize, &&str)| match *part {
            ">" => place + 1 < parts.len(),
            "*" => false,
            part => !is_part(part),
        };
        match text.len() > LONGEST || parts.iter().enumerate().any(is_wrong) {
            true => Err(Invalid::new("is no subject", help)),
            false => Ok(Subject(text.to_owned())),
        }
    }

    /// All that there are.
    pub fn any() -> Subject {
        Subject(">".to_owned())
    }

    /// Whether it means this subject, which is none where it has other letters than it may.
    pub fn matches(&self, subject: &str) -> bool {
        let mut parts = subject.split('.');
        if subject.len() > LONGEST || !subject.split('.').all(is_part) {
            return false;
        }
        for pattern in self.0.split('.') {
            match (pattern, parts.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (pattern, Some(part)) if pattern == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_nats_has_it_mean() {
        for (pattern, subject, means) in [
            ("a", "a", true),
            ("a", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            (">", "a..b", false),
            (">", "", false),
            (">", "a b", false),
            ("a.>", "a.*", false),
        ] {
            let found = Subject::parse(pattern).map(|pattern| pattern.matches(subject));
            assert_eq!(found, Ok(means), "{pattern} and {subject}");
        }
    }

    #[test]
    fn others_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a.>.b", "a b", "a.b*", "a\n"] {
            assert!(Subject::parse(text).is_err(), "{text}");
        }
    }
}
