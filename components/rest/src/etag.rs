//! Entity tags, and the conditions that name them.

/// The tag of a body: strong, and the same wherever the body is.
///
/// FNV-1a of 64 bits: what it must tell apart are versions of one resource, by
/// nobody who would gain from two that collide.
pub fn etag(body: &[u8]) -> String {
    let hash = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("\"{hash:016x}\"")
}

/// How two tags are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// A weak tag stands for its strong one, as in `If-None-Match`.
    Weak,
    /// A weak tag is like no other, as in `If-Match`.
    Strong,
}

/// Whether a list of tags as a header has it, or `*`, names this one.
pub(crate) fn names(list: &str, tag: &str, comparison: Comparison) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    // A comma may stand in a tag, so the list is not split at each.
    while let Some(start) = rest.find('"') {
        let weak = rest[..start].trim_start_matches([',', ' ', '\t']) == "W/";
        let Some(length) = rest[start + 1..].find('"') else { return false };
        let (found, after) = rest[start..].split_at(length + 2);
        if found == tag && !(weak && comparison == Comparison::Strong) {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Comparison, etag, names};

    #[test]
    fn a_tag_is_the_hash_that_others_compute_too() {
        assert_eq!(etag(b""), "\"cbf29ce484222325\"");
        assert_eq!(etag(b"foobar"), "\"85944171f73967e8\"");
    }

    #[test]
    fn lists_are_read_as_a_header_has_them() {
        for (list, weak, strong) in [
            ("*", true, true),
            (" * ", true, true),
            ("\"a\"", true, true),
            ("W/\"a\"", true, false),
            ("\"x\", \"a\"", true, true),
            ("\"x\",W/\"a\" , \"y\"", true, false),
            ("W/\"x\", \"a\"", true, true),
            ("\"x,\", \"a\"", true, true),
            ("", false, false),
            ("a", false, false),
            ("\"a", false, false),
            ("\"A\"", false, false),
            ("\"x\", \"y\"", false, false),
            ("\"*\"", false, false),
        ] {
            assert_eq!(names(list, "\"a\"", Comparison::Weak), weak, "{list}");
            assert_eq!(names(list, "\"a\"", Comparison::Strong), strong, "{list}");
        }
    }
}
