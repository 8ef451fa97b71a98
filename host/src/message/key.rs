//! What keeps events in order: a value among their arguments.

use std::{fmt, str::FromStr};

use wasmtime::component::Val;

use super::{Field, Params, WitType};

#[cfg(test)]
mod tests;

/// The way to a key as a manifest has it, `order.user-id`: a parameter, then
/// fields of records, or places in tuples by their number from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath(Vec<Box<str>>);

/// A key of the events of one function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Of the parameter, then of fields.
    places: Vec<usize>,
}

/// Why a function has no such key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each has its text")]
pub enum NoKey {
    #[error("`{0}` is no key: write a parameter, and fields after dots, as in \"order.user-id\"")]
    Syntax(String),
    #[error("{at} has {}, and no `{name}`", and(.known))]
    Unknown { at: String, known: Vec<String>, name: String },
    #[error("{at} is of type {ty}, in which no value has a place of its own")]
    NoFields { at: String, ty: WitType },
    #[error("{at} is of type {ty}, and a key is a bool, an integer, a char, a string or an enum")]
    Type { at: String, ty: WitType },
}

impl KeyPath {
    /// The key of events of a function with these parameters.
    pub fn resolve(&self, params: &Params) -> Result<Key, NoKey> {
        let KeyPath(names) = self;
        let Some((first, rest)) = names.split_first() else { return Err(NoKey::Syntax(String::new())) };
        let (place, mut ty) = find("the function".into(), &params.fields, first)?;
        let mut places = vec![place];
        for (depth, name) in rest.iter().enumerate() {
            let at = self.show(depth + 1);
            let place;
            (place, ty) = match ty {
                WitType::Record(fields) => find(at, fields, name)?,
                WitType::Tuple(types) => find_in_tuple(at, types, name)?,
                _ => return Err(NoKey::NoFields { at, ty: ty.clone() }),
            };
            places.push(place);
        }
        match can_be_key(ty) {
            true => Ok(Key { places }),
            false => Err(NoKey::Type { at: self.show(names.len()), ty: ty.clone() }),
        }
    }

    /// The first names of the path, to be told of.
    fn show(&self, names: usize) -> String {
        format!("`{}`", self.0[..names].join("."))
    }
}

impl FromStr for KeyPath {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let is_name = |name: &str| {
            let in_name = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
            !name.is_empty() && name.bytes().all(in_name) && !name.starts_with('-') && !name.ends_with('-')
        };
        match text.split('.').all(is_name) {
            true => Ok(KeyPath(text.split('.').map(Into::into).collect())),
            false => Err(NoKey::Syntax(text.into())),
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Key {
    /// The text of this event's key. It is empty for arguments of other types,
    /// which wasmtime gives nobody.
    pub fn of(&self, arguments: &[Val]) -> String {
        let Some((first, rest)) = self.places.split_first() else { return String::new() };
        let value = rest.iter().try_fold(arguments.get(*first), |value, place| match value {
            Some(Val::Record(fields)) => Some(fields.get(*place).map(|(_, value)| value)),
            Some(Val::Tuple(values)) => Some(values.get(*place)),
            _ => None,
        });
        value.flatten().and_then(text).unwrap_or_default()
    }
}

fn find<'a>(at: String, fields: &'a [Field], name: &str) -> Result<(usize, &'a WitType), NoKey> {
    match fields.iter().position(|field| *field.name == *name) {
        Some(place) => Ok((place, &fields[place].ty)),
        None => Err(unknown(at, fields.iter().map(|field| field.name.to_string()), name)),
    }
}

fn find_in_tuple<'a>(at: String, types: &'a [WitType], name: &str) -> Result<(usize, &'a WitType), NoKey> {
    match name.parse().ok().and_then(|place: usize| Some((place, types.get(place)?))) {
        Some(found) => Ok(found),
        None => Err(unknown(at, (0..types.len()).map(|place| place.to_string()), name)),
    }
}

fn unknown(at: String, known: impl Iterator<Item = String>, name: &str) -> NoKey {
    NoKey::Unknown { at, known: known.collect(), name: name.into() }
}

fn can_be_key(ty: &WitType) -> bool {
    use WitType::*;
    matches!(ty, Bool | S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | Char | String | Enum(_))
}

fn text(value: &Val) -> Option<String> {
    Some(match value {
        Val::Bool(value) => value.to_string(),
        Val::S8(value) => value.to_string(),
        Val::U8(value) => value.to_string(),
        Val::S16(value) => value.to_string(),
        Val::U16(value) => value.to_string(),
        Val::S32(value) => value.to_string(),
        Val::U32(value) => value.to_string(),
        Val::S64(value) => value.to_string(),
        Val::U64(value) => value.to_string(),
        Val::Char(value) => value.to_string(),
        Val::String(value) | Val::Enum(value) => value.clone(),
        _ => return None,
    })
}

/// Names in backticks, with commas and an "and", or "nothing".
fn and(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match shown.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "nothing".into(),
    }
}
