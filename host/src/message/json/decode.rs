//! JSON read as a value of a type.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};
use wasmtime::component::Val;

use super::{Mismatch, WitType};
use crate::message::wit_type::Field;

/// The value of this type that `json` stands for.
pub fn decode(ty: &WitType, json: &Value) -> Result<Val, Mismatch> {
    let no_match = || Mismatch::new(json, ty);
    match (ty, json) {
        (WitType::List(of), Value::String(text)) if **of == WitType::U8 => {
            let bytes = STANDARD.decode(text).map_err(|_| Mismatch::with("no base64".into(), ty))?;
            Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
        }
        (WitType::List(of), Value::Array(items)) if **of != WitType::U8 => elements(of, items).map(Val::List),
        (WitType::FixedLengthList(of, length), Value::Array(items)) if items.len() == *length as usize => {
            elements(of, items).map(Val::FixedLengthList)
        }
        (WitType::Map(key, of), _) => map(key, of, json).unwrap_or_else(|| Err(no_match())),
        (WitType::Record(fields), Value::Object(object)) => record(fields, object).map(Val::Record),
        (WitType::Tuple(types), Value::Array(items)) if items.len() == types.len() => {
            let items = types.iter().zip(items).enumerate();
            let values = items.map(|(index, (ty, item))| decode(ty, item).map_err(|m| m.in_element(index)));
            values.collect::<Result<_, _>>().map(Val::Tuple)
        }
        (WitType::Variant(cases), _) => {
            let (name, carried) = named(json).ok_or_else(no_match)?;
            match (cases.iter().find(|(case, _)| **case == *name), carried) {
                (Some((_, None)), None) => Ok(Val::Variant(name.into(), None)),
                (Some((_, Some(ty))), Some(json)) => Ok(Val::Variant(name.into(), Some(boxed(ty, json, name)?))),
                (Some((_, Some(_))), None) => Err(Mismatch::with(format!("{name:?} with nothing in it"), ty)),
                (Some((_, None)), Some(_)) => Err(Mismatch::with(format!("{name:?} with something in it"), ty)),
                (None, _) => Err(Mismatch::new(&name.into(), ty)),
            }
        }
        (WitType::Option(_), Value::Null) => Ok(Val::Option(None)),
        (WitType::Option(of), _) if matches!(**of, WitType::Option(_)) => match named(json) {
            Some(("some", Some(json))) => Ok(Val::Option(Some(boxed(of, json, "some")?))),
            _ => Err(no_match()),
        },
        (WitType::Option(of), _) => Ok(Val::Option(Some(Box::new(decode(of, json)?)))),
        (WitType::Result(ok, err), _) => match (named(json), ok, err) {
            (Some(("ok", Some(Value::Null))), None, _) => Ok(Val::Result(Ok(None))),
            (Some(("err", Some(Value::Null))), _, None) => Ok(Val::Result(Err(None))),
            (Some(("ok", Some(json))), Some(ty), _) => Ok(Val::Result(Ok(Some(boxed(ty, json, "ok")?)))),
            (Some(("err", Some(json))), _, Some(ty)) => Ok(Val::Result(Err(Some(boxed(ty, json, "err")?)))),
            _ => Err(no_match()),
        },
        (WitType::Flags(known), Value::Array(items)) => flags(known, items, ty),
        _ => scalar(ty, json).ok_or_else(no_match),
    }
}

/// Fields by their names: what is missing is none, or wrong; what is more is
/// ignored.
pub(in crate::message) fn record(
    fields: &[Field],
    object: &Map<String, Value>,
) -> Result<Vec<(String, Val)>, Mismatch> {
    let values = fields.iter().map(|Field { name, ty }| {
        let value = match object.get(&**name) {
            Some(json) => decode(ty, json),
            None if matches!(ty, WitType::Option(_)) => Ok(Val::Option(None)),
            None => Err(Mismatch::missing(ty)),
        };
        Ok((name.to_string(), value.map_err(|mismatch| mismatch.in_member(name))?))
    });
    values.collect()
}

/// What is in one piece.
fn scalar(ty: &WitType, json: &Value) -> Option<Val> {
    Some(match (ty, json) {
        (WitType::Bool, Value::Bool(value)) => Val::Bool(*value),
        (WitType::S8, Value::Number(number)) => Val::S8(integer(number)?),
        (WitType::U8, Value::Number(number)) => Val::U8(integer(number)?),
        (WitType::S16, Value::Number(number)) => Val::S16(integer(number)?),
        (WitType::U16, Value::Number(number)) => Val::U16(integer(number)?),
        (WitType::S32, Value::Number(number)) => Val::S32(integer(number)?),
        (WitType::U32, Value::Number(number)) => Val::U32(integer(number)?),
        (WitType::S64, Value::Number(number)) => Val::S64(integer(number)?),
        (WitType::U64, Value::Number(number)) => Val::U64(integer(number)?),
        (WitType::F32, Value::Number(number)) => Val::Float32(single(number)?),
        (WitType::F32, Value::String(text)) => Val::Float32(no_number(text)?),
        (WitType::F64, Value::Number(number)) => Val::Float64(number.as_f64()?),
        (WitType::F64, Value::String(text)) => Val::Float64(no_number(text)?.into()),
        (WitType::Char, Value::String(text)) => {
            let mut chars = text.chars();
            let (Some(only), None) = (chars.next(), chars.next()) else { return None };
            Val::Char(only)
        }
        (WitType::String, Value::String(text)) => Val::String(text.clone()),
        (WitType::Enum(names), Value::String(text)) if names.iter().any(|name| **name == **text) => {
            Val::Enum(text.clone())
        }
        _ => return None,
    })
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(number: &Number) -> Option<T> {
    match number.as_i64() {
        Some(value) => value.try_into().ok(),
        None => number.as_u64()?.try_into().ok(),
    }
}

/// A number of single precision, rounded once: its digits are at most nine, which
/// double precision keeps, so that they are read again and not cut off.
fn single(number: &Number) -> Option<f32> {
    number.as_f64()?.to_string().parse().ok().filter(|value: &f32| value.is_finite())
}

fn no_number(text: &str) -> Option<f32> {
    match text {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => None,
    }
}

fn elements(of: &WitType, items: &[Value]) -> Result<Vec<Val>, Mismatch> {
    let values = items.iter().enumerate();
    values.map(|(index, item)| decode(of, item).map_err(|mismatch| mismatch.in_element(index))).collect()
}

/// Pairs, or an object where keys are strings. None if it is neither.
fn map(key: &WitType, of: &WitType, json: &Value) -> Option<Result<Val, Mismatch>> {
    let pairs: Result<_, _> = match json {
        Value::Object(object) if *key == WitType::String => {
            let pairs = object.iter().map(|(name, json)| {
                let value = decode(of, json).map_err(|mismatch| mismatch.in_member(name))?;
                Ok((Val::String(name.clone()), value))
            });
            pairs.collect()
        }
        Value::Array(items) => {
            let pairs = items
                .iter()
                .enumerate()
                .map(|(index, item)| pair(key, of, item).map_err(|mismatch| mismatch.in_element(index)));
            pairs.collect()
        }
        _ => return None,
    };
    Some(pairs.map(Val::Map))
}

fn pair(key: &WitType, of: &WitType, json: &Value) -> Result<(Val, Val), Mismatch> {
    let Some([name, value]) = json.as_array().map(Vec::as_slice) else {
        return Err(Mismatch::with("no pair".into(), format_args!("a list of {key} and {of}")));
    };
    let name = decode(key, name).map_err(|mismatch| mismatch.in_element(0))?;
    Ok((name, decode(of, value).map_err(|mismatch| mismatch.in_element(1))?))
}

fn flags(known: &[Box<str>], items: &[Value], ty: &WitType) -> Result<Val, Mismatch> {
    let names = items.iter().enumerate().map(|(index, item)| match item {
        Value::String(name) if known.iter().any(|flag| **flag == **name) => Ok(name.clone()),
        _ => Err(Mismatch::new(item, ty).in_element(index)),
    });
    names.collect::<Result<_, _>>().map(Val::Flags)
}

/// A string alone, or the only member of an object.
fn named(json: &Value) -> Option<(&str, Option<&Value>)> {
    match json {
        Value::String(name) => Some((name, None)),
        Value::Object(object) => {
            let mut members = object.iter();
            let (name, value) = members.next()?;
            members.next().is_none().then_some((name, Some(value)))
        }
        _ => None,
    }
}

fn boxed(ty: &WitType, json: &Value, name: &str) -> Result<Box<Val>, Mismatch> {
    decode(ty, json).map(Box::new).map_err(|mismatch| mismatch.in_member(name))
}
