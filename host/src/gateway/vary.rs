//! `Vary`: on which fields of a request its answer rests (RFC 9110, section 12.5.5).

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Say that an answer rests on this field, too.
pub fn add(headers: &mut HeaderMap, name: &HeaderName) {
    let said = headers.get_all(header::VARY).iter().filter_map(|list| list.to_str().ok());
    let is_said = said
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|other| other == "*" || other.eq_ignore_ascii_case(name.as_str()));
    if !is_said {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    }
}
