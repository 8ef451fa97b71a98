//! A body that goes back as it comes, however long it is.

use std::io::Write;

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::StreamError;

/// How much is read and written at a time, in bytes.
const PIECE: u64 = 64 * 1024;

/// Send the request's body back. If it breaks off, so does the answer.
pub fn serve(request: &IncomingRequest, out: ResponseOutparam) {
    let length = request.headers().get("content-length").into_iter().map(|value| ("content-length".to_owned(), value));
    let headers = Fields::from_list(&length.collect::<Vec<_>>()).unwrap_or_else(|_| Fields::new());
    let response = OutgoingResponse::new(headers);
    let (Ok(incoming), Ok(body)) = (request.consume(), response.body()) else { return };
    let (Ok(input), Ok(mut output)) = (incoming.stream(), body.write()) else { return };
    ResponseOutparam::set(out, Ok(response));
    let is_whole = loop {
        match input.blocking_read(PIECE) {
            Ok(piece) if output.write_all(&piece).is_ok() => {}
            Err(StreamError::Closed) => break true,
            _ => break false,
        }
    };
    // The stream is the body's child and has to go first.
    drop(output);
    if is_whole {
        let _ = OutgoingBody::finish(body, None);
    }
}
