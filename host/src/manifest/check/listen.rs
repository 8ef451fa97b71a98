//! Who listens in a host: the gateway and the admin API, and that nobody there takes what is
//! another's.

use ipnet::IpNet;

use super::Checker;
use crate::manifest::{
    AdminManifest, GatewayManifest, Invalid, ListenAddress, Problem, admin_address,
    key::KeyPath,
    listen_address, network, redirect_address,
    schema::{Admin, Gateway, List},
};

/// What those are called who listen.
const GATEWAY: &str = "the gateway";
const ADMIN: &str = "the admin API";

impl Checker<'_> {
    /// The gateway, and the places of the addresses at which it listens.
    pub(super) fn gateway(&mut self, gateway: Gateway) -> (Vec<KeyPath>, GatewayManifest) {
        let (places, listen) = self.listens(gateway.listen).into_iter().unzip();
        let redirect = self.redirect(gateway.redirect, gateway.tls.is_some());
        let tls = gateway.tls.and_then(|pairs| self.tls(pairs));
        let trusted = self.trusted(&gateway.trusted);
        let policy = self.policy(&KeyPath::root().child("gateway").child("http"), &gateway.http);
        let routes = self.gateway_routes(gateway.routes, &policy);
        let proxy_protocol = gateway.proxy_protocol;
        (places, GatewayManifest { listen, tls, redirect, trusted, proxy_protocol, policy, routes })
    }

    /// The admin API, if it can listen where it is to.
    pub(super) fn admin(&mut self, admin: Admin) -> Option<AdminManifest> {
        let at = |key| KeyPath::root().child("admin").child(key);
        let asks = admin.token_file.is_some() || admin.tls.as_ref().is_some_and(|tls| tls.clients.is_some());
        let tls = admin.tls.and_then(|tls| self.admin_tls(tls));
        let listen = self.take(&at("listen"), admin_address(&admin.listen, asks));
        let token_file = admin.token_file.and_then(|path| self.path(&at("token_file"), &path, "write the file's path"));
        Some(AdminManifest { listen: listen?, tls, token_file })
    }

    /// Where the proxies are that the gateway believes.
    fn trusted(&mut self, written: &[String]) -> Vec<IpNet> {
        let at = KeyPath::root().child("gateway").child("trusted");
        let read = written.iter().enumerate();
        read.filter_map(|(index, text)| self.take_item(&at, index, text, network::network(text))).collect()
    }

    /// The addresses of the gateway, each with its place.
    fn listens(&mut self, listen: List<String>) -> Vec<(KeyPath, ListenAddress)> {
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
    fn redirect(&mut self, redirect: Option<String>, has_tls: bool) -> Option<ListenAddress> {
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
    pub(super) fn apart(&mut self, places: &[KeyPath], gateway: &GatewayManifest, admin: Option<&ListenAddress>) {
        let at = |table, key| KeyPath::root().child(table).child(key);
        let listens = places.iter().zip(&gateway.listen).map(|(at, address)| (at.clone(), address, GATEWAY));
        let redirect = gateway.redirect.as_ref().map(|address| (at("gateway", "redirect"), address, "the redirect"));
        let admin = admin.map(|address| (at("admin", "listen"), address, ADMIN));
        let all: Vec<_> = listens.chain(redirect).chain(admin).collect();
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
