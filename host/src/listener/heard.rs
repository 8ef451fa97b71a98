//! What a client has sent, as far as it says why hyper refuses it.

/// How a connection of HTTP/2 begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a client begins that speaks TLS: a handshake of version 3 point something, as all
/// are (RFC 8446, section 5.1).
const TLS: &[u8] = &[22, 3];

/// How a line of HTTP/1 ends: a digit, a full stop and a digit behind it.
const VERSION: &[u8] = b" HTTP/";

/// How much of a line's end is remembered: the version, and the CR behind it.
const END: usize = VERSION.len() + b"1.1\r".len();

/// How much of a head is remembered, in bytes. Most have no more.
const KEPT: usize = 4 * 1024;

/// The longest body that hyper reads, in bytes: two numbers beyond it have a meaning there.
const LONGEST_BODY: u64 = u64::MAX - 2;

/// What a client sent since the last answer.
#[derive(Default)]
pub struct Heard {
    /// How the connection began.
    start: Vec<u8>,
    /// Whether a head was begun.
    head: bool,
    /// The end of its first line, up to where it is read.
    line: Vec<u8>,
    /// Whether that line was ended.
    has_line: bool,
    /// The head from its beginning, as much as is remembered, and what came with it.
    kept: Vec<u8>,
}

impl Heard {
    /// Take note of what was read.
    pub fn listen(&mut self, bytes: &[u8]) {
        let missing = PREFACE.len() - self.start.len();
        self.start.extend(bytes.iter().take(missing));
        self.head = self.head || !bytes.is_empty();
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if !self.has_line {
            self.read_line(bytes);
        }
    }

    /// Everything was answered: what comes now is of another request.
    pub fn begin_anew(&mut self) {
        let (start, mut kept) = (std::mem::take(&mut self.start), std::mem::take(&mut self.kept));
        kept.clear();
        *self = Heard { start, kept, ..Heard::default() };
    }

    /// Whether a head was begun.
    pub fn has_begun(&self) -> bool {
        self.head
    }

    /// Whether its first line was ended.
    pub fn has_line(&self) -> bool {
        self.has_line
    }

    /// Whether the connection is one of HTTP/2.
    pub fn is_http2(&self) -> bool {
        self.start == PREFACE
    }

    /// Whether the client speaks TLS, which no method of HTTP begins like.
    pub fn is_tls(&self) -> bool {
        self.start.starts_with(TLS)
    }

    /// Whether the line is of an HTTP that hyper does not read: of another major version,
    /// or of a minor one that is not known, which it does not take for 1.1 (RFC 9110,
    /// section 2.5).
    pub fn is_of_other_version(&self) -> bool {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let Some([before @ .., major, b'.', minor]) = line.last_chunk::<{ VERSION.len() + 3 }>() else { return false };
        let is_version = before == VERSION && major.is_ascii_digit() && minor.is_ascii_digit();
        self.has_line && is_version && !matches!((major, minor), (b'1', b'0' | b'1'))
    }

    /// Whether the method did not end where any other would have.
    pub fn is_long_method(&self) -> bool {
        self.kept.len() == KEPT && !self.kept.contains(&b' ')
    }

    /// Whether the head announces a body longer than can be counted, which to hyper is a
    /// head too large, or none at all.
    pub fn is_of_long_body(&self) -> bool {
        let lines = self.kept.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let mut fields = lines.skip_while(|line| line.is_empty()).skip(1).take_while(|line| !line.is_empty());
        fields.any(|field| {
            let Some(colon) = field.iter().position(|byte| *byte == b':') else { return false };
            let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
            name.eq_ignore_ascii_case(b"content-length") && is_uncountable(value)
        })
    }

    /// Read on in the line. Empty ones before it are none (RFC 9112, section 2.2).
    fn read_line(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            self.line.extend(&text[text.len().saturating_sub(END)..]);
            self.line.drain(..self.line.len().saturating_sub(END));
            if piece.len() > text.len() {
                if self.line != b"\r" && !self.line.is_empty() {
                    self.has_line = true;
                    return;
                }
                self.line.clear();
            }
        }
    }
}

/// Whether these are the digits of a number beyond the longest body.
fn is_uncountable(length: &[u8]) -> bool {
    let is_number = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
    let countable = str::from_utf8(length).ok().and_then(|text| text.parse().ok());
    is_number && countable.is_none_or(|length: u64| length > LONGEST_BODY)
}

#[cfg(test)]
mod tests {
    use super::Heard;

    #[test]
    fn versions_are_told_in_however_many_pieces_they_come() {
        for (line, is_other) in [
            ("GET / HTTP/2.0\r\n", true),
            ("\r\n\r\nGET / HTTP/3.0\r\nhost: a\r\n", true),
            ("GET / HTTP/0.9\n", true),
            ("GET / HTTP/1.1\r\nx: HTTP/2.0\r\n", false),
            ("GET / HTTP/1.2\r\n", true),
            ("GET / HTTP/1.0\r\n", false),
            ("GET / HTTP/22.0\r\n", false),
            ("GET /HTTP/2.0\r\n", false),
            ("GET / HTTP/2.0", false),
            ("GET /\r\n", false),
        ] {
            for size in 1..=line.len() {
                let mut heard = Heard::default();
                line.as_bytes().chunks(size).for_each(|piece| heard.listen(piece));
                assert_eq!(heard.is_of_other_version(), is_other, "{line:?} by {size}");
            }
        }
    }

    #[test]
    fn a_body_that_nobody_can_count_is_told_from_others() {
        for (head, is_long) in [
            ("POST / HTTP/1.1\r\ncontent-length: 18446744073709551614\r\n\r\n", true),
            ("\r\nPOST / HTTP/1.1\nhost: a\nContent-Length:99999999999999999999\n\n", true),
            ("POST / HTTP/1.1\r\ncontent-length: 18446744073709551613\r\n\r\n", false),
            ("POST / HTTP/1.1\r\ncontent-length: 00000000000000000000000001\r\n\r\n", false),
            ("POST / HTTP/1.1\r\ncontent-length: -18446744073709551615\r\n\r\n", false),
            ("POST / HTTP/1.1\r\ncontent-length:\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nx: content-length: 18446744073709551615\r\n\r\n", false),
            ("POST / HTTP/1.1\r\nhost: a\r\n\r\ncontent-length: 18446744073709551615\r\n", false),
        ] {
            for size in 1..=head.len() {
                let mut heard = Heard::default();
                head.as_bytes().chunks(size).for_each(|piece| heard.listen(piece));
                assert_eq!(heard.is_of_long_body(), is_long, "{head:?} by {size}");
            }
        }
    }

    #[test]
    fn a_line_is_of_one_request() {
        let mut heard = Heard::default();
        heard.listen(b"GET / HTTP/2.0\r\n");
        heard.begin_anew();
        assert!(!heard.has_begun() && !heard.has_line() && !heard.is_of_other_version());
        heard.listen(b"GET / HTTP/1.1\r\n");
        assert!(heard.has_begun() && heard.has_line() && !heard.is_of_other_version());
    }

    #[test]
    fn how_a_connection_begins_is_told_in_however_many_pieces_it_comes() {
        for (start, is_http2, is_tls) in [
            (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], true, false),
            (b"PRI * HTTP/2.0\r\nhost: a\r\n\r\n", false, false),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false, true),
            (b"GET / HTTP/1.1\r\n", false, false),
        ] {
            for size in 1..=start.len() {
                let mut heard = Heard::default();
                start.chunks(size).for_each(|piece| heard.listen(piece));
                assert_eq!((heard.is_http2(), heard.is_tls()), (is_http2, is_tls), "{start:?} by {size}");
            }
        }
    }
}
