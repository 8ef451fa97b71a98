//! What is wrong with JSON that is to be a value.

use std::fmt;

use serde_json::Value;

use super::WitType;

/// The longest part of a wrong name that is shown, in characters.
const SHOWN: usize = 40;

/// A place in JSON where there is something else than its type wants.
///
/// It says what kind of thing is there, and quotes no more than numbers and what
/// stands for a name: the rest may be anybody's data, and this is for logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, `order.items[3].price`, or nothing for the whole.
    pub place: String,
    /// What is there: `a string`.
    pub found: String,
    /// The type, as WIT has it: `u32`.
    pub wanted: String,
}

impl Mismatch {
    /// This, in place of a value of this type.
    pub(crate) fn new(json: &Value, ty: &WitType) -> Mismatch {
        Mismatch::with(found(json, ty), ty)
    }

    /// A member that is not there.
    pub(crate) fn missing(ty: &WitType) -> Mismatch {
        Mismatch::with("missing".into(), ty)
    }

    /// Something that is best told in words of its own.
    pub(crate) fn with(found: String, wanted: impl fmt::Display) -> Mismatch {
        Mismatch { place: String::new(), found, wanted: wanted.to_string() }
    }

    /// The same in a member of an object.
    pub(crate) fn in_member(mut self, name: &str) -> Mismatch {
        let dot = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        self.place = format!("{name}{dot}{}", self.place);
        self
    }

    /// The same in an element of a list.
    pub(crate) fn in_element(mut self, index: usize) -> Mismatch {
        let dot = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        self.place = format!("[{index}]{dot}{}", self.place);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { place, found, wanted } = self;
        match place.as_str() {
            "" => write!(f, "the data is {found}, and has to be {wanted}"),
            _ => write!(f, "`{place}` is {found}, and has to be {wanted}"),
        }
    }
}

impl std::error::Error for Mismatch {}

fn found(json: &Value, ty: &WitType) -> String {
    match json {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(name) if has_names(ty) => format!("{:?}", name.chars().take(SHOWN).collect::<String>()),
        Value::String(_) => "a string".into(),
        Value::Array(items) if matches!(ty, WitType::Tuple(_) | WitType::FixedLengthList(..)) => {
            format!("a list of {}", items.len())
        }
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}

/// Whether a string in place of such a value stands for one of few names.
fn has_names(ty: &WitType) -> bool {
    matches!(ty, WitType::Enum(_) | WitType::Variant(_) | WitType::Flags(_))
}
