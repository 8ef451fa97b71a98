//! The parameters of real functions, and their arguments there and back.

#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use serde_json::value::RawValue;
use wasmtime::{
    Config, Engine,
    component::{Component, Val, types::ComponentItem},
};

use super::*;

/// The parameters of a function as a component imports it, with what its interface
/// declares before.
fn params(types: &str, function: &str) -> Result<Params, BoundToStore> {
    let mut config = Config::new();
    config.wasm_component_model_map(true).wasm_component_model_fixed_length_lists(true);
    let engine = Engine::new(&config).expect("it can be had");
    let wat = format!(
        r#"(component (import "shop:orders/events@0.1.0" (instance {types} (export "placed" (func {function})))))"#
    );
    let wasm = wat::parse_str(wat).expect("it is well-formed");
    let component = Component::new(&engine, wasm).expect("it is a component");
    let ty = component.component_type();
    let (_, events) = ty.imports(&engine).next().expect("it has an import");
    let ComponentItem::ComponentInstance(events) = events.ty else { panic!("it imports an interface") };
    let placed = events.get_export(&engine, "placed").expect("it has the function");
    let ComponentItem::ComponentFunc(placed) = placed.ty else { panic!("it is a function") };
    Params::of(&placed)
}

const ORDER: &str = r#"
    (type $order' (record (field "id" u64) (field "user-id" u64) (field "item" string)))
    (export "order" (type $order (eq $order')))"#;

#[test]
fn every_type_is_read_of_a_component() {
    let types = r#"
        (type $record' (record (field "user-id" u64) (field "ok" bool)))
        (export "r" (type $record (eq $record')))
        (type $variant' (variant (case "card" string) (case "cash")))
        (export "v" (type $variant (eq $variant')))
        (type $enum' (enum "red" "dark-blue"))
        (export "e" (type $enum (eq $enum')))
        (type $flags' (flags "gift" "express"))
        (export "f" (type $flags (eq $flags')))"#;
    for (written, wit) in [
        ("bool", "bool"),
        ("s8", "s8"),
        ("u8", "u8"),
        ("s16", "s16"),
        ("u16", "u16"),
        ("s32", "s32"),
        ("u32", "u32"),
        ("s64", "s64"),
        ("u64", "u64"),
        ("f32", "f32"),
        ("f64", "f64"),
        ("char", "char"),
        ("string", "string"),
        ("(list u8)", "list<u8>"),
        ("(list u8 4)", "list<u8, 4>"),
        ("(map string u8)", "map<string, u8>"),
        ("(tuple u8 string)", "tuple<u8, string>"),
        ("(option (option u8))", "option<option<u8>>"),
        ("(result)", "result"),
        ("(result u8)", "result<u8>"),
        ("(result (error u8))", "result<_, u8>"),
        ("(result u8 (error string))", "result<u8, string>"),
        ("$record", "record { user-id: u64, ok: bool }"),
        ("$variant", "variant { card(string), cash }"),
        ("$enum", "enum { red, dark-blue }"),
        ("$flags", "flags { gift, express }"),
    ] {
        let read = params(types, &format!(r#"(param "it" {written})"#)).expect("it can be kept");
        assert_eq!(read.to_string(), format!("(it: {wit})"));
    }
}

#[test]
fn what_belongs_to_a_store_is_refused() {
    let types = r#"(export "r" (type $r (sub resource)))"#;
    let error = params(types, r#"(param "it" (list (option (own $r))))"#).expect_err("it cannot be kept");
    assert_eq!(error.to_string(), "a resource belongs to one store and cannot be kept");
}

#[test]
fn arguments_are_an_object() {
    let params = params(ORDER, r#"(param "order" $order) (param "gift" (option bool))"#).expect("it can be kept");
    assert_eq!(params.to_string(), "(order: record { id: u64, user-id: u64, item: string }, gift: option<bool>)");
    let order = Val::Record(vec![
        ("id".into(), Val::U64(1)),
        ("user-id".into(), Val::U64(2)),
        ("item".into(), Val::String("Book".into())),
    ]);
    let arguments = [order, Val::Option(None)];
    let data = params.encode(&arguments).expect("they are of the types");
    assert_eq!(data.get(), r#"{"order":{"id":1,"user-id":2,"item":"Book"},"gift":null}"#);
    assert_eq!(params.decode(&data).expect("it is what was written"), arguments);
    params.encode(&arguments[..1]).expect_err("one is missing");
}

#[test]
fn data_that_is_wrong_is_told_of() {
    let params = params(ORDER, r#"(param "order" $order)"#).expect("it can be kept");
    for (data, text) in [
        ("null", "`order` is missing, and has to be record { id: u64, user-id: u64, item: string }"),
        (
            "[]",
            "the data is no object, and has to be the parameters \
             (order: record { id: u64, user-id: u64, item: string })",
        ),
        (r#"{"order":{"id":1,"user-id":"2"}}"#, "`order.user-id` is a string, and has to be u64"),
        ("1e999", "the data is no JSON that can be read"),
    ] {
        let data = RawValue::from_string(data.into()).expect("it is JSON");
        assert_eq!(params.decode(&data).expect_err("it is wrong").to_string(), text);
    }
    let deep = RawValue::from_string("[".repeat(10_000) + &"]".repeat(10_000)).expect("it is JSON");
    params.decode(&deep).expect_err("it is too deep");
}

#[test]
fn a_function_without_parameters_takes_anything_that_says_nothing() {
    let params = params("", "").expect("it can be kept");
    assert_eq!((params.to_string().as_str(), params.encode(&[]).expect("none").get()), ("()", "{}"));
    for data in ["null", "{}", r#"{"more":1}"#] {
        let data = RawValue::from_string(data.into()).expect("it is JSON");
        assert_eq!(params.decode(&data).expect("it has all"), []);
    }
}

#[test]
fn a_schema_changes_with_the_types() {
    let of = |function: &str| params(ORDER, function).expect("it can be kept").schema();
    assert_eq!(of(r#"(param "order" $order)"#), of(r#"(param "order" $order)"#));
    assert_ne!(of(r#"(param "order" $order)"#), of(r#"(param "the-order" $order)"#));
    assert_ne!(of(r#"(param "order" u64)"#), of(r#"(param "order" s64)"#));
}
