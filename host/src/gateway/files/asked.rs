//! What a request says of the file that it asks for: what its client has of it already, and
//! which parts it wants (RFC 9110, sections 13 and 14).

use std::ops::{Range, RangeInclusive};

use bytes::Bytes;
use headers::{
    ETag, HeaderMap, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, LastModified,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use uuid::Uuid;

use super::{
    body::{FileBody, Part},
    found::Found,
};
use crate::{gateway::reply, service::ReplyBody};

/// The conditions of a request. What cannot be read is not there.
pub struct Asked {
    if_match: Option<IfMatch>,
    if_unmodified_since: Option<IfUnmodifiedSince>,
    if_none_match: Option<IfNoneMatch>,
    if_modified_since: Option<IfModifiedSince>,
    if_range: Option<IfRange>,
    /// Whether there is an `If-Range`, and be it none.
    has_if_range: bool,
    range: Option<HeaderValue>,
}

/// What of a file is to be sent.
enum Wanted {
    Whole,
    One(Range<u64>),
    Several(Vec<Range<u64>>),
    /// Nothing that there is.
    Nothing,
}

impl Asked {
    /// What a request says.
    pub fn of<B>(request: &Request<B>) -> Asked {
        let headers: &HeaderMap = request.headers();
        Asked {
            if_match: headers.typed_get(),
            // Where there are tags, dates say nothing.
            if_unmodified_since: headers.typed_get().filter(|_| !headers.contains_key(header::IF_MATCH)),
            if_none_match: headers.typed_get(),
            if_modified_since: headers.typed_get().filter(|_| !headers.contains_key(header::IF_NONE_MATCH)),
            if_range: headers.typed_get(),
            has_if_range: headers.contains_key(header::IF_RANGE),
            range: headers.get(header::RANGE).filter(|_| request.method() == Method::GET).cloned(),
        }
    }

    /// Answer with a file, or with what is to be said of it.
    pub fn answer(&self, found: Found) -> Response<ReplyBody> {
        let tag = found.tag.to_str().unwrap_or_default().parse::<ETag>().ok();
        let mut response = match tag {
            Some(tag) if self.is_unwanted(&tag, &found) => {
                reply::error(StatusCode::PRECONDITION_FAILED, "The file is another than the request is for")
            }
            Some(tag) if self.is_had(&tag, &found) => {
                let mut response = Response::new(ReplyBody::whole(""));
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response
            }
            tag => self.content(&found, tag.as_ref()),
        };
        describe(&found, response.headers_mut());
        response
    }

    fn is_unwanted(&self, tag: &ETag, found: &Found) -> bool {
        self.if_match.as_ref().is_some_and(|wanted| !wanted.precondition_passes(tag))
            || self.if_unmodified_since.is_some_and(|since| !since.precondition_passes(found.modified))
    }

    fn is_had(&self, tag: &ETag, found: &Found) -> bool {
        self.if_none_match.as_ref().is_some_and(|had| !had.precondition_passes(tag))
            || self.if_modified_since.is_some_and(|since| !since.is_modified(found.modified))
    }

    fn content(&self, found: &Found, tag: Option<&ETag>) -> Response<ReplyBody> {
        let (parts, status, kind, range) = match self.wanted(found, tag) {
            Wanted::Nothing => {
                let mut response = reply::error(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "The file has nothing in the range that is asked for",
                );
                response.headers_mut().extend(content_range(None, found.length).map(|it| (header::CONTENT_RANGE, it)));
                return response;
            }
            Wanted::Whole => (vec![Part::Content(0..found.length)], StatusCode::OK, found.kind.clone(), None),
            Wanted::One(range) => {
                let said = content_range(Some(&range), found.length);
                (vec![Part::Content(range)], StatusCode::PARTIAL_CONTENT, found.kind.clone(), said)
            }
            Wanted::Several(ranges) => {
                let (kind, parts) = apart(&ranges, found);
                (parts, StatusCode::PARTIAL_CONTENT, kind, None)
            }
        };
        let body = FileBody::new(found.content.clone(), parts);
        let length = body.size_hint().lower();
        let mut response = Response::new(ReplyBody::Made(body.boxed_unsync()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers.extend(range.map(|range| (header::CONTENT_RANGE, range)));
        if let Some(coding) = found.coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        response
    }

    /// What is to be sent. What asks for more than the whole has, gets the whole.
    fn wanted(&self, found: &Found, tag: Option<&ETag>) -> Wanted {
        let modified = LastModified::from(found.modified);
        let is_other = match &self.if_range {
            Some(range) => range.is_modified(tag, Some(&modified)),
            None => self.has_if_range,
        };
        let Some(range) = self.range.as_ref().filter(|_| !is_other).and_then(|range| range.to_str().ok()) else {
            return Wanted::Whole;
        };
        let ranges = parse_range_header(range).and_then(|ranges| ranges.validate(found.length));
        let open = |range: &RangeInclusive<u64>| *range.start()..range.end().saturating_add(1);
        match ranges.as_deref() {
            Err(RangeUnsatisfiableError::Unsatisfiable) => Wanted::Nothing,
            Err(_) | Ok([]) => Wanted::Whole,
            Ok([range]) => Wanted::One(open(range)),
            Ok(ranges) => {
                let ranges: Vec<_> = ranges.iter().map(open).collect();
                let sum: u64 = ranges.iter().map(|range| range.end - range.start).sum();
                if sum >= found.length { Wanted::Whole } else { Wanted::Several(ranges) }
            }
        }
    }
}

/// What is said of a file with every answer.
fn describe(found: &Found, headers: &mut HeaderMap) {
    headers.insert(header::ETAG, found.tag.clone());
    headers.typed_insert(LastModified::from(found.modified));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if found.varies {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

fn content_range(range: Option<&Range<u64>>, length: u64) -> Option<HeaderValue> {
    let said = match range {
        Some(range) => format!("bytes {}-{}/{length}", range.start, range.end - 1),
        None => format!("bytes */{length}"),
    };
    HeaderValue::try_from(said).ok()
}

/// Ranges as parts of one body, and its type (RFC 9110, section 14.6). What parts them is
/// nobody's to guess, so that no file has it in it.
fn apart(ranges: &[Range<u64>], found: &Found) -> (HeaderValue, Vec<Part>) {
    let boundary = Uuid::now_v7().simple().to_string();
    let kind = found.kind.to_str().unwrap_or_default();
    let mut parts = Vec::new();
    for range in ranges {
        let Range { start, end } = range;
        let head = format!(
            "\r\n--{boundary}\r\ncontent-type: {kind}\r\ncontent-range: bytes {start}-{}/{}\r\n\r\n",
            end - 1,
            found.length
        );
        parts.extend([Part::Text(Bytes::from(head)), Part::Content(range.clone())]);
    }
    parts.push(Part::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let kind = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}"));
    (kind.unwrap_or(HeaderValue::from_static("multipart/byteranges")), parts)
}
