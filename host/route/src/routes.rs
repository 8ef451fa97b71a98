//! The routes of an app.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    Answer, Host, Route, host,
    path::path,
    tree::{Leaf, Node},
};

/// Routes, and what stands for the service of each.
///
/// The host goes first: routes for its own name before those for all below another, the
/// longest of these first, and then those for every host. Among these the path decides as
/// [`Node`] says, then methods that are named, then the number of header fields. Where a
/// request fits none that goes before, the next is tried.
#[derive(Debug)]
pub struct Routes<T> {
    exact: BTreeMap<Box<str>, Node<T>>,
    below: BTreeMap<Box<str>, Node<T>>,
    any: Node<T>,
}

/// What a request asks for, as far as routes look at it.
pub struct Asked<'a> {
    /// The method, whose case counts.
    pub method: &'a str,
    /// The host, with a port or without; empty if it names none.
    pub host: &'a str,
    /// The target without its query.
    pub target: &'a str,
    /// Whether it has a header field of this name, in lower case, with this value; any will
    /// do if that is none.
    pub has: &'a dyn Fn(&str, Option<&str>) -> bool,
}

impl<T: Clone> Routes<T> {
    /// Add a route. Of those that match the same requests the first stays before the others.
    pub fn insert(&mut self, route: &Route, value: T) {
        let node = match &route.host {
            None => &mut self.any,
            Some(Host::Exact(name)) => self.exact.entry(name.clone()).or_default(),
            Some(Host::Below(name)) => self.below.entry(name.clone()).or_default(),
        };
        let leaf = Leaf { methods: route.methods.clone(), fields: route.fields.clone(), value };
        node.insert(&route.path, leaf);
    }
}

impl<T> Routes<T> {
    /// Who answers a request.
    ///
    /// # Errors
    ///
    /// The answer, where no service is to be asked.
    pub fn choose(&self, asked: &Asked<'_>) -> Result<&T, Answer> {
        let path = path(asked.method, asked.target)?;
        if self.exact.is_empty() && self.below.is_empty() {
            return self.any.find(&path, asked).ok_or_else(|| self.refusal(&path, asked));
        }
        self.nodes(asked.host).find_map(|node| node.find(&path, asked)).ok_or_else(|| self.refusal(&path, asked))
    }

    /// The trees of a host, in the order in which they are looked at.
    fn nodes(&self, host: &str) -> impl Iterator<Item = &Node<T>> {
        let name = host::normal(host);
        let exact = self.exact.get(&*name);
        let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at + 1).collect();
        let below = dots.into_iter().filter_map(move |at| self.below.get(&name[at..]));
        exact.into_iter().chain(below).chain([&self.any])
    }

    /// The answer to what nobody serves: with the methods that its path has, if it has others.
    #[cold]
    fn refusal(&self, path: &str, asked: &Asked<'_>) -> Answer {
        let mut methods = BTreeSet::new();
        self.nodes(asked.host).for_each(|node| node.methods(path, asked, &mut methods));
        if methods.is_empty() { Answer::NOT_FOUND } else { Answer::other_methods(methods) }
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { exact: BTreeMap::new(), below: BTreeMap::new(), any: Node::default() }
    }
}

impl<R: Borrow<Route>, T: Clone> FromIterator<(R, T)> for Routes<T> {
    fn from_iter<I: IntoIterator<Item = (R, T)>>(all: I) -> Self {
        let mut routes = Self::default();
        all.into_iter().for_each(|(route, value)| routes.insert(route.borrow(), value));
        routes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invalid;

    fn asked<'a>(method: &'a str, host: &'a str, target: &'a str) -> Asked<'a> {
        Asked { method, host, target, has: &|_, _| false }
    }

    impl<T> Routes<T> {
        fn get(&self, target: &str) -> Result<&T, Answer> {
            self.choose(&asked("GET", "", target))
        }
    }

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
                assert_eq!(routes.get(path), Ok(&expected), "{path}");
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
            assert_eq!(routes.get(path), Ok(&expected), "{path}");
        }
        for path in ["/", "/a", "/a/b", "/a//c", "/m/n/r", "/m/n/o/", "//b/c"] {
            assert_eq!(routes.get(path), Err(Answer::NOT_FOUND), "{path}");
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
            assert_eq!(routes.get(path).copied(), expected, "{path}");
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
            assert_eq!(routes.get(path), Ok(&expected), "{path}");
        }
        for path in ["/a/b", "/1"] {
            assert_eq!(routes.get(path), Err(Answer::NOT_FOUND), "{path}");
        }
        Ok(())
    }

    #[test]
    fn the_host_goes_before_the_path_and_what_has_none_is_for_all() -> Result<(), Invalid> {
        let all = ["/a/b", "/*", "x.example/*", "*.example/a/*", "*.y.example/a", "z.x.example/a"];
        let routes = routes(&all)?;
        for (host, path, expected) in [
            ("other", "/a/b", "/a/b"),
            ("", "/a/b", "/a/b"),
            ("x.example", "/a/b", "x.example/*"),
            ("X.Example.:8080", "/a/b", "x.example/*"),
            ("w.example", "/a/b", "*.example/a/*"),
            ("v.w.example", "/a/b", "*.example/a/*"),
            // Where a host has no route for a path the wider ones are asked.
            ("w.example", "/b", "/*"),
            ("u.y.example", "/a", "*.y.example/a"),
            ("u.y.example", "/a/c", "*.example/a/*"),
            ("z.x.example", "/a", "z.x.example/a"),
            ("z.x.example", "/a/c", "*.example/a/*"),
            // A name is not below itself, nor below what it only ends with.
            ("example", "/a/b", "/a/b"),
            ("xexample", "/a/b", "/a/b"),
        ] {
            assert_eq!(routes.choose(&asked("GET", host, path)), Ok(&expected), "{host} {path}");
        }
        Ok(())
    }

    #[test]
    fn methods_go_before_none_and_who_answers_get_answers_head() -> Result<(), Invalid> {
        let all =
            ["/a", "GET /a", "POST,PUT /a", "HEAD /b", "GET /b", "GET /c/{x}", "POST /c/*", "DELETE h.example/c/d"];
        let routes = routes(&all)?;
        for (method, path, expected) in [
            ("GET", "/a", Ok("GET /a")),
            ("HEAD", "/a", Ok("GET /a")),
            ("PUT", "/a", Ok("POST,PUT /a")),
            ("get", "/a", Ok("/a")),
            ("DELETE", "/a", Ok("/a")),
            ("HEAD", "/b", Ok("HEAD /b")),
            ("GET", "/b", Ok("GET /b")),
            ("POST", "/c/d", Ok("POST /c/*")),
            ("POST", "/b", Err("GET, HEAD")),
            ("PATCH", "/c/d", Err("DELETE, GET, HEAD, POST")),
            ("PATCH", "/c/d/e", Err("POST")),
        ] {
            let chosen = routes.choose(&asked(method, "h.example", path)).copied();
            let allowed = chosen.map_err(|answer| (answer.status, answer.allow.unwrap_or_default().into_owned()));
            assert_eq!(allowed, expected.map_err(|allow| (405, allow.to_owned())), "{method} {path}");
        }
        assert_eq!(routes.choose(&asked("POST", "", "/d")), Err(Answer::NOT_FOUND));
        Ok(())
    }

    #[test]
    fn more_fields_go_before_fewer() -> Result<(), Invalid> {
        let route = |fields: &[(&str, &str)]| {
            fields.iter().try_fold("/a".parse::<Route>()?, |route, (name, value)| route.with_field(name, value))
        };
        let all = [
            (route(&[])?, 0),
            (route(&[("x", "1")])?, 1),
            (route(&[("x", "1"), ("y", "*")])?, 2),
            ("GET /a".parse::<Route>()?.with_field("z", "1")?, 3),
        ];
        let routes: Routes<_> = all.into_iter().collect();
        for (method, fields, expected) in [
            ("POST", "", 0),
            ("POST", "x=2", 0),
            ("POST", "x=1", 1),
            ("POST", "y=1", 0),
            ("POST", "x=1 y=3", 2),
            ("GET", "x=1 y=3", 2),
            ("GET", "x=1 y=3 z=1", 3),
        ] {
            let has = |name: &str, value: Option<&str>| {
                let mut fields = fields.split(' ').filter_map(|field| field.split_once('='));
                fields.any(|(its, have)| its == name && value.is_none_or(|value| value == have))
            };
            let asked = Asked { method, host: "", target: "/a", has: &has };
            assert_eq!(routes.choose(&asked), Ok(&expected), "{method} {fields}");
        }
        Ok(())
    }
}
