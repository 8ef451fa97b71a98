//! What a composition asks of its host.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{ComposeError, Store};
use crate::{
    link::InterfaceName,
    manifest::{ServiceManifest, Setting},
};

/// What a composition asks of its host. Grants are those of the manifest, as far
/// as the composition has a use for them.
#[derive(Debug)]
pub struct Needs {
    /// Who keeps its buckets.
    pub store: Store,
    /// The interfaces it imports, by package: `wasi:http@0.2.12` and `types`.
    pub imports: BTreeMap<String, BTreeSet<String>>,
    /// The buckets it opens.
    pub buckets: BTreeSet<String>,
    /// What it reads through `wasi:config`.
    pub config: BTreeMap<String, Setting>,
    /// Its environment.
    pub env: BTreeMap<String, Setting>,
    /// The hosts it may send requests to.
    pub outbound: BTreeSet<String>,
}

impl Needs {
    /// What these services ask for together, by these interfaces of WASI.
    pub(super) fn of(
        interfaces: Vec<InterfaceName>,
        store: Store,
        services: &[&ServiceManifest],
    ) -> Result<Needs, ComposeError> {
        let mut needs = Needs {
            store,
            imports: BTreeMap::new(),
            buckets: BTreeSet::new(),
            config: BTreeMap::new(),
            env: BTreeMap::new(),
            outbound: BTreeSet::new(),
        };
        for interface in interfaces {
            if let Some((package, name)) = interface.path.split_once('/') {
                let version = interface.version.as_ref().map(|version| format!("@{version}")).unwrap_or_default();
                needs.imports.entry(format!("{package}{version}")).or_default().insert(name.into());
            }
        }
        if store != Store::Host || needs.has("wasi:keyvalue", "store") {
            needs.buckets = services.iter().flat_map(|service| service.buckets.clone()).collect();
        }
        if needs.has("wasi:config", "store") {
            needs.config = together("config", services.iter().map(|service| (&service.name, &service.config)))?;
        }
        if needs.has("wasi:cli", "environment") {
            needs.env = together("env", services.iter().map(|service| (&service.name, &service.env)))?;
        }
        if needs.has("wasi:http", "outgoing-handler") {
            let hosts = services.iter().flat_map(|service| &service.outbound);
            needs.outbound = hosts.map(|host| host.as_str().to_owned()).collect();
        }
        Ok(needs)
    }

    /// What it reads that is in files, with the table and the key of each. Other hosts do not
    /// read them.
    pub fn in_files(&self) -> impl Iterator<Item = (&'static str, &str, &Path)> {
        let tables = [("config", &self.config), ("env", &self.env)];
        let settings = tables.into_iter().flat_map(|(table, all)| all.iter().map(move |(key, it)| (table, key, it)));
        settings.filter_map(|(table, key, setting)| Some((table, key.as_str(), setting.file()?)))
    }

    /// Whether it imports this interface, in whatever version.
    pub fn has(&self, package: &str, interface: &str) -> bool {
        self.of_package(package).any(|interfaces| interfaces.contains(interface))
    }

    /// What it imports of a package.
    fn of_package(&self, package: &str) -> impl Iterator<Item = &BTreeSet<String>> {
        let imports = self.imports.iter();
        imports.filter(move |(name, _)| name.split('@').next() == Some(package)).map(|(_, interfaces)| interfaces)
    }

    /// The command that serves it, if it answers HTTP.
    pub fn wasmtime(&self, file: &str) -> String {
        let offered = [("wasi:cli", "cli"), ("wasi:keyvalue", "keyvalue"), ("wasi:config", "config")];
        let options = offered.iter().filter(|(package, _)| self.of_package(package).next().is_some());
        let options: Vec<_> = options.map(|(_, option)| *option).collect();
        let mut command = String::from("wasmtime serve");
        if !options.is_empty() {
            command.push_str(&format!(" -S {}", options.join(",")));
        }
        // Their values may be secrets, which are no more for a log than for the arguments
        // of a process. One of the environment is then taken from wasmtime's own.
        for key in self.config.keys() {
            command.push_str(&format!(" -S {}", quoted(&format!("config-var={key}=…"))));
        }
        for key in self.env.keys() {
            command.push_str(&format!(" --env {}", quoted(key)));
        }
        if self.store == Store::Fs {
            command.push_str(" --dir data::/data");
        }
        command.push_str(&format!(" {}", quoted(file)));
        command
    }
}

/// The tables of all services as one, which is what they see in one component.
fn together<'a>(
    table: &'static str,
    tables: impl Iterator<Item = (&'a String, &'a BTreeMap<String, Setting>)>,
) -> Result<BTreeMap<String, Setting>, ComposeError> {
    let mut all: BTreeMap<&String, (&String, &Setting)> = BTreeMap::new();
    for (service, entries) in tables {
        for (key, value) in entries {
            let (one, first) = *all.entry(key).or_insert((service, value));
            if first != value {
                let (one, other, key) = (one.clone(), service.clone(), key.clone());
                return Err(ComposeError::Differs { one, other, table, key });
            }
        }
    }
    Ok(all.into_iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect())
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(quoted("config-var=a=b"), "config-var=a=b");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
