//! What Spin has and wants: the interfaces it offers, and its manifest.
//!
//! Read in Spin's source of August 2026 (4.1). Its linker takes any 0.2 of WASI for
//! any other.

use super::{ComposeError, Needs};
use crate::{link::InterfaceName, manifest::Setting};

/// Begins a manifest that we wrote, and may write again.
pub const MARK: &str = "# Written by `dovetail compose --target spin`.";

/// The packages that Spin offers to a component of WASI 0.2.
const PACKAGES: [&str; 8] = [
    "wasi:cli@0.2.6",
    "wasi:clocks@0.2.6",
    "wasi:filesystem@0.2.6",
    "wasi:http@0.2.6",
    "wasi:io@0.2.6",
    "wasi:keyvalue@0.2.0-draft2",
    "wasi:random@0.2.6",
    "wasi:sockets@0.2.6",
];

/// See that Spin offers all of these.
pub(super) fn check(imports: &[InterfaceName]) -> Result<(), ComposeError> {
    let Some(missing) = imports.iter().find(|import| !PACKAGES.iter().any(|package| import.is_of(package))) else {
        return Ok(());
    };
    let (package, _) = missing.path.split_once('/').unwrap_or((&missing.path, ""));
    let offered = PACKAGES.iter().find(|offered| offered.split('@').next() == Some(package));
    Err(ComposeError::NotOnSpin {
        interface: missing.to_string(),
        package: package.into(),
        offered: offered.map_or("nothing that goes with it".into(), |offered| format!("`{offered}`")),
    })
}

/// The manifest, `spin.toml`, that runs a composition from this file.
pub fn manifest(app: &str, file: &str, needs: &Needs) -> String {
    let id = component_id(app);
    let mut text = format!("{MARK}\nspin_manifest_version = 2\n\n[application]\nname = {}\n", string(app));
    text.push_str(&format!("\n[[trigger.http]]\nroute = \"/...\"\ncomponent = {}\n", string(&id)));
    text.push_str(&format!("\n[component.{id}]\nsource = {}\n", string(file)));
    if !needs.buckets.is_empty() {
        // All buckets lie in this one: see the adapter.
        text.push_str("key_value_stores = [\"default\"]\n");
    }
    let hosts: Vec<_> = needs.outbound.iter().flat_map(|host| hosts(host)).map(|host| string(&host)).collect();
    if !hosts.is_empty() {
        text.push_str(&format!("allowed_outbound_hosts = [{}]\n", hosts.join(", ")));
    }
    if !needs.env.is_empty() {
        text.push_str(&format!("\n[component.{id}.environment]\n"));
        for (key, setting) in &needs.env {
            let key = string(key);
            text.push_str(&match setting {
                Setting::Written(value) => format!("{key} = {}\n", string(value.reveal())),
                Setting::File(path) => {
                    format!("# {key} is in {}, which Spin does not read.\n", string(&path.to_string_lossy()))
                }
            });
        }
    }
    text
}

/// A host of ours as Spin writes it: with a scheme, and by default with its port.
fn hosts(host: &str) -> Vec<String> {
    match host.contains("://") {
        true => vec![host.into()],
        false => ["http", "https"].map(|scheme| format!("{scheme}://{host}")).into(),
    }
}

/// The app's name, if Spin takes it for a component's: words of lower-case letters
/// and digits, each beginning with a letter, joined by `-`.
fn component_id(app: &str) -> String {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if app.split('-').all(is_word) { app.into() } else { "app".into() }
}

/// A string of TOML, whose escapes are those of JSON.
fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_with_a_scheme() {
        assert_eq!(hosts("*.example.com"), ["http://*.example.com", "https://*.example.com"]);
        assert_eq!(hosts("https://[::1]:8080"), ["https://[::1]:8080"]);
    }

    #[test]
    fn an_app_names_its_component_where_spin_takes_the_name() {
        assert_eq!(component_id("shop-2go"), "app");
        assert_eq!(component_id("shop-v2"), "shop-v2");
        assert_eq!(component_id("my_shop"), "app");
    }
}
