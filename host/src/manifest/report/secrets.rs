//! What of a manifest is quoted to nobody: the values of `env` and `config`, which are
//! mostly what a service must know and others must not, and hosts with a name and a
//! password. (Passwords in URLs are found anywhere: see `store_url`.) Reports end up in the logs of
//! builds, and in the answers of the admin API.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::manifest::OutboundHost;

/// Where they are.
pub fn of(document: &DeTable<'_>, text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let services = document.iter().filter(|(key, _)| key.get_ref() == "service");
    for (_, services) in services {
        of_services(services.get_ref(), text, &mut places);
    }
    places
}

/// Where they may be in a text that is no TOML, of which only a part was read: what looks
/// like a value of them, but for what it is made of, so that the mistake can be seen.
pub fn guessed(text: &str) -> Vec<Range<usize>> {
    let (mut places, mut start, mut is_table) = (Vec::new(), 0, false);
    for line in text.split_inclusive('\n') {
        let pair = line.split_once('=').filter(|(key, _)| key.trim().chars().all(|c| is_bare(c) || ".\"'".contains(c)));
        let (key, value) = pair.unwrap_or_else(|| behind_name(line));
        let names = |key: &str| key.split(|c| !is_bare(c)).any(|word| matches!(word, "env" | "config"));
        if line.trim_start().starts_with('[') {
            is_table = names(line);
        } else if is_table || names(key) {
            let value = start + line.len() - value.len()..start + line.len();
            let mut at = value.start;
            for part in text[value].split_inclusive(|c| MARKS.contains(&c)) {
                places.push(at..at + part.trim_end_matches(MARKS).len());
                at += part.len();
            }
        }
        start += line.len();
    }
    places
}

/// Of a line that does not begin with a key and a `=`, which may be what is wrong with it:
/// a name and the rest, as in `KEY: "value"`. It may be of a text of several lines, too,
/// all of which may be secret.
fn behind_name(line: &str) -> (&str, &str) {
    let name = line.len() - line.trim_start().len();
    let end = line[name..].find(|c| !is_bare(c) && c != '.').map_or(line.len(), |length| name + length);
    match line[end..].strip_prefix(':').unwrap_or(&line[end..]) {
        rest if rest.trim().is_empty() => line.split_at(name),
        rest => line.split_at(line.len() - rest.len()),
    }
}

/// Whether a name needs no quotes for this character.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// What values are made of beside what they say.
const MARKS: [char; 13] = [' ', '\t', '\r', '\n', '=', ',', '{', '}', '[', ']', '"', '\'', '#'];

/// By name, or in a list, where somebody took them for one.
fn of_services(services: &DeValue<'_>, text: &str, places: &mut Vec<Range<usize>>) {
    match services {
        DeValue::Table(services) => {
            of_service(services, text, places);
            let services = services.iter().filter_map(|(_, service)| service.get_ref().as_table());
            services.for_each(|service| of_service(service, text, places));
        }
        DeValue::Array(services) => services.iter().for_each(|service| of_services(service.get_ref(), text, places)),
        _ => {}
    }
}

fn of_service(service: &DeTable<'_>, text: &str, places: &mut Vec<Range<usize>>) {
    for (key, value) in service.iter() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("env" | "config", DeValue::Table(table)) => {
                table.iter().for_each(|(_, value)| of_setting(value, places));
            }
            // What is no table is refused, and quoted for that.
            ("env" | "config", _) => places.push(value.span()),
            ("outbound", DeValue::Array(hosts)) => {
                places.extend(hosts.iter().filter_map(|host| user(host.span(), text)))
            }
            _ => {}
        }
    }
}

/// A value. Of one that is in a file the file is no secret.
fn of_setting(value: &Spanned<DeValue<'_>>, places: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) if table.contains_key("file") => {
            let others = table.iter().filter(|(key, value)| key.get_ref() != "file" || !value.get_ref().is_str());
            places.extend(others.map(|(_, value)| value.span()));
        }
        _ => places.push(value.span()),
    }
}

/// What stands before the `@` of a host.
fn user(host: Range<usize>, text: &str) -> Option<Range<usize>> {
    let user = OutboundHost::user(text.get(host.clone())?)?;
    Some(host.start + user.start..host.start + user.end)
}

/// The text with a star for each byte at these places, but for their quotes and the ends
/// of lines: what points at other places still does.
pub fn hidden(text: &str, places: &[Range<usize>]) -> String {
    let mut shown = text.to_owned();
    for place in places.iter().filter(|place| text.get((*place).clone()).is_some()) {
        let quoted = &text[place.clone()];
        let inside = quoted.trim_matches(['"', '\'']);
        let begin = quoted.len() - quoted.trim_start_matches(['"', '\'']).len();
        let stars = inside.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' });
        let stars: String = stars.collect();
        let start = place.start + begin;
        shown.replace_range(start..start + stars.len(), &stars);
    }
    shown
}
