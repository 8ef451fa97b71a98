//! Servers of this repository: the host with an app, and native shops.

use anyhow::Result;

use super::{
    kit,
    peer::{Peer, Serving},
};
use crate::{
    components,
    host::{self, App},
    native::Child,
};

/// The shop, in memory.
pub fn shop() -> Result<Peer> {
    Ok(app(kit::DOVETAIL, App::new(&host::shop()?)?, "memory:"))
}

/// The shop, in SQLite.
pub fn durable_shop() -> Result<Peer> {
    let app = App::new(&host::shop()?)?;
    Ok(Peer::new(kit::DOVETAIL_SQLITE, move || app.up(&app.file_store())))
}

/// The shop, in memory, with a fresh instance for each call.
pub fn fresh_shop() -> Result<Peer> {
    let manifest: String = host::shop()?
        .lines()
        .map(|line| match line.starts_with("component = ") {
            true => format!("{line}\nlimits.reuse = 1\n"),
            false => format!("{line}\n"),
        })
        .collect();
    Ok(app(kit::DOVETAIL_FRESH, App::new(&manifest)?, "memory:"))
}

/// The manifest of the services that keep nothing, with this for each of them.
pub fn plain(more: &str) -> String {
    let [user, order] = ["plain_user", "plain_order"].map(|name| components::file(name).display().to_string());
    format!(
        r#"
[app]
name = "plain"
[service.user]
component = "{user}"
routes = ["/users/{{id}}"]
{more}
[service.order]
component = "{order}"
routes = ["/orders", "/echo"]
{more}
"#
    )
}

/// An app, with its data in this store.
pub fn app(name: &'static str, app: App, store: &'static str) -> Peer {
    Peer::new(name, move || app.up(store))
}

/// A native shop, as these arguments of `native` say.
pub fn native(name: &'static str, arguments: &'static [&str]) -> Peer {
    Peer::new(name, move || Child::up(arguments))
}

/// Two native services, one of which asks the other, and keeps what it takes or not.
pub fn native_over_rest(keeping: bool) -> Peer {
    Peer::new(kit::REST, move || {
        let user = Child::up(&["user"])?;
        let users = user.gateway.to_string();
        let order = match keeping {
            true => Child::up(&["order", &users])?,
            false => Child::up(&["order", &users, "--forget"])?,
        };
        Ok(Serving { gateway: order.gateway, processes: vec![order.process, user.process] })
    })
}
