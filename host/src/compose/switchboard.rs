//! What ties the router to the services behind it: it knows the routes, and hands
//! a request to a service by its number.
//!
//! It is made for each app, since it imports the handler of each service under a
//! name of its own.

use std::fmt::Write;

use super::{ComposeError, text};

/// What the router imports, and a switchboard exports.
pub const INTERFACE: &str = "dovetail:router/services@0.1.0";

/// What a switchboard imports for the service with this number.
pub fn import(service: usize) -> String {
    format!("dovetail:router/service{service}")
}

/// A switchboard to services with these patterns each.
pub fn make(patterns: &[Vec<String>]) -> Result<Vec<u8>, ComposeError> {
    let routes = Routes::lay_out(patterns);
    let (mut imports, mut lowered, mut taken, mut given, mut table) = Default::default();
    for service in 0..patterns.len() {
        let name = import(service);
        line(&mut imports, format!(r#"(import "{name}" (instance $service{service} (type $handler)))"#));
        line(&mut lowered, format!(r#"(alias export $service{service} "handle" (func $service{service}))"#));
        line(&mut lowered, format!(r#"(core func $service{service} (canon lower (func $service{service})))"#));
        line(&mut taken, format!(r#"(import "services" "{service}" (func $service{service} (type $handle)))"#));
        line(&mut given, format!(r#"(export "{service}" (func $service{service}))"#));
        line(&mut table, format!("$service{service}"));
    }
    let text = include_str!("switchboard.wat")
        .replace(";; IMPORTS", &imports)
        .replace(";; LOWERED", &lowered)
        .replace(";; TAKEN", &taken)
        .replace(";; GIVEN", &given)
        .replace("TABLE", &table)
        .replace("PAGES", &(routes.bytes.len() / text::PAGE + 1).to_string())
        .replace("ROUTES", &text::escaped(&routes.bytes));
    text::parse("switchboard", &text)
}

fn line(text: &mut String, line: String) {
    // A string takes all that is written.
    let _ = writeln!(text, "{line}");
}

/// A `list<tuple<string, u32>>` as the canonical ABI lays it out in memory.
struct Routes {
    bytes: Vec<u8>,
}

impl Routes {
    fn lay_out(patterns: &[Vec<String>]) -> Routes {
        let routes: Vec<_> =
            (0u32..).zip(patterns).flat_map(|(service, all)| all.iter().map(move |it| (service, it))).collect();
        // At 0 the list itself: where its entries are, and how many. Then these,
        // each where its text is, how long, and the service; then the texts.
        let (entries, entry) = (8, 12);
        let mut numbers = vec![entries as u32, routes.len() as u32];
        let mut at = entries + entry * routes.len();
        for (service, pattern) in &routes {
            numbers.extend([at as u32, pattern.len() as u32, *service]);
            at += pattern.len();
        }
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        bytes.extend(routes.iter().flat_map(|(_, pattern)| pattern.bytes()));
        Routes { bytes }
    }
}
