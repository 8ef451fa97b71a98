//! The fields of a JSON object, checked one by one.
//!
//! A derived `Deserialize` would not do: where a value is of the wrong type its
//! error says what was expected and not of which field. And a tree of
//! `serde_json::Value` would copy every value, wanted or not.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Error, whole};

/// The longest text a field may hold, in characters.
const LONGEST_TEXT: usize = 1000;

/// The fields of these names in the JSON object that `json` is; others are read
/// over. The order is that of the names.
pub fn fields<'a, const N: usize>(json: &'a str, names: [&'static str; N]) -> Result<[Field<'a>; N], Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut values = deserializer
        .deserialize_map(Object(names))
        .and_then(|values| deserializer.end().map(|()| values))
        .map_err(|error| match error.is_data() {
            true => Error::bad_request("the body must be a JSON object"),
            false => Error::bad_request(format!("malformed JSON: {error}")),
        })?;
    Ok(std::array::from_fn(|index| Field { name: names[index], value: values[index].take() }))
}

/// A field by its name, which may be absent or hold anything.
#[derive(Debug)]
pub struct Field<'a> {
    name: &'static str,
    value: Option<Value<'a>>,
}

impl<'a> Field<'a> {
    /// The whole number that the field must hold.
    pub fn whole(self) -> Result<u64, Error> {
        match self.value()? {
            (_, Value::Whole(number)) => Ok(number),
            (name, Value::TooLarge) => Err(whole::too_large(name)),
            (name, _) => Err(whole::not_whole(name)),
        }
    }

    /// The text that the field must hold: something, and not too much.
    pub fn text(self) -> Result<Cow<'a, str>, Error> {
        match self.value()? {
            (name, Value::Text(text)) if text.trim().is_empty() => {
                Err(Error::bad_request(format!("{name} must not be empty")))
            }
            // Few bytes cannot be many characters, so most texts are not counted.
            (name, Value::Text(text)) if text.len() > LONGEST_TEXT && text.chars().count() > LONGEST_TEXT => {
                Err(Error::bad_request(format!("{name} must be at most {LONGEST_TEXT} characters long")))
            }
            (_, Value::Text(text)) => Ok(text),
            (name, _) => Err(Error::bad_request(format!("{name} must be a string"))),
        }
    }

    fn value(self) -> Result<(&'static str, Value<'a>), Error> {
        let name = self.name;
        match self.value {
            None => Err(Error::bad_request(format!("{name} is missing"))),
            Some(Value::Repeated) => Err(Error::bad_request(format!("{name} is there more than once"))),
            Some(value) => Ok((name, value)),
        }
    }
}

/// What a field holds, as far as a service can use it.
#[derive(Debug)]
enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(u64),
    /// A whole number, but more than a `u64` holds.
    TooLarge,
    Other,
    /// Not one value: readers of JSON disagree on which one counts.
    Repeated,
}

/// Reads an object for the values of the fields named.
struct Object<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for Object<N> {
    type Value = [Option<Value<'de>>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = [const { None }; N];
        // A key is read as a value, for that one borrows where it can.
        while let Some(key) = map.next_key::<Value<'de>>()? {
            let wanted = match &key {
                Value::Text(key) => self.0.iter().position(|name| name == key),
                _ => None,
            };
            match wanted {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(index) => {
                    let value = map.next_value()?;
                    let earlier = values[index].is_some();
                    values[index] = Some(if earlier { Value::Repeated } else { value });
                }
            }
        }
        Ok(values)
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    /// What is written as a fraction, and what does not fit a `u64`, comes here.
    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(if number >= u64::MAX as f64 { Value::TooLarge } else { Value::Other })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    /// The number in `user_id` and the text in `item`, or what is said instead.
    fn read(json: &str) -> Result<(u64, String), String> {
        fields(json, ["user_id", "item"])
            .and_then(|[user_id, item]| Ok((user_id.whole()?, item.text()?.into_owned())))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_right_is_read() {
        let order = Ok((1, "Book".to_owned()));
        assert_eq!(read(r#"{"user_id":1,"item":"Book"}"#), order);
        assert_eq!(read(r#" {"item":"Bo\u006fk","x":[{}],"user_id":1} "#), order);
        assert_eq!(read(r#"{"user\u005fid":1,"item":"Book","x":1,"x":2}"#), order);
        let longest = "ß".repeat(1000);
        assert_eq!(read(&format!(r#"{{"user_id":18446744073709551615,"item":"{longest}"}}"#)), Ok((u64::MAX, longest)),);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let not_whole = "user_id must be a whole number of 0 or more";
        let too_long = format!(r#"{{"user_id":1,"item":"{}"}}"#, "ß".repeat(1001));
        for (json, expected) in [
            (r#"{"item":"Book"}"#, "user_id is missing"),
            (r#"{"user_id":1}"#, "item is missing"),
            (r#"{"user_id":"1","item":"Book"}"#, not_whole),
            (r#"{"user_id":-1,"item":"Book"}"#, not_whole),
            (r#"{"user_id":1.0,"item":"Book"}"#, not_whole),
            (r#"{"user_id":null,"item":"Book"}"#, not_whole),
            (r#"{"user_id":18446744073709551616,"item":"Book"}"#, "user_id must be at most 18446744073709551615"),
            (r#"{"user_id":1,"user_id":2,"item":"Book"}"#, "user_id is there more than once"),
            (r#"{"user_id":1,"item":7}"#, "item must be a string"),
            (r#"{"user_id":1,"item":["Book"]}"#, "item must be a string"),
            (r#"{"user_id":1,"item":{"a":1}}"#, "item must be a string"),
            (r#"{"user_id":1,"item":true}"#, "item must be a string"),
            (r#"{"user_id":1,"item":""}"#, "item must not be empty"),
            (r#"{"user_id":1,"item":" \n\u2003"}"#, "item must not be empty"),
            (&too_long, "item must be at most 1000 characters long"),
            ("[1]", "the body must be a JSON object"),
            ("1", "the body must be a JSON object"),
            (r#""x""#, "the body must be a JSON object"),
            ("null", "the body must be a JSON object"),
        ] {
            assert_eq!(read(json), Err(expected.to_owned()), "{json}");
        }
    }

    #[test]
    fn malformed_json_is_located() {
        for json in [
            "",
            "{",
            "{\"user_id\":1,}",
            "{} {}",
            "{\"user_id\" 1}",
            "nul",
            "{\"item\":\"\\ud800\"}",
            "{\"item\":\"\u{0}\"}",
            "{\"user_id\":1e999}",
        ] {
            let said = read(json).err().unwrap_or_default();
            assert!(said.starts_with("malformed JSON: "), "{json}: {said}");
            assert!(said.contains(" at line 1 column "), "{json}: {said}");
        }
    }
}
