//! Keys that there are, and what is said of those that there are not.

#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use super::*;

fn params() -> Params {
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let colour = WitType::Enum(vec!["red".into(), "blue".into()]);
    let place = WitType::Tuple(vec![WitType::S8, WitType::Char]);
    let order = WitType::Record(vec![
        field("id", WitType::U64),
        field("user-id", WitType::U64),
        field("item", WitType::String),
        field("colour", colour),
        field("place", place),
        field("price", WitType::F64),
    ]);
    Params { fields: vec![field("order", order), field("gift", WitType::Bool)] }
}

fn arguments() -> Vec<Val> {
    let field = |name: &str, value| (name.to_owned(), value);
    let order = Val::Record(vec![
        field("id", Val::U64(1)),
        field("user-id", Val::U64(u64::MAX)),
        field("item", Val::String("Böok".into())),
        field("colour", Val::Enum("red".into())),
        field("place", Val::Tuple(vec![Val::S8(-1), Val::Char('x')])),
        field("price", Val::Float64(0.5)),
    ]);
    vec![order, Val::Bool(true)]
}

#[test]
fn a_key_is_found_among_the_arguments() {
    for (path, text) in [
        ("order.id", "1"),
        ("order.user-id", "18446744073709551615"),
        ("order.item", "Böok"),
        ("order.colour", "red"),
        ("order.place.0", "-1"),
        ("order.place.1", "x"),
        ("gift", "true"),
    ] {
        let parsed: KeyPath = path.parse().expect("it is well-formed");
        assert_eq!(parsed.to_string(), path);
        let key = parsed.resolve(&params()).expect("it is there");
        assert_eq!(key.of(&arguments()), text, "{path}");
        for others in [&[][..], &[Val::Bool(true)], &[Val::Record(vec![]), Val::Tuple(vec![])]] {
            assert_eq!(key.of(others), "", "{path}");
        }
    }
}

#[test]
fn a_key_that_is_not_there_is_told_from_what_is() {
    for (path, text) in [
        ("ordr.id", "the function has `order` and `gift`, and no `ordr`"),
        ("order.userid", "`order` has `id`, `user-id`, `item`, `colour`, `place` and `price`, and no `userid`"),
        ("order.place.2", "`order.place` has `0` and `1`, and no `2`"),
        ("order.item.length", "`order.item` is of type string, in which no value has a place of its own"),
        ("order.price", "`order.price` is of type f64, and a key is a bool, an integer, a char, a string or an enum"),
        (
            "order.place",
            "`order.place` is of type tuple<s8, char>, and a key is a bool, an integer, a char, a string or an enum",
        ),
    ] {
        let path: KeyPath = path.parse().expect("it is well-formed");
        assert_eq!(path.resolve(&params()).expect_err("it is not there").to_string(), text);
    }
    let none = "order".parse::<KeyPath>().expect("it is well-formed").resolve(&Params { fields: vec![] });
    assert_eq!(none.expect_err("there is none").to_string(), "the function has nothing, and no `order`");
}

#[test]
fn what_is_no_path_is_refused() {
    for text in ["", ".", "order.", ".id", "order..id", "order id", "order.-id", "order.id-", "order[0]", "ordér"] {
        assert_eq!(text.parse::<KeyPath>(), Err(NoKey::Syntax(text.into())), "{text}");
    }
}
