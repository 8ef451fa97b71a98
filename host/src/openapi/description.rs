//! What one service says of its HTTP.

use route::{Asked, Routes};
use serde_json::{Map, Value, json};

use super::{Fault, Faults};
use crate::manifest::ServiceManifest;

/// The fields of a path that are operations.
pub(super) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A document of OpenAPI 3.1 that refers to itself alone and describes what its service's
/// routes lead to.
#[derive(Default)]
pub(super) struct Description {
    pub paths: Map<String, Value>,
    /// By kind, then by name.
    pub components: Map<String, Value>,
    pub webhooks: Map<String, Value>,
    pub tags: Vec<Value>,
}

impl Description {
    /// What a service's document says, in which what holds for all operations is said of each.
    pub fn of(service: &ServiceManifest, mut document: Map<String, Value>) -> Result<Description, Faults> {
        let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if !version.starts_with("3.1.") {
            let what = match version {
                "" => "does not say which OpenAPI it is".to_owned(),
                other => format!("is of OpenAPI {other}"),
            };
            return Err(
                Fault::new(what, format!("write `\"openapi\": \"{}\"`, and what that has", super::OPENAPI)).into()
            );
        }
        let mut faults = Vec::new();
        refer_to_itself(&Value::Object(document.clone()), &mut faults);
        let mut table = |key: &str| match document.remove(key) {
            Some(Value::Object(table)) => table,
            None | Some(_) => Map::new(),
        };
        let (paths, components, webhooks) = (table("paths"), table("components"), table("webhooks"));
        let security = document.remove("security");
        let tags = document.remove("tags").and_then(|tags| tags.as_array().cloned()).unwrap_or_default();
        let mut description = Description { paths, components, webhooks, tags };
        for (path, method, operation) in description.operations() {
            if let Some(security) = &security {
                operation.entry("security").or_insert_with(|| security.clone());
            }
            let tags = operation.entry("tags").or_insert_with(|| json!([]));
            if tags.as_array().is_some_and(Vec::is_empty) {
                *tags = json!([service.name]);
            }
            if !leads_to(service, &path, method) {
                let method = method.to_ascii_uppercase();
                let what = format!("describes {method} {path}, which no route of the service leads to");
                faults.push(Fault::new(what, "add a route for it, or take it out"));
            }
        }
        if faults.is_empty() { Ok(description) } else { Err(Faults(faults)) }
    }

    /// The operations, each with its path and its method in lower case.
    fn operations(&mut self) -> impl Iterator<Item = (String, &'static str, &mut Map<String, Value>)> {
        self.paths.iter_mut().flat_map(|(path, item)| {
            let fields = item.as_object_mut().into_iter().flatten();
            fields.filter_map(|(field, operation)| {
                let method = METHODS.into_iter().find(|method| method == field)?;
                Some((path.clone(), method, operation.as_object_mut()?))
            })
        })
    }
}

/// Whether a service is asked for this path, with anything in place of its parameters, by
/// somebody who has the host and the header fields that its routes ask for.
fn leads_to(service: &ServiceManifest, path: &str, method: &str) -> bool {
    // What the gateway answers itself is not the service's.
    let own = service.routes.iter().filter(|it| it.content.is_none());
    let routes: Routes<()> = own.map(|it| (it.route.anywhere(), ())).collect();
    let mut target = String::new();
    for (index, part) in path.split(['{', '}']).enumerate() {
        // Every second part is the name of a parameter.
        target.push_str(if index % 2 == 0 { part } else { "x" });
    }
    let asked = Asked { method: &method.to_ascii_uppercase(), host: "", target: &target, has: &|_, _| true };
    routes.choose(&asked).is_ok()
}

/// Notes each reference that leads out of the document.
fn refer_to_itself(value: &Value, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref").filter(|it| !is_local(it)) {
                let what = format!("refers to `{reference}`, which is elsewhere");
                faults.push(Fault::new(what, "put it under `components`, and refer to it by \"#/components/…\""));
            }
            fields.values().for_each(|value| refer_to_itself(value, faults));
        }
        Value::Array(values) => values.iter().for_each(|value| refer_to_itself(value, faults)),
        _ => {}
    }
}

fn is_local(reference: &Value) -> bool {
    reference.as_str().is_none_or(|reference| reference.starts_with('#'))
}
