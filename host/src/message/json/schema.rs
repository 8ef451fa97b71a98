//! What JSON is a value of a type, as a JSON Schema.
//!
//! All that [`Json`](super::Json) writes is valid by it, and what is valid by it is read:
//! so it holds for those who read our messages, and for those who write some. More is read
//! than it allows, such as a map as a list of pairs. It allows one thing that is not read,
//! for it cannot tell them apart: an integer written `1.0`.
//!
//! The words are those that draft 07, which AsyncAPI is made of, and the drafts before
//! 2020 have in common.

use serde_json::{Map, Value, json};

use super::WitType;
use crate::message::wit_type::Field;

/// Above this a number is no `f32`: halfway between the greatest and what would be next.
const ABOVE_F32: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;

/// Base64 of the standard alphabet, with its padding, and with no bits that mean nothing.
pub(super) const BASE64: &str = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// The schema of the JSON that stands for values of this type.
pub fn schema(ty: &WitType) -> Value {
    match ty {
        WitType::Bool => json!({ "type": "boolean" }),
        WitType::S8 => integer(i8::MIN, i8::MAX),
        WitType::U8 => integer(u8::MIN, u8::MAX),
        WitType::S16 => integer(i16::MIN, i16::MAX),
        WitType::U16 => integer(u16::MIN, u16::MAX),
        WitType::S32 => integer(i32::MIN, i32::MAX),
        WitType::U32 => integer(u32::MIN, u32::MAX),
        WitType::S64 => integer(i64::MIN, i64::MAX),
        WitType::U64 => integer(u64::MIN, u64::MAX),
        WitType::F32 => {
            float(json!({ "type": "number", "exclusiveMinimum": -ABOVE_F32, "exclusiveMaximum": ABOVE_F32 }))
        }
        WitType::F64 => float(json!({ "type": "number" })),
        WitType::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        WitType::String => json!({ "type": "string" }),
        WitType::Enum(names) => one_of_names(names),
        WitType::Flags(names) => json!({ "type": "array", "items": one_of_names(names), "uniqueItems": true }),
        WitType::List(of) if **of == WitType::U8 => {
            json!({ "type": "string", "contentEncoding": "base64", "pattern": BASE64 })
        }
        WitType::List(of) => json!({ "type": "array", "items": schema(of) }),
        WitType::FixedLengthList(of, length) => {
            json!({ "type": "array", "items": schema(of), "minItems": length, "maxItems": length })
        }
        WitType::Map(key, of) if **key == WitType::String => {
            json!({ "type": "object", "additionalProperties": schema(of) })
        }
        WitType::Map(key, of) => json!({ "type": "array", "items": tuple([&**key, &**of]) }),
        WitType::Record(fields) => record(fields),
        WitType::Tuple(types) => tuple(types),
        WitType::Option(of) => option(of),
        WitType::Variant(cases) => variant(cases),
        WitType::Result(ok, err) => {
            let carried = |ty: &Option<Box<WitType>>| ty.as_ref().map_or(json!({ "type": "null" }), |ty| schema(ty));
            json!({ "oneOf": [member("ok", carried(ok)), member("err", carried(err))] })
        }
    }
}

/// That of an object with these members. One that may be missing is an option's, and others
/// than these are ignored.
pub(in crate::message) fn record(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.to_string(), schema(&field.ty))).collect();
    let required: Vec<_> =
        fields.iter().filter(|field| !matches!(field.ty, WitType::Option(_))).map(|field| &field.name).collect();
    match required.is_empty() {
        true => json!({ "type": "object", "properties": properties }),
        false => json!({ "type": "object", "properties": properties, "required": required }),
    }
}

fn integer<T: Into<Value>>(least: T, most: T) -> Value {
    json!({ "type": "integer", "minimum": least.into(), "maximum": most.into() })
}

fn float(number: Value) -> Value {
    json!({ "oneOf": [number, { "enum": ["NaN", "Infinity", "-Infinity"] }] })
}

fn one_of_names(names: &[Box<str>]) -> Value {
    json!({ "type": "string", "enum": names })
}

fn tuple<'a>(types: impl IntoIterator<Item = &'a WitType>) -> Value {
    let items: Vec<_> = types.into_iter().map(schema).collect();
    json!({ "type": "array", "minItems": items.len(), "maxItems": items.len(), "items": items })
}

fn option(of: &WitType) -> Value {
    let some = if matches!(of, WitType::Option(_)) { member("some", schema(of)) } else { schema(of) };
    json!({ "oneOf": [some, { "type": "null" }] })
}

fn variant(cases: &[(Box<str>, Option<WitType>)]) -> Value {
    let bare: Vec<_> = cases.iter().filter(|(_, carried)| carried.is_none()).map(|(name, _)| name.clone()).collect();
    let full = cases.iter().filter_map(|(name, carried)| Some(member(name, schema(carried.as_ref()?))));
    let names = (!bare.is_empty()).then(|| one_of_names(&bare));
    json!({ "oneOf": names.into_iter().chain(full).collect::<Vec<_>>() })
}

/// That of an object with one member.
fn member(name: &str, of: Value) -> Value {
    json!({ "type": "object", "properties": { name: of }, "required": [name], "additionalProperties": false })
}
