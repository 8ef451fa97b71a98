//! Whether two services want the same requests.

use std::ops::Range;

use super::Checker;
use crate::manifest::key::KeyPath;
use crate::manifest::{Problem, Route};

struct Claim<'a> {
    service: &'a str,
    route: Route,
    span: Option<Range<usize>>,
}

impl Checker<'_> {
    /// Reports each route that an earlier one in the file is in the way of.
    pub(super) fn route_conflicts(&mut self, routes: &[(String, Vec<String>)]) {
        let mut claims = self.claims(routes);
        claims.sort_by_key(|claim| claim.span.as_ref().map(|span| span.start));
        for (index, claim) in claims.iter().enumerate() {
            let earlier = claims[..index].iter().find(|other| other.route.conflicts(&claim.route));
            if let Some(earlier) = earlier {
                self.conflict(earlier, claim);
            }
        }
    }

    /// All valid routes; the others have been reported.
    fn claims<'a>(&self, routes: &'a [(String, Vec<String>)]) -> Vec<Claim<'a>> {
        let mut claims = Vec::new();
        for (service, routes) in routes {
            let at = KeyPath::root().child("service").child(service).child("routes");
            for (index, route) in routes.iter().enumerate() {
                if let Ok(route) = route.parse::<Route>() {
                    let span = self.places.value(&at.child(index));
                    claims.push(Claim { service, route, span });
                }
            }
        }
        claims
    }

    fn conflict(&mut self, earlier: &Claim<'_>, claim: &Claim<'_>) {
        let (one, other) = (earlier.service, claim.service);
        let (before, route) = (&earlier.route, &claim.route);
        let title = match before == route {
            true if one == other => format!("service `{one}` has the route `{route}` twice"),
            true => format!("services `{one}` and `{other}` have the same route `{route}`"),
            false if before.is_same(route) => format!("the routes `{before}` and `{route}` are the same"),
            false => format!("the routes `{before}` and `{route}` match the same paths"),
        };
        let help = match before.is_same(route) {
            true if before == route => "leave one of the two out",
            true => "leave one of the two out: what is percent-encoded without need is the character itself",
            false => "leave one out, or make one more exact: a fixed segment goes before `{param}` and `*`",
        };
        let at = KeyPath::root().child("service").child(other).child("routes");
        let problem = Problem::at(self.source, claim.span.clone(), title).key(&at).help(help);
        let first = earlier.span.clone();
        self.problems.push(match one == other {
            true => problem.other(first, "first here"),
            false => problem.label(format!("of service `{other}`")).other(first, format!("of service `{one}`")),
        });
    }
}
