//! Every type and every value there and back, and what is refused.

#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};
use wasmtime::component::Val;

use super::*;

mod schema;

/// Types, values and JSON, told by one number.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    fn text(&mut self) -> String {
        (0..self.below(4)).map(|_| self.one_of(&['a', '"', '\\', '\n', '\0', 'é', '🦀', '\u{2028}'])).collect()
    }

    /// A type, at most so many levels deep.
    fn ty(&mut self, levels: usize) -> WitType {
        use WitType::*;
        if levels == 0 || self.below(4) == 0 {
            let names = || vec!["red".into(), "dark-blue".into(), "some".into(), "null".into()];
            return self.one_of(&[
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
                Enum(names()),
                Flags(names()),
            ]);
        }
        let mut ty = || self.ty(levels - 1);
        let (one, other) = (ty(), ty());
        let maybe = |some, ty: &WitType| if some { Some(Box::new(ty.clone())) } else { None };
        match self.below(11) {
            0 => List(one.into()),
            1 => FixedLengthList(one.into(), self.below(3) as u32 + 1),
            2 => Map(String.into(), one.into()),
            3 => Map(one.into(), other.into()),
            4 => Record(vec![Field { name: "id".into(), ty: one }, Field { name: "user-id".into(), ty: other }]),
            5 => Tuple(vec![one, other]),
            6 => Variant(vec![("none".into(), None), ("some".into(), Some(one)), ("ok".into(), Some(other))]),
            7 => Result(maybe(self.below(2) == 0, &one), maybe(self.below(2) == 0, &other)),
            8 => Option(Option(one.into()).into()),
            _ => Option(one.into()),
        }
    }

    fn value(&mut self, ty: &WitType) -> Val {
        let bits = self.bits();
        match ty {
            WitType::Bool => Val::Bool(bits.is_multiple_of(2)),
            WitType::S8 => Val::S8(self.one_of(&[i8::MIN, -1, 0, i8::MAX])),
            WitType::U8 => Val::U8(bits as u8),
            WitType::S16 => Val::S16(self.one_of(&[i16::MIN, -1, 0, i16::MAX])),
            WitType::U16 => Val::U16(bits as u16),
            WitType::S32 => Val::S32(self.one_of(&[i32::MIN, -1, 0, i32::MAX])),
            WitType::U32 => Val::U32(bits as u32),
            WitType::S64 => Val::S64(self.one_of(&[i64::MIN, -1, 0, i64::MAX, bits as i64])),
            WitType::U64 => Val::U64(self.one_of(&[0, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX, bits])),
            WitType::F32 => Val::Float32(self.one_of(&[-0.0, f32::NAN, f32::INFINITY, f32::from_bits(bits as u32)])),
            WitType::F64 => Val::Float64(self.one_of(&[-0.0, f64::NEG_INFINITY, f64::from_bits(bits)])),
            WitType::Char => Val::Char(self.one_of(&['\0', '"', 'é', '\u{10ffff}'])),
            WitType::String => Val::String(self.text()),
            WitType::List(of) => Val::List(self.values(bits as usize % 4, of)),
            WitType::FixedLengthList(of, length) => Val::FixedLengthList(self.values(*length as usize, of)),
            // In JSON the members of an object have no order.
            WitType::Map(key, of) if **key == WitType::String => {
                let names = ["", "a", "b\"c"][..bits as usize % 4].iter();
                Val::Map(names.map(|name| (Val::String(name.to_string()), self.value(of))).collect())
            }
            WitType::Map(key, of) => Val::Map((0..bits % 4).map(|_| (self.value(key), self.value(of))).collect()),
            WitType::Record(fields) => {
                Val::Record(fields.iter().map(|field| (field.name.to_string(), self.value(&field.ty))).collect())
            }
            WitType::Tuple(types) => Val::Tuple(types.iter().map(|ty| self.value(ty)).collect()),
            WitType::Variant(cases) => {
                let (name, carried) = self.one_of(cases);
                Val::Variant(name.into(), carried.map(|ty| self.value(&ty).into()))
            }
            WitType::Enum(names) => Val::Enum(self.one_of(names).into()),
            WitType::Option(of) => Val::Option((!bits.is_multiple_of(3)).then(|| self.value(of).into())),
            WitType::Result(ok, err) => {
                let mut carried = |ty: &Option<Box<WitType>>| ty.as_ref().map(|ty| self.value(ty).into());
                Val::Result(if bits.is_multiple_of(2) { Ok(carried(ok)) } else { Err(carried(err)) })
            }
            WitType::Flags(names) => {
                let set = names.iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
                Val::Flags(set.map(|(_, name)| name.to_string()).collect())
            }
        }
    }

    fn values(&mut self, count: usize, of: &WitType) -> Vec<Val> {
        (0..count).map(|_| self.value(of)).collect()
    }

    /// JSON that may be anything, or one place in it changed.
    fn spoil(&mut self, json: &mut Value) {
        match json {
            Value::Array(items) if !items.is_empty() && self.below(4) > 0 => {
                let place = self.below(items.len());
                self.spoil(&mut items[place]);
            }
            Value::Object(object) if !object.is_empty() && self.below(4) > 0 => {
                let place = self.below(object.len());
                self.spoil(object.values_mut().nth(place).expect("it has so many"));
            }
            _ => {
                let name = self.one_of(&["id", "some", "ok", "err", "red", "NaN", "AA=", "none"]);
                *json = self.one_of(&[
                    json!(null),
                    json!(true),
                    json!(-1),
                    json!(1.5),
                    json!(1e300),
                    json!(u64::MAX),
                    json!(name),
                    json!([]),
                    json!([name, null]),
                    json!({}),
                    json!({ name: null }),
                    json!({ name: [name] , "more": 1 }),
                ]);
            }
        }
    }
}

fn encode(value: &Val, ty: &WitType) -> String {
    serde_json::to_string(&Json { value, ty }).expect("it is of the type")
}

#[test]
fn whatever_is_written_is_read_as_it_was() {
    let seed = RandomState::new().hash_one(0) | 1;
    let mut random = Random(seed);
    for round in 0..20_000 {
        let ty = random.ty(4);
        let value = random.value(&ty);
        let text = encode(&value, &ty);
        let case = format!("seed {seed}, round {round}: {text} as {ty}");
        let json = serde_json::from_str(&text).expect(&case);
        let read = decode(&ty, &json).expect(&case);
        assert_eq!(read, value, "{case}");
        // Signs of zero, too, which is how it is written again.
        assert_eq!(encode(&read, &ty), text, "{case}");
    }
}

#[test]
fn whatever_else_comes_is_a_value_of_the_type_or_refused() {
    let seed = RandomState::new().hash_one(0) | 1;
    let mut random = Random(seed);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..20_000 {
        let ty = random.ty(4);
        let value = random.value(&ty);
        let mut json = serde_json::from_str(&encode(&value, &ty)).expect("it is JSON");
        random.spoil(&mut json);
        match decode(&ty, &json) {
            // It can be written only if it is of the type.
            Ok(value) => {
                encode(&value, &ty);
                taken += 1;
            }
            Err(mismatch) => {
                assert!(mismatch.to_string().contains("has to be"), "seed {seed}, round {round}: {mismatch}");
                refused += 1;
            }
        }
    }
    assert!(taken > 100 && refused > 100, "seed {seed}: {taken} taken, {refused} refused");
}

#[test]
fn numbers_are_exact() {
    let single = |text| decode(&WitType::F32, &serde_json::from_str(text).expect("it is JSON"));
    assert_eq!(single("0.1"), Ok(Val::Float32(0.1)));
    assert_eq!(single("3.4028235e38"), Ok(Val::Float32(f32::MAX)));
    assert_eq!(single("1e-45"), Ok(Val::Float32(f32::from_bits(1))));
    single("3.4028236e38").expect_err("it rounds to infinity");
    assert_eq!(encode(&Val::Float32(0.1), &WitType::F32), "0.1");
    assert_eq!(encode(&Val::U64(u64::MAX), &WitType::U64), "18446744073709551615");
}

#[test]
fn each_type_has_one_form() {
    use WitType::*;
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let some = |value| Val::Option(Some(Box::new(value)));
    let bytes = |bytes: &[u8]| bytes.iter().copied().map(Val::U8).collect();
    let text = |text: &str| Val::String(text.into());
    let twice = Option(Option(Bool.into()).into());
    let variant = Variant(vec![("card".into(), Some(String)), ("cash".into(), None)]);
    let result = Result(None, Some(U8.into()));
    let order = Record(vec![field("id", U64), field("user-id", U64), field("gift", Option(Bool.into()))]);
    for (ty, value, json) in [
        (List(U8.into()), Val::List(bytes(b"\xff\xfe\xfd\xfc")), r#""//79/A==""#),
        (FixedLengthList(U8.into(), 2), Val::FixedLengthList(bytes(b"ab")), "[97,98]"),
        (Tuple(vec![U8, String]), Val::Tuple(vec![Val::U8(1), text("a")]), r#"[1,"a"]"#),
        (Map(String.into(), U8.into()), Val::Map(vec![(text("a"), Val::U8(1))]), r#"{"a":1}"#),
        (Map(U8.into(), U8.into()), Val::Map(vec![(Val::U8(1), Val::U8(2))]), "[[1,2]]"),
        (twice.clone(), Val::Option(None), "null"),
        (twice.clone(), some(Val::Option(None)), r#"{"some":null}"#),
        (twice, some(some(Val::Bool(true))), r#"{"some":true}"#),
        (variant.clone(), Val::Variant("cash".into(), None), r#""cash""#),
        (variant, Val::Variant("card".into(), Some(text("1").into())), r#"{"card":"1"}"#),
        (result.clone(), Val::Result(Ok(None)), r#"{"ok":null}"#),
        (result, Val::Result(Err(Some(Val::U8(1).into()))), r#"{"err":1}"#),
        (Flags(vec!["a".into(), "b".into()]), Val::Flags(vec!["b".into()]), r#"["b"]"#),
        (F64, Val::Float64(f64::NAN), r#""NaN""#),
        (
            order,
            Val::Record(vec![
                ("id".into(), Val::U64(1)),
                ("user-id".into(), Val::U64(2)),
                ("gift".into(), Val::Option(None)),
            ]),
            r#"{"id":1,"user-id":2,"gift":null}"#,
        ),
    ] {
        assert_eq!(encode(&value, &ty), json, "{ty}");
        assert_eq!(decode(&ty, &serde_json::from_str(json).expect("it is JSON")), Ok(value), "{ty}");
    }
}

#[test]
fn newer_and_older_senders_are_understood() {
    let ty = WitType::Record(vec![
        Field { name: "id".into(), ty: WitType::U64 },
        Field { name: "gift".into(), ty: WitType::Option(WitType::Bool.into()) },
    ]);
    let value = Val::Record(vec![("id".into(), Val::U64(1)), ("gift".into(), Val::Option(None))]);
    assert_eq!(decode(&ty, &json!({ "colour": "red", "id": 1 })), Ok(value));
}

#[test]
fn a_mismatch_says_where_what_and_what_instead() {
    use WitType::*;
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let colour = Enum(vec!["red".into(), "blue".into()]);
    let item = Record(vec![field("price", U32), field("colours", Option(List(colour.into()).into()))]);
    let paid = Variant(vec![("card".into(), Some(String)), ("cash".into(), None)]);
    let order = Record(vec![
        field("items", List(item.into())),
        field("paid", Result(Some(Tuple(vec![paid, U8]).into()), None)),
        field("prices", Map(String.into(), Map(U8.into(), S8.into()).into())),
    ]);
    let good = || json!({ "items": [{ "price": 1 }], "paid": { "err": null }, "prices": {} });
    assert!(decode(&order, &good()).is_ok());
    let paid = "variant { card(string), cash }";
    for (place, json, text) in [
        (
            "/items",
            json!(null),
            "`items` is null, and has to be list<record { price: u32, colours: option<list<enum { red, blue }>> }>"
                .into(),
        ),
        ("/items/0", json!({}), "`items[0].price` is missing, and has to be u32".into()),
        ("/items/0/price", json!("7"), "`items[0].price` is a string, and has to be u32".into()),
        ("/items/0/price", json!(1.5), "`items[0].price` is 1.5, and has to be u32".into()),
        ("/items/0/price", json!(u64::from(u32::MAX) + 1), "`items[0].price` is 4294967296, and has to be u32".into()),
        (
            "/items/0",
            json!({ "price": 1, "colours": ["red", "green"] }),
            "`items[0].colours[1]` is \"green\", and has to be enum { red, blue }".into(),
        ),
        ("/paid", json!({ "ok": ["cash"] }), format!("`paid.ok` is a list of 1, and has to be tuple<{paid}, u8>")),
        (
            "/paid",
            json!({ "ok": [{ "cash": null }, 1] }),
            format!("`paid.ok[0]` is \"cash\" with something in it, and has to be {paid}"),
        ),
        (
            "/paid",
            json!({ "ok": ["card", 1] }),
            format!("`paid.ok[0]` is \"card\" with nothing in it, and has to be {paid}"),
        ),
        ("/paid", json!({ "ok": [{ "card": 5 }, 1] }), "`paid.ok[0].card` is 5, and has to be string".into()),
        ("/paid", json!("ok"), format!("`paid` is a string, and has to be result<tuple<{paid}, u8>>")),
        (
            "/prices",
            json!({ "a": [[1, -1], [2]] }),
            "`prices.a[1]` is no pair, and has to be a list of u8 and s8".into(),
        ),
        ("/prices", json!({ "a": [[1, -129]] }), "`prices.a[0][1]` is -129, and has to be s8".into()),
    ] {
        let mut order_json = good();
        *order_json.pointer_mut(place).expect("it is there") = json;
        let mismatch = decode(&order, &order_json).expect_err("it is spoilt");
        assert_eq!(mismatch.to_string(), text);
    }
    let mismatch = decode(&List(U8.into()), &json!("?")).expect_err("it is no base64");
    assert_eq!(mismatch.to_string(), "the data is no base64, and has to be list<u8>");
}

#[test]
fn a_value_of_another_type_is_not_written() {
    let record = WitType::Record(vec![Field { name: "id".into(), ty: WitType::U8 }]);
    for (ty, value) in [(&WitType::U8, Val::U16(1)), (&record, Val::Record(vec![])), (&record, Val::Bool(true))] {
        serde_json::to_string(&Json { value: &value, ty }).expect_err("it is of another type");
    }
}
