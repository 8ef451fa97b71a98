//! What a request is for, as its component is told.

use http::{Uri, uri::Scheme};

/// Give a target without a path the one it means: `http://shop?a=b` asks for `/?a=b`
/// (RFC 9110, section 4.2.3). Every other target stays as it came. One with neither path nor
/// query came with the path `/`, by the library that reads it; so `OPTIONS http://shop`, which
/// is `OPTIONS *` (RFC 9112, section 3.2.4), is none here.
pub fn root(target: &mut Uri) {
    let Some(query) = target.path_and_query().map(|text| text.as_str()).filter(|text| text.starts_with('?')) else {
        return;
    };
    let path = format!("/{query}").parse().ok();
    let mut parts = target.clone().into_parts();
    parts.path_and_query = path;
    if let Ok(rooted) = Uri::from_parts(parts) {
        *target = rooted;
    }
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
            root(&mut target);
            assert_eq!(target.to_string(), told, "{came}");
        }
        Ok(())
    }
}
