//! An answer, and its way out.

use std::io::Write;

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};

/// A status, at most one header of its own, and JSON or nothing.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    header: Option<(&'static str, String)>,
    json: Option<Vec<u8>>,
}

impl Reply {
    /// 200 with the JSON given.
    pub fn ok(json: Vec<u8>) -> Self {
        Self::json(200, json)
    }

    /// 304: the client has it already, under this tag.
    pub fn not_modified(etag: String) -> Self {
        Self { status: 304, header: None, json: None }.with_header("etag", etag)
    }

    /// 201: made, and to be found at `location`.
    pub fn created(location: String, json: Vec<u8>) -> Self {
        Self::json(201, json).with_header("location", location)
    }

    /// 204: done, and nothing to say about it.
    pub fn no_content() -> Self {
        Self { status: 204, header: None, json: None }
    }

    /// Any status with the JSON given.
    pub fn json(status: u16, json: Vec<u8>) -> Self {
        Self { status, header: None, json: Some(json) }
    }

    /// The same answer with this header as its own.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.header = Some((name, value.into()));
        self
    }

    /// Send it and finish it, so that nothing is left to do when the call ends.
    ///
    /// An answer to HEAD is sent like one to GET: the host leaves the body out,
    /// and knows from it what `content-length` to promise.
    pub fn send(self, out: ResponseOutparam) {
        let response = OutgoingResponse::new(self.headers());
        if self.status != 200 {
            // A status that is no status is the one way to fail; ours are literals.
            let _ = response.set_status_code(self.status);
        }
        // A response whose body is never asked for has none.
        let body = self.json.as_ref().and_then(|json| Some((response.body().ok()?, json)));
        // Before the body is written, for whoever reads it must be there first:
        // a long one is written as fast as it is read.
        ResponseOutparam::set(out, Ok(response));
        if let Some((body, json)) = body {
            write(body, json);
        }
    }

    fn headers(&self) -> Fields {
        let mut headers = Vec::with_capacity(3);
        if let Some(json) = &self.json {
            headers.push(("content-type".to_owned(), b"application/json".to_vec()));
            let length = json.len().to_string();
            headers.push(("content-length".to_owned(), length.into_bytes()));
        }
        if let Some((name, value)) = &self.header {
            headers.push(((*name).to_owned(), value.clone().into_bytes()));
        }
        // Fails on names and values that no header may have; ours are plain.
        Fields::from_list(&headers).unwrap_or_else(|_| Fields::new())
    }
}

/// Write the body in as few pieces as the host allows, one if it can, and
/// finish it. Where a write fails nobody listens any more: what is left is
/// dropped, which tells the host that the body is not whole.
///
/// Not `blocking-write-and-flush`, which takes 4 KiB at a time and waits for
/// each to be read.
fn write(body: OutgoingBody, json: &[u8]) {
    let Ok(mut stream) = body.write() else { return };
    let written = stream.write_all(json);
    // The stream is the body's child and has to go first.
    drop(stream);
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}
