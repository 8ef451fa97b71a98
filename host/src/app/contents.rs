//! What is in a file that is no component, and what was meant, as far as that shows.

/// What is in a file instead of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contents {
    /// What it is: `a core module, not a component`.
    pub what: &'static str,
    /// What would be right.
    pub help: &'static str,
}

/// How a component is made.
pub const BUILD_HELP: &str = "build it as a component of WASI 0.2 or 0.3, for example with `--target wasm32-wasip2`";

/// The longest text that is looked into, in bytes.
const READ: usize = 1 << 20;

const MEANT: &str = "give the file of a component, which is what a build for `wasm32-wasip2` leaves as `.wasm`";

impl Contents {
    /// What this is, if it does not begin as a component does.
    pub fn instead(bytes: &[u8]) -> Option<Contents> {
        // A module and a component begin alike and differ in the fifth to eighth
        // byte: version 1 of one, version 13 of the other's layer.
        Some(match bytes {
            [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => return None,
            [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Contents {
                what: "a core module, not a component",
                help: "build it as a component, for example with `--target wasm32-wasip2`, or make one of it with \
                       `wasm-tools component new`",
            },
            [] => Contents { what: "empty", help: "build it again: nothing is in it" },
            _ => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Contents::of_text(text),
                _ => Contents { what: "not WebAssembly", help: BUILD_HELP },
            },
        })
    }

    fn of_text(text: &str) -> Contents {
        let begins = text.trim_start();
        match text {
            _ if begins.starts_with('(') || begins.starts_with(";;") => Contents {
                what: "WebAssembly in its text form",
                help: "translate it with `wasm-tools parse -o component.wasm`",
            },
            text if text.len() <= READ && is_toml(text) => Contents { what: "TOML text, no component", help: MEANT },
            _ => Contents { what: "text, no component", help: MEANT },
        }
    }
}

/// A table's head or a key with a value at least: most lines of prose are no TOML, and
/// an empty one is.
fn is_toml(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| !table.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Contents;

    #[test]
    fn what_was_meant_is_seen() {
        let told = |bytes: &[u8]| Contents::instead(bytes).map(|contents| contents.what);
        for (bytes, what) in [
            (&b"\0asm\x0d\0\x01\0rest"[..], None),
            (b"\0asm\x01\0\0\0", Some("a core module, not a component")),
            (b"", Some("empty")),
            (b"\0asm\x0d\0", Some("not WebAssembly")),
            (b"\x7fELF\x02\x01\x01\0", Some("not WebAssembly")),
            (b"\n;; a component\n(component)", Some("WebAssembly in its text form")),
            (b"(module)", Some("WebAssembly in its text form")),
            (b"[app]\nname = \"shop\"\n", Some("TOML text, no component")),
            (b"fn main() {}\n", Some("text, no component")),
            (b"\n", Some("text, no component")),
            ("größe".as_bytes(), Some("text, no component")),
        ] {
            assert_eq!(told(bytes), what, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
