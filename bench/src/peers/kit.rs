//! The servers that are compared, as far as they are installed.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    elsewhere,
    flask::Flask,
    here::{app, durable_shop, fresh_shop, native, native_over_rest, plain, shop},
    peer::Peer,
};
use crate::{
    components,
    host::{self, App},
    tools,
};

/// Names of servers, as they are printed and as ratios are asked for.
pub const NATIVE: &str = "native";
pub const REST: &str = "native over REST";
pub const FLASK: &str = "Flask over REST";
pub const WASMTIME: &str = "wasmtime serve";
pub const WASMTIME_REUSING: &str = "wasmtime serve, reusing";
pub const WASMTIME_FILES: &str = "wasmtime, files";
pub const WASMTIME_FILES_REUSING: &str = "wasmtime, files, reusing";
pub const WASH: &str = "wash dev, composed";
pub const WASH_LINKED: &str = "wash dev, linked";
pub const DOVETAIL: &str = "dovetail";
pub const DOVETAIL_SQLITE: &str = "dovetail, sqlite:";
pub const DOVETAIL_FRESH: &str = "dovetail, reuse = 1";

/// What makes `wasmtime serve` reuse instances.
const REUSING: &[&str] = &["--max-instance-reuse-count", "1000"];

/// What there is to measure.
pub struct Kit {
    wasmtime: Option<PathBuf>,
    wash: Option<PathBuf>,
    flask: Option<Flask>,
    /// The services that keep nothing, as an app and composed.
    plain: App,
    plain_composed: PathBuf,
    /// The shop, composed: with its buckets in files, and with those of its host.
    shop_in_files: PathBuf,
    shop_composed: PathBuf,
    /// They hold what was composed.
    _apps: [App; 2],
}

impl Kit {
    /// Look for others' servers, say which are not there, and compose what they serve.
    pub fn assemble() -> Result<Kit> {
        let (wasmtime, wash) = (tools::find("wasmtime"), tools::find("wash"));
        for (name, tool) in [("wasmtime serve", &wasmtime), ("wash dev", &wash)] {
            if tool.is_none() {
                println!("left out: {name} is not installed; `.ci/tools` does it");
            }
        }
        let flask = Flask::find();
        if let Err(error) = &flask {
            println!("left out: Flask could not be installed: {error:#}");
        }
        let (plain, in_files, shop) = (App::new(&plain(""))?, App::new(&host::shop()?)?, App::new(&host::shop()?)?);
        Ok(Kit {
            wasmtime,
            wash,
            flask: flask.ok(),
            plain_composed: plain.compose(&["order"])?,
            plain,
            shop_in_files: in_files.compose(&["--store", "fs", "--events", "call"])?,
            shop_composed: shop.compose(&["--events", "call"])?,
            _apps: [in_files, shop],
        })
    }

    /// The versions of others' servers.
    pub fn versions(&self) -> Vec<String> {
        let hosts = [&self.wasmtime, &self.wash].into_iter().flatten().filter_map(|tool| tools::version(tool));
        hosts.chain(self.flask.as_ref().and_then(Flask::version)).collect()
    }

    /// Those that answer for users.
    pub fn users(&self) -> Result<Vec<Peer>> {
        let mut peers = vec![native(NATIVE, &["memory"]), shop()?, durable_shop()?];
        peers.push(fresh_shop()?);
        peers.extend(self.wasmtime(WASMTIME_FILES, &self.shop_in_files, &[]));
        peers.extend(self.wasmtime(WASMTIME_FILES_REUSING, &self.shop_in_files, REUSING));
        peers.extend(self.wash(WASH, &self.shop_composed, None));
        peers.extend(self.flask.as_ref().map(|flask| flask.user("Flask")));
        Ok(peers)
    }

    /// Those that take orders, and keep them in memory.
    pub fn orders(&self) -> Result<Vec<Peer>> {
        let mut peers = vec![native(NATIVE, &["memory"]), native_over_rest(true), shop()?, fresh_shop()?];
        peers.extend(self.wash(WASH, &self.shop_composed, None));
        peers.extend(self.flask.as_ref().map(|flask| flask.order(FLASK)));
        Ok(peers)
    }

    /// Those that take orders, with many clients.
    pub fn crowded(&self) -> Result<Vec<Peer>> {
        Ok(vec![native(NATIVE, &["memory"]), native_over_rest(true), shop()?])
    }

    /// Those that take orders, and keep nothing.
    pub fn plain(&self) -> Result<Vec<Peer>> {
        let mut peers = vec![native(NATIVE, &["nothing"]), native_over_rest(false)];
        peers.push(app(DOVETAIL, self.plain.clone(), "memory:"));
        peers.push(app(DOVETAIL_FRESH, App::new(&plain("limits.reuse = 1"))?, "memory:"));
        peers.extend(self.wasmtime(WASMTIME, &self.plain_composed, &[]));
        peers.extend(self.wasmtime(WASMTIME_REUSING, &self.plain_composed, REUSING));
        peers.extend(self.wash(WASH, &self.plain_composed, None));
        let user = components::file("plain_user");
        peers.extend(self.wash(WASH_LINKED, &components::file("plain_order"), Some(user)));
        Ok(peers)
    }

    /// Those that send a body back.
    pub fn echo(&self) -> Result<Vec<Peer>> {
        let mut peers = vec![native(NATIVE, &["nothing"]), app(DOVETAIL, self.plain.clone(), "memory:")];
        peers.extend(self.wasmtime(WASMTIME, &self.plain_composed, &[]));
        peers.extend(self.wasmtime(WASMTIME_REUSING, &self.plain_composed, REUSING));
        Ok(peers)
    }

    /// Those that answer for users in WASI 0.3.
    pub fn wasi03(&self) -> Result<Vec<Peer>> {
        let component = components::file("plain_user_async");
        let manifest = format!(
            "[app]\nname = \"plain\"\n[service.user]\ncomponent = \"{}\"\nroutes = [\"/users/{{id}}\"]\n",
            component.display()
        );
        let mut peers = vec![native(NATIVE, &["nothing"]), app(DOVETAIL, App::new(&manifest)?, "memory:")];
        // As many calls at once as an instance has there by default.
        let sharing = App::new(&(manifest + "limits.concurrency = 16\n"))?;
        peers.push(app("dovetail, concurrency = 16", sharing, "memory:"));
        peers.extend(self.wasmtime(WASMTIME, &component, &[]));
        peers.extend(self.wash("wash dev", &component, None));
        Ok(peers)
    }

    fn wasmtime(&self, name: &'static str, component: &Path, options: &'static [&str]) -> Option<Peer> {
        let wasmtime = self.wasmtime.as_deref()?;
        Some(elsewhere::wasmtime(name, wasmtime, component.to_owned(), options))
    }

    fn wash(&self, name: &'static str, component: &Path, user: Option<PathBuf>) -> Option<Peer> {
        Some(elsewhere::wash(name, self.wash.as_deref()?, component.to_owned(), user))
    }
}
