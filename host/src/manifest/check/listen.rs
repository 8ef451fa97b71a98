//! Where a host listens, and that nobody there takes what is another's.

use super::Checker;
use crate::manifest::{Invalid, ListenAddress, Problem, key::KeyPath, listen_address, redirect_address, schema::List};

/// What those are called who listen.
const GATEWAY: &str = "the gateway";
const ADMIN: &str = "the admin API";

impl Checker<'_> {
    /// The addresses of the gateway, each with its place.
    pub(super) fn listens(&mut self, listen: List<String>) -> Vec<(KeyPath, ListenAddress)> {
        let at = KeyPath::root().child("gateway").child("listen");
        match listen {
            List::One(text) => self.take(&at, listen_address(&text)).map(|it| (at, it)).into_iter().collect(),
            List::Several(texts) if texts.is_empty() => {
                let help = "write an address, as in `listen = \"127.0.0.1:8080\"`, or leave the key out";
                self.take::<()>(&at, Err(Invalid::new("is empty", help)));
                Vec::new()
            }
            List::Several(texts) => {
                let mut read = Vec::new();
                for (index, text) in texts.iter().enumerate() {
                    let address = self.take_item(&at, index, text, listen_address(text));
                    read.extend(address.map(|address| (at.child(index), address)));
                }
                read
            }
        }
    }

    /// Where plain HTTP is answered, which is of use beside TLS alone.
    pub(super) fn redirect(&mut self, redirect: Option<String>, has_tls: bool) -> Option<ListenAddress> {
        let (at, text) = (KeyPath::root().child("gateway").child("redirect"), redirect?);
        if !has_tls {
            let problem = self.problem(&at, "`gateway.redirect` sends everybody to TLS, which is not spoken");
            let help =
                "add `tls = { certificate = \"shop.pem\", key = \"shop.key\" }` to `[gateway]`, or leave this out";
            self.problems.push(problem.help(help));
        }
        self.take(&at, redirect_address(&text))
    }

    /// Nobody who listens can have the port of another.
    pub(super) fn apart(
        &mut self,
        gateway: &[(KeyPath, ListenAddress)],
        redirect: Option<&ListenAddress>,
        admin: Option<&ListenAddress>,
    ) {
        let at = |table, key| KeyPath::root().child(table).child(key);
        let gateway = gateway.iter().map(|(at, address)| (at.clone(), address, GATEWAY));
        let redirect = redirect.map(|address| (at("gateway", "redirect"), address, "the redirect"));
        let admin = admin.map(|address| (at("admin", "listen"), address, ADMIN));
        let all: Vec<_> = gateway.chain(redirect).chain(admin).collect();
        for (place, (at, address, whose)) in all.iter().enumerate() {
            let before = all[..place].iter().find(|(_, before, _)| before.clashes(address));
            if let Some((before, _, owner)) = before {
                self.problems.push(self.same_port((before, owner), (at, whose)));
            }
        }
    }

    fn same_port(&self, (before, owner): (&KeyPath, &str), (at, whose): (&KeyPath, &str)) -> Problem {
        if owner == whose {
            let problem = self.problem(at, format!("{whose} is to listen twice on this port"));
            let problem = problem.other(self.places.value(before), "here already");
            return problem.help("leave one of them out, or give it another port");
        }
        let title = format!("{owner} and {whose} cannot both have this port");
        let problem = match (self.places.value(before), self.places.value(at)) {
            (there, Some(here)) => {
                Problem::at(self.source, Some(here), title).key(at).other(there, format!("{owner}'s"))
            }
            (here, None) => Problem::at(self.source, here, title)
                .key(before)
                .label(format!("also {whose}'s, unless `{at}` says otherwise")),
        };
        problem.help("give one of them another port, or port 0 for a free one")
    }
}
