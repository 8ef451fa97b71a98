//! What a request is for, as its component is told.

use http::{Uri, Version, uri::Scheme};

/// The path of a target as it came in this version: over HTTP/2 none where there is only a
/// query (RFC 9113, section 8.3.1), and it is not to be taken for `/`.
pub fn path(target: &Uri, version: Version) -> &str {
    let has_none = version == Version::HTTP_2 && is_query(target);
    if has_none { "" } else { target.path() }
}

/// Give a target without a path the one it means: `http://shop?a=b` asks for `/?a=b`
/// (RFC 9110, section 4.2.3). Every other target stays as it came. One with neither path nor
/// query came with the path `/`, by the library that reads it; so `OPTIONS http://shop`, which
/// is `OPTIONS *` (RFC 9112, section 3.2.4), is none here.
///
/// A scheme is the same in either case (RFC 3986, section 3.1), and to that library only over
/// HTTP/1.1.
pub fn meant(target: &mut Uri) {
    let scheme = target.scheme().and_then(usual);
    let path = target
        .path_and_query()
        .filter(|_| is_query(target))
        .and_then(|query| format!("/{}", query.as_str()).parse().ok());
    if scheme.is_none() && path.is_none() {
        return;
    }
    let mut parts = target.clone().into_parts();
    parts.scheme = scheme.or(parts.scheme);
    parts.path_and_query = path.or(parts.path_and_query);
    if let Ok(meant) = Uri::from_parts(parts) {
        *target = meant;
    }
}

/// The scheme that this is in another case.
fn usual(scheme: &Scheme) -> Option<Scheme> {
    let is_meant = |usual: &Scheme| scheme != usual && scheme.as_str().eq_ignore_ascii_case(usual.as_str());
    [Scheme::HTTP, Scheme::HTTPS].into_iter().find(is_meant)
}

/// Whether it has a query and no path.
fn is_query(target: &Uri) -> bool {
    target.path_and_query().is_some_and(|text| text.as_str().starts_with('?'))
}

/// Take the URL of a proxy that is trusted for one of the scheme by which it came: over HTTP/2
/// some say the one that their clients asked for.
pub fn of_proxy(target: &mut Uri, came_by: &Scheme) {
    let is_other = |scheme: &Scheme| scheme != came_by && [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
    if !target.scheme().is_some_and(is_other) {
        return;
    }
    let mut parts = target.clone().into_parts();
    parts.scheme = Some(came_by.clone());
    if let Ok(came) = Uri::from_parts(parts) {
        *target = came;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_path_asks_for_the_root() -> Result<(), http::uri::InvalidUri> {
        for (came, told) in [
            ("http://shop?a=b", "http://shop/?a=b"),
            ("http://shop", "http://shop/"),
            ("http://shop/?a=b", "http://shop/?a=b"),
            ("/?a=b", "/?a=b"),
            ("/a/../%62?c", "/a/../%62?c"),
            ("*", "*"),
            ("shop:80", "shop:80"),
        ] {
            let mut target: Uri = came.parse()?;
            meant(&mut target);
            assert_eq!(target.to_string(), told, "{came}");
        }
        Ok(())
    }
}
