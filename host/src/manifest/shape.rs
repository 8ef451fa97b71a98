//! Whether a manifest has the keys and types that its schema has.
//!
//! The schema is walked beside the document. What does not fit is reported and
//! taken out, so that serde can read the rest, and the place of all else is
//! written down. Serde alone would stop at the first misfit.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Problem;
use super::key::{KeyPath, Places};
use super::nearest::nearest;
use super::report::Source;
use super::schema::json_schema;

mod example;
mod kind;

use example::{bounds, example, mended};
use kind::{admits, expected, found, kind, plural};

/// Leaves in `document` only what its schema allows.
pub(super) fn prune(document: &mut DeTable<'_>, source: &Source) -> (Places, Vec<Problem>) {
    let mut shape = Shape { source, places: Places::default(), problems: Vec::new() };
    shape.table(document, &KeyPath::root(), &json_schema());
    (shape.places, shape.problems)
}

struct Shape<'a> {
    source: &'a Source,
    places: Places,
    problems: Vec<Problem>,
}

impl Shape<'_> {
    fn table<'i>(&mut self, table: &mut DeTable<'i>, at: &KeyPath, schema: &Value) {
        self.missing(table, at, schema);
        for (key, mut value) in std::mem::replace(table, DeTable::new()) {
            let at = at.child(key.get_ref());
            let Some(schema) = entry(schema, key.get_ref()) else {
                self.unknown(&key, &at, schema);
                continue;
            };
            self.places.insert(at.clone(), key.span(), value.span());
            if self.value(&mut value, &at, schema) {
                table.insert(key, value);
            }
        }
    }

    /// Whether `value`, or what is left of it, can stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, at: &KeyPath, schema: &Value) -> bool {
        let span = value.span();
        match value.get_mut() {
            DeValue::Table(table) if admits(schema, "object") => self.table(table, at, schema),
            DeValue::Array(array) if admits(schema, "array") => self.array(array, at, schema),
            DeValue::String(_) if admits(schema, "string") => {}
            DeValue::Boolean(_) if admits(schema, "boolean") => {}
            DeValue::Integer(number) if admits(schema, "integer") => {
                // As many as serde, and TOML, have room for.
                if i64::from_str_radix(number.as_str(), number.radix()).is_err() {
                    let what = if number.as_str().starts_with('-') { "small" } else { "large" };
                    let help = bounds(schema).unwrap_or_else(|| example("write, for example,", at, schema));
                    self.report(Some(span), at, format!("`{at}` is too {what}"), help);
                    return false;
                }
            }
            other => {
                let title = format!("`{at}` is {}, not {}", found(other), expected(schema));
                self.report(Some(span), at, title, mended(at, schema, other));
                return false;
            }
        }
        true
    }

    fn array<'i>(&mut self, array: &mut DeArray<'i>, at: &KeyPath, schema: &Value) {
        let items = &schema["items"];
        for mut item in std::mem::replace(array, DeArray::new()) {
            let span = item.span();
            if !admits(items, kind(item.get_ref())) {
                let found = found(item.get_ref());
                let title = format!("`{at}` holds {found}, but takes {} alone", plural(items));
                let help = example("write, for example,", at, schema);
                self.report(Some(span), at, title, help);
                continue;
            }
            // Numbered as serde will see them, without those taken out.
            let at = at.child(array.len());
            self.places.insert(at.clone(), span.clone(), span);
            if self.value(&mut item, &at, items) {
                array.push(item);
            }
        }
    }

    fn missing(&mut self, table: &DeTable<'_>, at: &KeyPath, schema: &Value) {
        let here = self.places.value(at);
        if table.is_empty() && schema.get("minProperties").is_some() {
            let help = example("add", at, schema);
            self.report(here.clone(), at, format!("`{at}` is empty"), help);
        }
        let required = schema["required"].as_array().into_iter().flatten();
        for key in required.filter_map(Value::as_str).filter(|key| !table.contains_key(*key)) {
            let path = at.child(key);
            let schema = &schema["properties"][key];
            let help = example("add", &path, schema);
            let (kind, help) = match admits(schema, "object") {
                true => ("table", help),
                // What is in a list has no name.
                false if at.last().parse::<usize>().is_ok() => ("key", help),
                false => ("key", format!("{help} to `[{at}]`")),
            };
            self.report(here.clone(), &path, format!("the {kind} `{path}` is missing"), help);
        }
    }

    fn unknown(&mut self, key: &Spanned<Cow<'_, str>>, at: &KeyPath, schema: &Value) {
        let Some(known) = schema["properties"].as_object() else {
            return;
        };
        let names: Vec<String> = known.keys().map(|key| format!("`{key}`")).collect();
        let problem = Problem::at(self.source, Some(key.span()), format!("there is no key `{at}`"))
            .key(at)
            .help(format!("known here: {}", names.join(", ")));
        self.problems.push(match meant(key.get_ref(), known) {
            Some(meant) => problem.label(format!("did you mean `{meant}`?")),
            None => problem,
        });
    }

    fn report(&mut self, span: Option<Range<usize>>, at: &KeyPath, title: String, help: String) {
        self.problems.push(Problem::at(self.source, span, title).key(at).help(help));
    }
}

/// The schema of the value under `key` in a table of this `schema`.
fn entry<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    let named = schema["properties"].get(key);
    named.or_else(|| schema.get("additionalProperties").filter(|other| other.is_object()))
}

/// The known key that was probably meant: a near one here, or one in a table below.
fn meant(key: &str, known: &Map<String, Value>) -> Option<String> {
    if let Some(near) = nearest(key, known.keys().map(String::as_str)) {
        return Some(near.to_owned());
    }
    let below = |(table, schema): (&String, &Value)| {
        let inner = schema["properties"].as_object()?;
        let near = nearest(key, inner.keys().map(String::as_str))?;
        Some(format!("{table}.{near}"))
    };
    known.iter().find_map(below)
}
