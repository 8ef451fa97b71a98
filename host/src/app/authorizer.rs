//! Services that decide whether requests go on.

use std::{collections::BTreeSet, sync::Arc};

use super::{App, Part};
use crate::{
    link::{self, InterfaceName},
    manifest::{Authorize, Manifest, Problem},
    service::Service,
};

/// What they export.
pub const AUTHORIZER: &str = "dovetail:gateway/authorizer@0.1.0";

/// The function of it.
const AUTHORIZE: &str = "authorize";

/// The function as it has to be. A component keeps no names of types.
const SIGNATURE: &str = "authorize: func(request: record { method: string, route: string, path: string, headers: \
    list<tuple<string, string>>, identity: option<record { auth: string, subject: string, issuer: option<string>, \
    scopes: list<string>, claims: option<string> }>, client: string }) -> variant { allow(record { headers: \
    list<tuple<string, string>>, seconds: u32 }), refuse(record { status: u16, sentence: string }) }";

impl App {
    /// A service that decides, and the key of the function that does.
    pub fn authorizer(&self, service: &str) -> Option<(Arc<Service>, String)> {
        let name = AUTHORIZER.parse::<InterfaceName>().ok()?;
        Some((self.services[self.place(service)?].clone(), link::export_key(&name, AUTHORIZE)))
    }
}

/// What is wrong with the components of those who are to decide.
pub fn problems(manifest: &Manifest, parts: &[Arc<Part>]) -> Vec<Problem> {
    let routes = manifest.routes();
    let named: BTreeSet<&str> = routes
        .filter_map(|(_, route)| match &route.policy.authorize {
            Some(Authorize::Service { name, .. }) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let services = manifest.services.iter().zip(parts).filter(|(service, _)| named.contains(service.name.as_str()));
    services.filter_map(|(service, part)| problem(manifest, &service.name, part)).collect()
}

fn problem(manifest: &Manifest, service: &str, part: &Part) -> Option<Problem> {
    let found = AUTHORIZER.parse::<InterfaceName>().ok().and_then(|name| part.surface.export(&name)?.shown(AUTHORIZE));
    let title = match found.as_deref() {
        Some(SIGNATURE) => return None,
        Some(_) => format!("service `{service}` is to authorize requests, but its `{AUTHORIZE}` has other types"),
        None => format!("service `{service}` is to authorize requests, but its component does not export that"),
    };
    let help =
        format!("export `{AUTHORIZER}` as Dovetail's `wit/deps/gateway.wit` has it, or name another `authorize`");
    let problem = manifest.problem(service, Some("component"), title, help);
    Some(match found {
        Some(found) => problem.label(format!("it has `{found}`")),
        None => problem,
    })
}
