//! What an event's function takes.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use wasmtime::component::{Val, types::ComponentFunc};

use super::{
    BoundToStore, Field, Mismatch, StableHash, WitType,
    json::{Members, record, record_schema},
    wit_type,
};

#[cfg(test)]
mod tests;

/// The parameters of a function, read of its component once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// In their order.
    pub fields: Vec<Field>,
}

/// Data that is not the arguments of a function.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each has its text")]
pub enum Undecodable {
    #[error("the data is no JSON that can be read")]
    NotJson(#[from] serde_json::Error),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

impl Params {
    /// Those of this function, unless values of one cannot be kept.
    pub fn of(function: &ComponentFunc) -> Result<Params, BoundToStore> {
        wit_type::params(function).map(|fields| Params { fields })
    }

    /// Arguments as JSON: an object, with a member for each parameter. It fails
    /// for values of other types, which wasmtime gives nobody.
    pub fn encode(&self, arguments: &[Val]) -> serde_json::Result<Box<RawValue>> {
        to_raw_value(&Arguments { params: self, values: arguments })
    }

    /// The arguments that this JSON stands for. `null` stands for an object
    /// without members, as messages of others have no data where they have
    /// nothing to say.
    pub fn decode(&self, data: &RawValue) -> Result<Vec<Val>, Undecodable> {
        let object = match serde_json::from_str(data.get())? {
            Value::Object(object) => object,
            Value::Null => serde_json::Map::new(),
            _ => return Err(Mismatch::with("no object".into(), format_args!("the parameters {self}")).into()),
        };
        Ok(record(&self.fields, &object)?.into_iter().map(|(_, value)| value).collect())
    }

    /// What [`Params::encode`] makes, as a JSON Schema: all of it is valid by it, and what is
    /// valid by it can be decoded.
    pub fn json_schema(&self) -> Value {
        record_schema(&self.fields)
    }

    /// Whether there is something to say: not all of it may be left out.
    pub fn must_be_given(&self) -> bool {
        self.fields.iter().any(|field| !matches!(field.ty, WitType::Option(_)))
    }

    /// What changes exactly when these types do: names and types of parameters,
    /// all written out.
    pub fn schema(&self) -> StableHash {
        StableHash::of(&self.to_string())
    }
}

/// As WIT writes them: `(order: record { id: u64 })`.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wit_type::list(f, "(", &self.fields, ")")
    }
}

struct Arguments<'a> {
    params: &'a Params,
    values: &'a [Val],
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Members { fields: &self.params.fields, values: self.values.iter() }.serialize(to)
    }
}
