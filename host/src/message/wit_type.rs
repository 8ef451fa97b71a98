//! Types of WIT, taken out of a component.

use std::fmt::{self, Display};

use wasmtime::component::types::{ComponentFunc, Type};

/// The type of values that can be kept.
///
/// wasmtime has such a type too, but each look into one of its own takes
/// counted references and a few allocations. This one is made once for each
/// function, and read for every message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of WIT")]
pub enum WitType {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Box<WitType>),
    /// Of so many elements.
    FixedLengthList(Box<WitType>, u32),
    /// Keys and values.
    Map(Box<WitType>, Box<WitType>),
    Record(Vec<Field>),
    Tuple(Vec<WitType>),
    /// Cases, with what they carry.
    Variant(Vec<(Box<str>, Option<WitType>)>),
    Enum(Vec<Box<str>>),
    Option(Box<WitType>),
    /// What `ok` and `err` carry.
    Result(Option<Box<WitType>>, Option<Box<WitType>>),
    Flags(Vec<Box<str>>),
}

/// A field of a record, or a parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As WIT has it, `user-id`.
    pub name: Box<str>,
    /// What it holds.
    pub ty: WitType,
}

/// A type whose values cannot outlive the store that they come from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {0} belongs to one store and cannot be kept")]
pub struct BoundToStore(&'static str);

impl BoundToStore {
    /// What the values are, as WIT names them.
    pub fn what(&self) -> &'static str {
        self.0
    }
}

impl WitType {
    /// The same type as wasmtime's, unless values of it cannot be kept.
    pub fn of(ty: &Type) -> Result<WitType, BoundToStore> {
        let boxed = |ty: Type| WitType::of(&ty).map(Box::new);
        let names = |names: &mut dyn Iterator<Item = &str>| names.map(Into::into).collect();
        Ok(match ty {
            Type::Bool => WitType::Bool,
            Type::S8 => WitType::S8,
            Type::U8 => WitType::U8,
            Type::S16 => WitType::S16,
            Type::U16 => WitType::U16,
            Type::S32 => WitType::S32,
            Type::U32 => WitType::U32,
            Type::S64 => WitType::S64,
            Type::U64 => WitType::U64,
            Type::Float32 => WitType::F32,
            Type::Float64 => WitType::F64,
            Type::Char => WitType::Char,
            Type::String => WitType::String,
            Type::List(of) => WitType::List(boxed(of.ty())?),
            Type::FixedLengthList(of) => WitType::FixedLengthList(boxed(of.ty())?, of.len()),
            Type::Map(of) => WitType::Map(boxed(of.key())?, boxed(of.value())?),
            Type::Record(of) => WitType::Record(fields(of.fields().map(|field| (field.name, field.ty)))?),
            Type::Tuple(of) => WitType::Tuple(of.types().map(|ty| WitType::of(&ty)).collect::<Result<_, _>>()?),
            Type::Variant(of) => {
                let cases = of.cases().map(|case| {
                    let carried = case.ty.map(|ty| WitType::of(&ty)).transpose()?;
                    Ok((case.name.into(), carried))
                });
                WitType::Variant(cases.collect::<Result<_, _>>()?)
            }
            Type::Enum(of) => WitType::Enum(names(&mut of.names())),
            Type::Option(of) => WitType::Option(boxed(of.ty())?),
            Type::Result(of) => WitType::Result(of.ok().map(boxed).transpose()?, of.err().map(boxed).transpose()?),
            Type::Flags(of) => WitType::Flags(names(&mut of.names())),
            Type::Own(_) | Type::Borrow(_) => return Err(BoundToStore("resource")),
            Type::Future(_) => return Err(BoundToStore("future")),
            Type::Stream(_) => return Err(BoundToStore("stream")),
            Type::ErrorContext => return Err(BoundToStore("error-context")),
        })
    }
}

/// The parameters of a function, unless values of one cannot be kept.
pub(super) fn params(function: &ComponentFunc) -> Result<Vec<Field>, BoundToStore> {
    fields(function.params())
}

fn fields<'a>(fields: impl Iterator<Item = (&'a str, Type)>) -> Result<Vec<Field>, BoundToStore> {
    fields.map(|(name, ty)| Ok(Field { name: name.into(), ty: WitType::of(&ty)? })).collect()
}

/// As WIT writes it, with every type written out, since a component keeps no
/// names of types.
impl Display for WitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WitType::Bool => f.write_str("bool"),
            WitType::S8 => f.write_str("s8"),
            WitType::U8 => f.write_str("u8"),
            WitType::S16 => f.write_str("s16"),
            WitType::U16 => f.write_str("u16"),
            WitType::S32 => f.write_str("s32"),
            WitType::U32 => f.write_str("u32"),
            WitType::S64 => f.write_str("s64"),
            WitType::U64 => f.write_str("u64"),
            WitType::F32 => f.write_str("f32"),
            WitType::F64 => f.write_str("f64"),
            WitType::Char => f.write_str("char"),
            WitType::String => f.write_str("string"),
            WitType::List(of) => write!(f, "list<{of}>"),
            WitType::FixedLengthList(of, length) => write!(f, "list<{of}, {length}>"),
            WitType::Map(key, of) => write!(f, "map<{key}, {of}>"),
            WitType::Record(fields) => list(f, "record { ", fields, " }"),
            WitType::Tuple(types) => list(f, "tuple<", types, ">"),
            WitType::Variant(cases) => list(f, "variant { ", cases.iter().map(Case), " }"),
            WitType::Enum(names) => list(f, "enum { ", names, " }"),
            WitType::Option(of) => write!(f, "option<{of}>"),
            WitType::Result(None, None) => f.write_str("result"),
            WitType::Result(Some(ok), None) => write!(f, "result<{ok}>"),
            WitType::Result(None, Some(err)) => write!(f, "result<_, {err}>"),
            WitType::Result(Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            WitType::Flags(names) => list(f, "flags { ", names, " }"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.ty)
    }
}

struct Case<'a>(&'a (Box<str>, Option<WitType>));

impl Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            (name, Some(ty)) => write!(f, "{name}({ty})"),
            (name, None) => f.write_str(name),
        }
    }
}

/// Items with commas between, and what is around them.
pub(super) fn list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    items: impl IntoIterator<Item = impl Display>,
    after: &str,
) -> fmt::Result {
    f.write_str(before)?;
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    f.write_str(after)
}
