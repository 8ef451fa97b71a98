//! By what it is known who asks, and that each route says who may.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::{HeaderName, Uri, uri::Scheme};

use super::{Checker, filled};
use crate::manifest::auth::{Asks, AuthManifest, KeySource, Proof, TokenManifest};
use crate::manifest::key::KeyPath;
use crate::manifest::nearest::nearest;
use crate::manifest::schema::{self, List};
use crate::manifest::{Authorize, Invalid, Policy, Problem, Route, names, scope};

/// What routes say that are for everybody.
const NONE: &str = "none";

impl Checker<'_> {
    /// The `[auth.NAME]` tables that have nothing amiss, by name.
    pub(super) fn auths(&mut self, tables: BTreeMap<String, schema::Auth>) -> Vec<AuthManifest> {
        self.auths = tables.keys().cloned().collect();
        tables.into_iter().filter_map(|(name, table)| self.auth(name, table)).collect()
    }

    fn auth(&mut self, name: String, table: schema::Auth) -> Option<AuthManifest> {
        let at = KeyPath::root().child("auth").child(&name);
        self.take_key(&at, "auth", auth_name(&name));
        let is_token = table.issuer.is_some() || table.keys.is_some() || table.key.is_some();
        let kinds = [(is_token, "issuer"), (table.api_keys.is_some(), "api_keys"), (table.basic.is_some(), "basic")];
        let given: Vec<_> = kinds.iter().filter(|(is_given, _)| *is_given).map(|(_, key)| *key).collect();
        let forward = table.forward;
        let proof = match given[..] {
            ["issuer"] => Proof::Token(self.token(&at, table)?),
            ["api_keys"] => {
                self.leave_out(&at, &table);
                Proof::ApiKey(self.auth_file(&at.child("api_keys"), table.api_keys)??)
            }
            ["basic"] => {
                self.leave_out(&at, &table);
                Proof::Basic(self.auth_file(&at.child("basic"), table.basic)??)
            }
            [] => {
                let help = "write `issuer` and `audience` for tokens, `api_keys` for keys, or `basic` for passwords";
                let problem = self.problem(&at, format!("`{at}` does not say by what it is known who asks"));
                self.problems.push(problem.help(help));
                return None;
            }
            _ => {
                let title = format!("`{at}` has both `{}`", given.join("` and `"));
                let help = "make two of it, and have routes name both: `auth = [\"one\", \"other\"]`";
                let problem = self.problem(&at, title).help(help);
                self.problems.push(problem);
                return None;
            }
        };
        Some(AuthManifest { name, proof, forward })
    }

    /// What only tokens have.
    fn leave_out(&mut self, at: &KeyPath, table: &schema::Auth) {
        let of_tokens = [(table.audience.is_some(), "audience"), (table.ca.is_some(), "ca")];
        for (_, key) in of_tokens.into_iter().filter(|(is_given, _)| *is_given) {
            let invalid = Invalid::new("is for tokens alone", "leave it out, or write `issuer`");
            self.take::<()>(&at.child(key), Err(invalid));
        }
    }

    fn token(&mut self, at: &KeyPath, table: schema::Auth) -> Option<TokenManifest> {
        let has_file = table.keys.is_some() || table.key.is_some();
        let ca = self.auth_file(&at.child("ca"), table.ca);
        let set = self.auth_file(&at.child("keys"), table.keys);
        let pem = self.auth_file(&at.child("key"), table.key);
        let issuer = match table.issuer {
            Some(text) => self.take(&at.child("issuer"), issuer(&text, has_file).map(|()| text)),
            None => {
                let help = "write who makes the tokens, as their `iss` says it";
                let problem = self.problem(at, format!("`{at}` has no `issuer`, and every token names one"));
                self.problems.push(problem.help(help));
                None
            }
        };
        let audience = self.audience(at, table.audience);
        let keys = match (set?, pem?, ca?) {
            (None, None, ca) => KeySource::Issuer { ca },
            (Some(file), None, None) => KeySource::Set(file),
            (None, Some(file), None) => KeySource::Pem(file),
            _ => {
                let title = format!("`{at}` says twice where the issuer's keys are");
                let help = "leave all but one of `keys`, `key` and `ca` out; `ca` is for an issuer that is asked";
                let problem = self.problem(at, title).help(help);
                self.problems.push(problem);
                return None;
            }
        };
        Some(TokenManifest { issuer: issuer?, audience: audience?, keys })
    }

    fn audience(&mut self, at: &KeyPath, written: Option<List<String>>) -> Option<Vec<String>> {
        let help = "write for whom the tokens are, as their `aud` says it: those for others are not for you";
        let here = at.child("audience");
        let audience = match written {
            Some(List::One(one)) => vec![one],
            Some(List::Several(several)) => several,
            None => {
                let problem = self.problem(at, format!("`{at}` has no `audience`")).help(help);
                self.problems.push(problem);
                return None;
            }
        };
        let is_said = !audience.is_empty() && audience.iter().all(|one| !one.trim().is_empty());
        self.take(&here, if is_said { Ok(audience) } else { Err(Invalid::new("is empty", help)) })
    }

    /// The path of a file, where one is named: none if it cannot be.
    fn auth_file(&mut self, at: &KeyPath, path: Option<String>) -> Option<Option<PathBuf>> {
        match path {
            None => Some(None),
            Some(path) => self.path(at, &path, "write the file's path").map(Some),
        }
    }

    /// Who may ask, and what they must be allowed to.
    pub(super) fn asks(&mut self, at: &KeyPath, written: &schema::Policy) -> (Option<Asks>, Option<Vec<String>>) {
        let asks = match &written.auth {
            None => None,
            Some(List::One(name)) if name == NONE => Some(Asks::Everybody),
            Some(List::One(name)) => {
                let known = self.known(name);
                Some(Asks::Known(self.take(&at.child("auth"), known).into_iter().collect()))
            }
            Some(List::Several(list)) => {
                let here = at.child("auth");
                self.take(&here, if list.is_empty() { Err(nobody()) } else { Ok(()) });
                let several = list.iter().enumerate();
                let known = several.filter_map(|(index, name)| {
                    let known = self.known(name);
                    self.take_item(&here, index, name, known)
                });
                Some(Asks::Known(known.collect()))
            }
        };
        let scopes = written.scopes.as_ref().map(|list| {
            let here = at.child("scopes");
            self.list(&here, list, |text| scope(text).map(|()| text.to_owned()))
        });
        (asks, scopes)
    }

    fn known(&self, name: &str) -> Result<String, Invalid> {
        let known = self.auths.iter().any(|known| known == name);
        let help = match nearest(name, self.auths.iter().map(String::as_str)) {
            _ if self.auths.is_empty() => format!("write `[auth.{name}]`, which says by what it is known who asks"),
            Some(near) => format!("write \"{near}\""),
            None => format!("write one of `{}`, or \"none\" for everybody", self.auths.join("`, `")),
        };
        match known {
            true => Ok(name.to_owned()),
            false => Err(Invalid::new(format!("names `{name}`, and there is no such `[auth]`"), help)),
        }
    }

    /// Who decides whether requests go on.
    pub(super) fn authorize(&mut self, at: &KeyPath, written: Option<&schema::Authorize>) -> Option<Authorize> {
        let place = at;
        let (at, service, headers) = match written? {
            schema::Authorize::Service(name) if name == NONE => return Some(Authorize::Nobody),
            schema::Authorize::Service(name) => (at.clone(), name, &[][..]),
            schema::Authorize::Table(table) => (at.child("service"), table.service.as_ref()?, &table.headers[..]),
        };
        let known = self.services.contains(service);
        let near = nearest(service, self.services.iter().map(String::as_str));
        let help = near.map_or_else(
            || format!("the services are `{}`", self.services.join("`, `")),
            |near| format!("write \"{near}\""),
        );
        let unknown = Invalid::new(format!("names `{service}`, which is no service"), help);
        self.take(&at, if known { Ok(()) } else { Err(unknown) });
        let list = place.child("headers");
        let help = "write the name of a header field, as in \"x-tenant\"";
        let headers = self.list(&list, headers, |name| {
            name.parse::<HeaderName>().map_err(|_| Invalid::new("is no name of a header field", help))
        });
        Some(Authorize::Service { name: service.clone(), headers })
    }

    /// Where it is known who asks, each route is to say who may: that it is for everybody is not
    /// to be a slip.
    pub(super) fn is_guarded(&mut self, at: &KeyPath, route: &Route, own: &Policy, policy: &Policy) {
        let problem = |title: String| Problem::at(self.source, self.places.value(at), title).key(at);
        let asks_nobody = !matches!(policy.auth, Some(Asks::Known(_)));
        if policy.auth.is_none() && !self.auths.is_empty() {
            let title = format!("the route `{route}` does not say who may ask");
            let help = format!(
                "write `auth = \"{}\"`, or `auth = \"none\"` for everybody: in a table of the route's own, or in `http` of \
                 its service or of `[gateway]`",
                self.auths[0]
            );
            let problem = problem(title).help(help);
            self.problems.push(problem);
        } else if asks_nobody && own.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) {
            let title = format!("the route `{route}` asks for scopes of everybody, who has none");
            let problem = problem(title).help("say who may ask with `auth`, or leave `scopes` out");
            self.problems.push(problem);
        }
    }
}

fn nobody() -> Invalid {
    Invalid::new("is empty", "name those who may ask, or write \"none\" for everybody")
}

fn auth_name(name: &str) -> Result<(), Invalid> {
    match name {
        NONE => Err(Invalid::new("is what routes say that are for everybody", "give it another name")),
        name => names::service(name),
    }
}

/// An issuer is compared as it is written. Where it is asked for its keys it has TLS, or is on
/// this machine.
fn issuer(text: &str, has_file: bool) -> Result<(), Invalid> {
    filled(text, "write who makes the tokens, as their `iss` says it")?;
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Invalid::new("has spaces or other than ASCII characters", "write it as the tokens' `iss` says it"));
    }
    if has_file {
        return Ok(());
    }
    let help = "write its URL, as in \"https://login.example.com\", or the file of its keys as `keys`";
    let uri =
        text.parse::<Uri>().ok().filter(|uri| uri.host().is_some() && uri.query().is_none() && !text.contains('#'));
    let uri = uri.ok_or_else(|| Invalid::new("is no URL of an issuer, which could be asked for its keys", help))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Ok(()),
        Some(scheme) if *scheme == Scheme::HTTP && is_here => Ok(()),
        Some(scheme) if *scheme == Scheme::HTTP => {
            Err(Invalid::new("is without TLS: whoever is on the way could say what its keys are", help))
        }
        _ => Err(Invalid::new("is no URL of an issuer, which could be asked for its keys", help)),
    }
}
