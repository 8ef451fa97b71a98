//! Where a host listens, and that nobody there takes what is another's.

use super::Checker;
use crate::manifest::{Invalid, ListenAddress, Problem, key::KeyPath, listen_address, schema::List};

/// What is said of two that cannot both listen where they are to.
const APART: &str = "give one of them another port, or port 0 for a free one";

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

    /// Nobody who listens can have the port of another.
    pub(super) fn apart(&mut self, gateway: &[(KeyPath, ListenAddress)], admin: Option<&ListenAddress>) {
        for (place, (at, address)) in gateway.iter().enumerate() {
            if let Some((before, _)) = gateway[..place].iter().find(|(_, before)| before.clashes(address)) {
                let problem = self.problem(at, "the gateway is to listen twice on this port");
                let problem = problem.other(self.places.value(before), "here already");
                self.problems.push(problem.help("leave one of them out, or give it another port"));
            }
            if admin.is_some_and(|admin| address.clashes(admin)) {
                let problem = self.same_port(at, &KeyPath::root().child("admin").child("listen"));
                self.problems.push(problem.help(APART));
            }
        }
    }

    /// The gateway and the admin API have one.
    fn same_port(&self, gateway: &KeyPath, admin: &KeyPath) -> Problem {
        let title = "the gateway and the admin API cannot both have this port";
        match (self.places.value(gateway), self.places.value(admin)) {
            (there, Some(here)) => Problem::at(self.source, Some(here), title).key(admin).other(there, "the gateway's"),
            (here, None) => Problem::at(self.source, here, title)
                .key(gateway)
                .label("also the admin API's, unless `admin.listen` says otherwise"),
        }
    }
}
