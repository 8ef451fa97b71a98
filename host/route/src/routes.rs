//! The routes of an app, as a tree of segments.

use std::{borrow::Borrow, collections::BTreeMap};

use crate::{
    Answer, Route,
    path::path,
    route::{End, Segment},
};

/// Routes, and what stands for the service of each.
///
/// Segment by segment from the left, what stands as it is goes before a parameter,
/// and that before a `*`; where the rest of the path fits none that began so, the next
/// is tried. A look visits each segment of a route once at most, however they branch.
#[derive(Debug)]
pub struct Routes<T> {
    root: Node<T>,
}

/// What is known where some segments have been read, the slash after them included.
#[derive(Debug)]
struct Node<T> {
    /// What matches if the path ends before that slash.
    here: Option<T>,
    exact: BTreeMap<Box<str>, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    /// What matches whatever follows, nothing included.
    below: Option<T>,
}

impl<T: Clone> Routes<T> {
    /// Add a route. Of those that match the same paths the first stays.
    pub fn insert(&mut self, route: &Route, value: T) {
        let node = route.segments.iter().fold(&mut self.root, Node::child);
        match route.end {
            End::Here => _ = node.here.get_or_insert(value),
            End::HereOrSlash => {
                node.here.get_or_insert_with(|| value.clone());
                node.child(&Segment::Exact("".into())).here.get_or_insert(value);
            }
            End::Below => _ = node.below.get_or_insert(value),
        }
    }
}

impl<T> Routes<T> {
    /// Who answers a request of this method; `target` is its target without the query.
    ///
    /// # Errors
    ///
    /// The answer, where no service is to be asked.
    pub fn choose(&self, method: &str, target: &str) -> Result<&T, Answer> {
        self.find(&path(method, target)?).ok_or(Answer::NOT_FOUND)
    }

    /// What a normalised path matches.
    fn find(&self, path: &str) -> Option<&T> {
        self.root.find(path.strip_prefix('/'))
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<R: Borrow<Route>, T: Clone> FromIterator<(R, T)> for Routes<T> {
    fn from_iter<I: IntoIterator<Item = (R, T)>>(all: I) -> Self {
        let mut routes = Self::default();
        all.into_iter().for_each(|(route, value)| routes.insert(route.borrow(), value));
        routes
    }
}

impl<T> Node<T> {
    fn child(&mut self, segment: &Segment) -> &mut Node<T> {
        match segment {
            Segment::Exact(text) => self.exact.entry(text.clone()).or_default(),
            Segment::Parameter => self.parameter.get_or_insert_default(),
        }
    }

    /// What the rest of a path matches, which follows a slash; `None` where no slash does.
    fn find(&self, rest: Option<&str>) -> Option<&T> {
        let Some(rest) = rest else { return self.here.as_ref() };
        let (segment, deeper) = match rest.split_once('/') {
            Some((segment, deeper)) => (segment, Some(deeper)),
            None => (rest, None),
        };
        let exact = || self.exact.get(segment)?.find(deeper);
        // A parameter stands for something.
        let parameter = || self.parameter.as_ref().filter(|_| !segment.is_empty())?.find(deeper);
        exact().or_else(parameter).or(self.below.as_ref())
    }
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { here: None, exact: BTreeMap::new(), parameter: None, below: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invalid;

    fn routes(all: &[&'static str]) -> Result<Routes<&'static str>, Invalid> {
        all.iter().map(|text| Ok((text.parse::<Route>()?, *text))).collect()
    }

    #[test]
    fn exact_goes_before_parameter_before_wildcard() -> Result<(), Invalid> {
        let all = ["/x/{id}", "/x/*", "/x/me", "/x/", "/x/{id}/parts", "/*"];
        // In whatever order they stand.
        for first in 0..all.len() {
            let mut turned = all;
            turned.rotate_left(first);
            let routes = routes(&turned)?;
            for (path, expected) in [
                ("/x/me", "/x/me"),
                ("/x/1", "/x/{id}"),
                ("/x/", "/x/"),
                ("/x/1/parts", "/x/{id}/parts"),
                ("/x/me/parts", "/x/{id}/parts"),
                ("/x/1/", "/x/*"),
                ("/x/1/other", "/x/*"),
                ("/x//parts", "/x/*"),
                ("/x//", "/x/*"),
                ("/x", "/*"),
                ("/", "/*"),
                ("//x/me", "/*"),
                ("/%78/m%65", "/x/me"),
                ("/y/../x/1", "/x/{id}"),
            ] {
                assert_eq!(routes.choose("GET", path), Ok(&expected), "{path}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_leftmost_difference_decides_and_what_leads_nowhere_is_left() -> Result<(), Invalid> {
        let routes = routes(&["/a/b/*", "/a/{x}/c", "/{y}/b/c", "/a/b/d/e", "/m/n/o", "/m/{x}/p", "/{y}/n/q"])?;
        for (path, expected) in [
            ("/a/b/c", "/a/b/*"),
            ("/a/z/c", "/a/{x}/c"),
            ("/z/b/c", "/{y}/b/c"),
            ("/a/b/d/e", "/a/b/d/e"),
            ("/a/b/d/f", "/a/b/*"),
            ("/m/n/o", "/m/n/o"),
            // `/m/n` leads on, but not to these.
            ("/m/n/p", "/m/{x}/p"),
            ("/m/n/q", "/{y}/n/q"),
        ] {
            assert_eq!(routes.choose("GET", path), Ok(&expected), "{path}");
        }
        for path in ["/", "/a", "/a/b", "/a//c", "/m/n/r", "/m/n/o/", "//b/c"] {
            assert_eq!(routes.choose("GET", path), Err(Answer::NOT_FOUND), "{path}");
        }
        Ok(())
    }

    #[test]
    fn a_slash_at_the_end_counts_but_where_the_route_leaves_it_open() -> Result<(), Invalid> {
        let routes = routes(&["/open{/}", "/open/{id}{/}", "/closed", "/folder/", "/files/*"])?;
        for (path, expected) in [
            ("/open", Ok("/open{/}")),
            ("/open/", Ok("/open{/}")),
            ("/open/1", Ok("/open/{id}{/}")),
            ("/open/1/", Ok("/open/{id}{/}")),
            ("/open//", Err(Answer::NOT_FOUND)),
            ("/open/1//", Err(Answer::NOT_FOUND)),
            ("/closed", Ok("/closed")),
            ("/closed/", Err(Answer::NOT_FOUND)),
            ("/folder/", Ok("/folder/")),
            ("/folder", Err(Answer::NOT_FOUND)),
            ("/files/", Ok("/files/*")),
            ("/files/a/b/", Ok("/files/*")),
            ("/files", Err(Answer::NOT_FOUND)),
            ("/files%2Fa", Err(Answer::NOT_FOUND)),
            ("/folder/.", Ok("/folder/")),
            ("/closed/.", Err(Answer::NOT_FOUND)),
        ] {
            assert_eq!(routes.choose("GET", path).copied(), expected, "{path}");
        }
        Ok(())
    }

    #[test]
    fn routes_are_normalised_as_paths_are() -> Result<(), Invalid> {
        let routes = routes(&["/%7euser", "/caf%c3%a9", "/a%2fb", "/%7Bid%7D"])?;
        for (path, expected) in [
            ("/~user", "/%7euser"),
            ("/%7Euser", "/%7euser"),
            ("/café", "/caf%c3%a9"),
            ("/caf%C3%a9", "/caf%c3%a9"),
            ("/a%2Fb", "/a%2fb"),
            ("/{id}", "/%7Bid%7D"),
        ] {
            assert_eq!(routes.choose("GET", path), Ok(&expected), "{path}");
        }
        for path in ["/a/b", "/1"] {
            assert_eq!(routes.choose("GET", path), Err(Answer::NOT_FOUND), "{path}");
        }
        Ok(())
    }
}
