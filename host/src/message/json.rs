//! Values of WIT as JSON, by their types.
//!
//! The form is one that people write by hand and other languages read without a
//! library of ours:
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, integers | themselves; 64 bits are exact here, and in JavaScript up to 2^53 |
//! | `f32`, `f64` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `string`, `char`, `enum` | a string |
//! | `record` | an object, its names as in WIT (`user-id`) |
//! | `tuple`, `list`, `list<T, N>` | a list |
//! | `list<u8>` | a string in base64, with the standard alphabet and padding |
//! | `map<string, T>` | an object |
//! | `map<K, T>` | a list of pairs |
//! | `flags` | a list of the names that are set |
//! | `option` | `null` or the value; directly in another option, `null` or `{"some": …}` |
//! | `variant` | the case as a string, or `{"case": …}` with what it carries |
//! | `result` | `{"ok": …}` or `{"err": …}`, with `null` where it carries nothing |
//!
//! Whoever sends may be newer than whoever receives, or older: members that a
//! record has not are ignored, and one that is missing is none where its type is
//! an option.
//!
//! Types of components are at most 100 levels deep, which bounds the recursion
//! here, and is less than the 128 levels that serde_json reads.

pub use self::{decode::decode, mismatch::Mismatch};
pub(super) use decode::record;
pub(super) use schema::record as record_schema;

mod decode;
mod mismatch;
mod schema;
#[cfg(test)]
mod tests;

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{
    Serialize, Serializer,
    ser::{Error, SerializeMap},
};
use wasmtime::component::Val;

use super::wit_type::{Field, WitType};

/// A value of a type, to be written as JSON. One that is not of the type is an
/// error; wasmtime gives none.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    /// What is written.
    pub value: &'a Val,
    /// How.
    pub ty: &'a WitType,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.ty, self.value) {
            (WitType::Bool, Val::Bool(value)) => to.serialize_bool(*value),
            (WitType::S8, Val::S8(value)) => to.serialize_i8(*value),
            (WitType::U8, Val::U8(value)) => to.serialize_u8(*value),
            (WitType::S16, Val::S16(value)) => to.serialize_i16(*value),
            (WitType::U16, Val::U16(value)) => to.serialize_u16(*value),
            (WitType::S32, Val::S32(value)) => to.serialize_i32(*value),
            (WitType::U32, Val::U32(value)) => to.serialize_u32(*value),
            (WitType::S64, Val::S64(value)) => to.serialize_i64(*value),
            (WitType::U64, Val::U64(value)) => to.serialize_u64(*value),
            (WitType::F32, Val::Float32(value)) if value.is_finite() => to.serialize_f32(*value),
            (WitType::F32, Val::Float32(value)) => to.serialize_str(no_number((*value).into())),
            (WitType::F64, Val::Float64(value)) if value.is_finite() => to.serialize_f64(*value),
            (WitType::F64, Val::Float64(value)) => to.serialize_str(no_number(*value)),
            (WitType::Char, Val::Char(value)) => to.serialize_char(*value),
            (WitType::String, Val::String(value)) => to.serialize_str(value),
            (WitType::Enum(_), Val::Enum(case)) => to.serialize_str(case),
            (WitType::Flags(_), Val::Flags(names)) => to.collect_seq(names),
            _ => self.serialize_compound(to),
        }
    }
}

impl<'a> Json<'a> {
    fn serialize_compound<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.ty, self.value) {
            (WitType::List(of), Val::List(items)) if **of == WitType::U8 => {
                let bytes: Vec<u8> = items.iter().filter_map(byte).collect();
                to.collect_str(&Base64Display::new(&bytes, &STANDARD))
            }
            (WitType::List(of), Val::List(items)) | (WitType::FixedLengthList(of, _), Val::FixedLengthList(items)) => {
                to.collect_seq(items.iter().map(|value| Json { value, ty: of }))
            }
            (WitType::Map(key, of), Val::Map(pairs)) => {
                let pairs = pairs.iter().map(|(name, value)| (Json { value: name, ty: key }, Json { value, ty: of }));
                if **key == WitType::String { to.collect_map(pairs) } else { to.collect_seq(pairs) }
            }
            (WitType::Record(fields), Val::Record(values)) => {
                Members { fields, values: values.iter().map(|(_, value)| value) }.serialize(to)
            }
            (WitType::Tuple(types), Val::Tuple(values)) if types.len() == values.len() => {
                to.collect_seq(values.iter().zip(types).map(|(value, ty)| Json { value, ty }))
            }
            (WitType::Option(_), Val::Option(None)) => to.serialize_none(),
            (WitType::Option(of), Val::Option(Some(value))) => {
                let inner = Json { value, ty: of };
                if matches!(**of, WitType::Option(_)) { member(to, "some", Some(inner)) } else { inner.serialize(to) }
            }
            (WitType::Variant(cases), Val::Variant(case, carried)) => {
                match (cases.iter().find(|(name, _)| **name == **case), carried) {
                    (Some((name, None)), None) => to.serialize_str(name),
                    (Some((name, Some(ty))), Some(value)) => member(to, name, Some(Json { value, ty })),
                    _ => Err(self.is_of_another_type()),
                }
            }
            (WitType::Result(ok, err), Val::Result(result)) => match (result, ok, err) {
                (Ok(None), None, _) => member(to, "ok", None),
                (Err(None), _, None) => member(to, "err", None),
                (Ok(Some(value)), Some(ty), _) => member(to, "ok", Some(Json { value, ty })),
                (Err(Some(value)), _, Some(ty)) => member(to, "err", Some(Json { value, ty })),
                _ => Err(self.is_of_another_type()),
            },
            _ => Err(self.is_of_another_type()),
        }
    }

    fn is_of_another_type<E: Error>(&self) -> E {
        E::custom(format_args!("a value is not of its type, {}", self.ty))
    }
}

/// The fields of a record with their values, in the same order.
pub(super) struct Members<'a, I> {
    pub(super) fields: &'a [Field],
    pub(super) values: I,
}

impl<'a, I: ExactSizeIterator<Item = &'a Val> + Clone> Serialize for Members<'a, I> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let values = self.values.clone();
        if values.len() != self.fields.len() {
            return Err(S::Error::custom("a record has not the fields of its type"));
        }
        let members = self.fields.iter().zip(values);
        to.collect_map(members.map(|(field, value)| (&field.name, Json { value, ty: &field.ty })))
    }
}

/// An object with one member.
fn member<S: Serializer>(to: S, name: &str, value: Option<Json>) -> Result<S::Ok, S::Error> {
    let mut object = to.serialize_map(Some(1))?;
    object.serialize_entry(name, &value)?;
    object.end()
}

fn byte(value: &Val) -> Option<u8> {
    match value {
        Val::U8(byte) => Some(*byte),
        _ => None,
    }
}

/// The word for what JSON has no number for.
fn no_number(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}
