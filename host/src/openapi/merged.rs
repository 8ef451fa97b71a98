//! What several services say, as one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Fault, Faults,
    description::{Description, METHODS},
};

/// The parts of a document, as far as they are merged.
#[derive(Default)]
pub(super) struct Merged {
    pub paths: Map<String, Value>,
    pub components: Map<String, Value>,
    pub webhooks: Map<String, Value>,
    pub tags: Vec<Tag>,
    /// By the id of an operation the service whose it is.
    ids: BTreeMap<String, String>,
    /// By path and method likewise.
    operations: BTreeMap<(String, String), String>,
}

/// A word by which operations are sorted, and what is said of it.
pub(super) struct Tag {
    name: String,
    said: Map<String, Value>,
}

/// A kind of component and the name of one.
type Place = (String, String);

impl Merged {
    /// Add what a service says. What others mean differently by a name of it is renamed.
    pub fn add(&mut self, service: &str, description: Description) -> Result<(), Faults> {
        let Description { paths, components, webhooks, tags } = description;
        let taken = self.taken(&components);
        let renamed: BTreeSet<Place> = if taken.iter().all(|place| self.is_same(place, &components)) {
            BTreeSet::new()
        } else {
            // Those that are alike as well: what they refer to may not be.
            taken
        };
        let rename = |value: &mut Value| rename(value, service, &renamed);
        for (kind, named) in components {
            let Value::Object(named) = named else { continue };
            let all = self.components.entry(kind.clone()).or_insert_with(|| json!({}));
            let Some(all) = all.as_object_mut() else { continue };
            for (name, mut component) in named {
                rename(&mut component);
                all.insert(new_name(service, &renamed, (&kind, &name)), component);
            }
        }
        for (name, mut hook) in webhooks {
            rename(&mut hook);
            let name = if self.webhooks.contains_key(&name) { format!("{service}.{name}") } else { name };
            self.webhooks.insert(name, hook);
        }
        let mut faults = Vec::new();
        for (path, mut item) in paths {
            rename(&mut item);
            if let Value::Object(item) = item {
                self.path(service, path, item, &mut faults);
            }
        }
        self.tags(service, tags);
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// The names of components that others have as well.
    fn taken(&self, components: &Map<String, Value>) -> BTreeSet<Place> {
        let kinds = components.iter().filter_map(|(kind, named)| Some((kind, named.as_object()?)));
        let places = kinds.flat_map(|(kind, named)| named.keys().map(move |name| (kind.clone(), name.clone())));
        places.filter(|place| at(&self.components, place).is_some()).collect()
    }

    fn is_same(&self, place: &Place, components: &Map<String, Value>) -> bool {
        at(&self.components, place) == at(components, place)
    }

    /// Add what is said of a path, beside what others have said of other methods.
    fn path(&mut self, service: &str, path: String, item: Map<String, Value>, faults: &mut Vec<Fault>) {
        if let Some(other) = self.paths.keys().find(|other| **other != path && shape(other) == shape(&path)) {
            let what = format!("names the parameters of {path} otherwise than `{other}` does");
            faults.push(Fault::new(what, "give them the same names: they are one path"));
        }
        for (field, value) in item {
            if METHODS.contains(&&*field) {
                let method = field.to_ascii_uppercase();
                if let Some(other) = self.operations.insert((path.clone(), field.clone()), service.to_owned()) {
                    let what = format!("describes {method} {path}, as that of service `{other}` does");
                    faults.push(Fault::new(what, "take it out of one of the two"));
                }
                self.id(service, &value, faults);
            } else if let Some(there) = self.paths.get(&path).and_then(|item| item.get(&field))
                && *there != value
            {
                let what = format!("says of {path} another `{field}` than that of another service");
                faults.push(Fault::new(what, "say it of each of its methods"));
            }
            let all = self.paths.entry(path.clone()).or_insert_with(|| json!({}));
            all[field] = value;
        }
    }

    /// Each operation has an id of its own, if it has one.
    fn id(&mut self, service: &str, operation: &Value, faults: &mut Vec<Fault>) {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { return };
        if let Some(other) = self.ids.insert(id.to_owned(), service.to_owned()) {
            let what = match other == service {
                true => format!("has the operationId `{id}` twice"),
                false => format!("has the operationId `{id}`, as that of service `{other}` has"),
            };
            faults.push(Fault::new(what, "give each operation an id of its own"));
        }
    }

    /// The service's own tag, and those that its document speaks of.
    fn tags(&mut self, service: &str, tags: Vec<Value>) {
        let own = Tag { name: service.to_owned(), said: Map::new() };
        let said = tags.into_iter().filter_map(|tag| {
            let Value::Object(said) = tag else { return None };
            Some(Tag { name: said.get("name")?.as_str()?.to_owned(), said })
        });
        for tag in [own].into_iter().chain(said) {
            match self.tags.iter_mut().find(|other| other.name == tag.name) {
                // The first that says something is heard.
                Some(other) if other.said.is_empty() => other.said = tag.said,
                Some(_) => {}
                None => self.tags.push(tag),
            }
        }
    }
}

impl Tag {
    /// The tag as a document has it.
    pub fn described(self) -> Value {
        let Tag { name, mut said } = self;
        said.insert("name".to_owned(), name.into());
        said.into()
    }
}

/// A path without the names of its parameters, of which every second part is one.
fn shape(path: &str) -> String {
    path.split(['{', '}']).enumerate().map(|(place, part)| if place % 2 == 0 { part } else { "{}" }).collect()
}

fn at<'a>(components: &'a Map<String, Value>, (kind, name): &Place) -> Option<&'a Value> {
    components.get(kind)?.get(name)
}

/// What a component of a service is called now.
fn new_name(service: &str, renamed: &BTreeSet<Place>, (kind, name): (&str, &str)) -> String {
    match renamed.contains(&(kind.to_owned(), name.to_owned())) {
        true => format!("{service}.{name}"),
        false => name.to_owned(),
    }
}

/// Have all that refers to a component say what it is called now: references, and the names
/// of security schemes.
fn rename(value: &mut Value, service: &str, renamed: &BTreeSet<Place>) {
    if renamed.is_empty() {
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, service, renamed)),
        Value::String(text) => {
            // Those of a discriminator's mapping have no key of their own.
            let place = text.strip_prefix("#/components/").and_then(|rest| rest.split_once('/'));
            if let Some((kind, rest)) = place {
                let (name, deeper) =
                    rest.split_once('/').map_or((rest, String::new()), |(name, it)| (name, format!("/{it}")));
                *text = format!("#/components/{kind}/{}{deeper}", new_name(service, renamed, (kind, name)));
            }
        }
        Value::Object(fields) => {
            for (field, value) in fields.iter_mut() {
                if field == "security" && value.is_array() {
                    required(value, service, renamed);
                } else {
                    rename(value, service, renamed);
                }
            }
        }
        _ => {}
    }
}

/// The requirements of an operation name security schemes.
fn required(security: &mut Value, service: &str, renamed: &BTreeSet<Place>) {
    for requirement in security.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        *requirement = std::mem::take(requirement)
            .into_iter()
            .map(|(name, scopes)| (new_name(service, renamed, ("securitySchemes", &name)), scopes))
            .collect();
    }
}
