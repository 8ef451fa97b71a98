//! The HTTP of an app as one document of OpenAPI 3.1, merged from those that its services
//! bring along.
//!
//! A service's document is its own affair, but that it describes what the service's routes
//! lead to. In the merged one every operation is tagged with its service, and what two
//! services mean differently by one name has the service's name before it. Nothing is looked
//! up elsewhere: a document refers to itself alone.

use std::{fs, io, path::Path};

use serde_json::{Map, Value, json};

use self::{description::Description, merged::Merged};
use crate::manifest::{Manifest, Problem, Report, ServiceManifest};

mod description;
mod merged;
#[cfg(test)]
mod tests;

/// The version that is written; every 3.1 is read.
const OPENAPI: &str = "3.1.1";

/// The longest document that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The document of all services that bring one along. `version` is that of the app's API.
///
/// # Errors
///
/// Everything that is wrong with the files, each at its key in the manifest.
pub fn document(manifest: &Manifest, version: &str) -> Result<Value, Report> {
    let (mut merged, mut problems) = (Merged::default(), Vec::new());
    for service in &manifest.services {
        let Some(path) = &service.openapi else { continue };
        let described = read(path).and_then(|value| Description::of(service, value));
        match described.and_then(|description| merged.add(&service.name, description)) {
            Ok(()) => {}
            Err(wrong) => problems.extend(wrong.0.into_iter().map(|fault| fault.at(manifest, service, path))),
        }
    }
    Report::new(problems).into_result()?;
    let Merged { paths, components, webhooks, tags, .. } = merged;
    let mut document = json!({
        "openapi": OPENAPI,
        "info": { "title": manifest.app, "version": version },
        "paths": paths,
    });
    for (key, value) in [("components", components), ("webhooks", webhooks)] {
        if !value.is_empty() {
            document[key] = value.into();
        }
    }
    document["tags"] = tags.into_iter().map(|tag| tag.described()).collect();
    Ok(document)
}

/// What is wrong with a service's document.
struct Fault {
    /// As the rest of a sentence that begins with the file.
    what: String,
    /// What would be right.
    help: String,
}

/// All that is.
struct Faults(Vec<Fault>);

impl Fault {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { what: what.into(), help: help.into() }
    }

    fn at(self, manifest: &Manifest, service: &ServiceManifest, path: &Path) -> Problem {
        let title = format!("the description `{}` {}", path.display(), self.what);
        manifest.problem(&service.name, Some("openapi"), title, self.help)
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Faults(vec![fault])
    }
}

/// The document in a file.
fn read(path: &Path) -> Result<Map<String, Value>, Faults> {
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Fault::new("is not there", "write the path of a file, from the manifest's folder"),
        _ => Fault::new(format!("cannot be read: {error}"), "let the host's user read it"),
    };
    let found = fs::metadata(path).map_err(unread)?;
    if !found.is_file() {
        return Err(Fault::new("is no file", "write the path of a file in JSON").into());
    }
    if found.len() > LONGEST {
        return Err(Fault::new("is longer than 16 MiB", "describe less of it").into());
    }
    let text = fs::read(path).map_err(unread)?;
    match serde_json::from_slice(&text) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(Fault::new("is no object of JSON", "write a document of OpenAPI 3.1").into()),
        Err(error) => {
            Err(Fault::new(format!("is not JSON: {error}"), "write it in JSON; what is in YAML can be converted")
                .into())
        }
    }
}
