//! Routes, and whether two want the same requests.

use std::ops::Range;

use super::Checker;
use crate::manifest::{
    Invalid, Policy, Problem, Route, RouteManifest,
    key::KeyPath,
    schema::{self, RouteTable},
};

/// A route, and who has it.
pub(super) struct Claim {
    /// As in "service `user`".
    owner: String,
    /// The list that it stands in.
    list: KeyPath,
    route: Route,
    span: Option<Range<usize>>,
}

impl Checker<'_> {
    /// The valid routes of the list at `list`, each with its policy, or else this one.
    pub(super) fn routes(
        &mut self,
        list: &KeyPath,
        owner: &str,
        routes: &[schema::Route],
        policy: &Policy,
    ) -> Vec<RouteManifest> {
        let mut read = Vec::new();
        for (index, written) in routes.iter().enumerate() {
            let at = list.child(index);
            let (pattern, table) = match written {
                schema::Route::Pattern(text) => (self.take_item(list, index, text, route(text)), None),
                schema::Route::Table(table) => {
                    // One that is missing has been reported.
                    let text = table.route.as_deref();
                    (text.and_then(|text| self.take(&at.child("route"), route(text))), Some(table))
                }
            };
            let route = match table {
                Some(table) => pattern.and_then(|route| self.fields(&at.child("header"), route, table)),
                None => pattern,
            };
            let own = table.map(|table| self.policy(&at, &table.policy)).unwrap_or_default();
            let Some(route) = route else { continue };
            let content = table.and_then(|table| self.content(&at, table, &route));
            let at = if table.is_some() { at.child("route") } else { at };
            let (owner, list, span) = (owner.to_owned(), list.clone(), self.places.value(&at));
            let all = own.clone().or(policy);
            self.is_guarded(&at, &route, &own, &all);
            self.claims.push(Claim { owner, list, route: route.clone(), span });
            read.push(RouteManifest { route, policy: all, content });
        }
        read
    }

    /// The route for requests alone that have these header fields.
    fn fields(&mut self, at: &KeyPath, route: Route, table: &RouteTable) -> Option<Route> {
        table.header.iter().try_fold(route, |route, (name, value)| {
            let with = route.with_field(name, value).map_err(Invalid::from);
            self.take_key(&at.child(name), "header", with)
        })
    }

    /// Reports each route that an earlier one in the file is in the way of.
    pub(super) fn route_conflicts(&mut self) {
        let mut claims = std::mem::take(&mut self.claims);
        claims.sort_by_key(|claim| claim.span.as_ref().map(|span| span.start));
        for (index, claim) in claims.iter().enumerate() {
            let earlier = claims[..index].iter().find(|other| other.route.conflicts(&claim.route));
            if let Some(earlier) = earlier {
                self.conflict(earlier, claim);
            }
        }
    }

    fn conflict(&mut self, earlier: &Claim, claim: &Claim) {
        let (one, other) = (&earlier.owner, &claim.owner);
        let (before, route) = (&earlier.route, &claim.route);
        let title = match before == route {
            true if one == other => format!("{one} has the route `{route}` twice"),
            true => format!("{one} and {other} have the same route `{route}`"),
            false if before.is_same(route) => format!("the routes `{before}` and `{route}` are the same"),
            false => format!("the routes `{before}` and `{route}` match the same requests"),
        };
        let help = match before.is_same(route) {
            true if before == route => "leave one of the two out",
            true => {
                "leave one of the two out: a host has no case, and what is percent-encoded without need is the \
                     character itself"
            }
            false if before.path().conflicts(route.path()) && has_more(before, route) => {
                "leave one out, or have one ask for more: for a host, for methods, or for more header fields"
            }
            false => "leave one out, or make one more exact: a fixed segment goes before `{param}` and `*`",
        };
        let problem = Problem::at(self.source, claim.span.clone(), title).key(&claim.list).help(help);
        let first = earlier.span.clone();
        self.problems.push(match one == other {
            true => problem.other(first, "first here"),
            false => problem.label(format!("of {other}")).other(first, format!("of {one}")),
        });
    }
}

fn route(text: &str) -> Result<Route, Invalid> {
    Ok(text.parse::<Route>()?)
}

/// Whether two routes differ by more than their paths.
fn has_more(one: &Route, other: &Route) -> bool {
    one.as_str() != one.path().as_str() || other.as_str() != other.path().as_str() || one.fields().next().is_some()
}
