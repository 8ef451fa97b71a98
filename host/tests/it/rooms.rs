//! The rooms of the host use each other only as its plan allows.
//!
//! A room is a top-level module of `host/src`. What it uses is read from its
//! code: every path that begins with `crate::`, or with as many `super::` as
//! lead there. Comments may name any room.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which rooms each room uses, or may use.
type Plan = BTreeMap<String, BTreeSet<String>>;

/// The plan. A new word in it is argued in its comment and in its commit.
const PLAN: &[(&str, &[&str])] = &[
    // The command line is where everything comes together.
    ("cli", &["everything"]),
    // How connections are accepted, bounded and drained is the same for both:
    // hence `listener`, a room that knows nothing of what is served.
    // `tls` for what authorities are shown at a port of plain HTTP; `identity`, because a route
    // may ask who asks; `upstream`, because a route may lead there; `store`, because hosts count
    // requests together there.
    ("gateway", &["app", "identity", "listener", "manifest", "service", "store", "telemetry", "tls", "upstream"]),
    ("admin", &["app", "event", "listener", "manifest", "service", "swap", "telemetry", "upstream"]),
    // How others are asked is known by itself: `manifest` for where they are, `tls` for whom
    // the host believes there.
    ("upstream", &["manifest", "tls"]),
    // Deliveries are calls of an app's services, with the store between. `link` for the
    // name of the export that a message is for.
    ("event", &["app", "broker", "link", "manifest", "message", "service", "store"]),
    // A swap is made of what the app can do with one component: `app` checks and
    // publishes, `swap` orders the steps, records them and sees the old one out.
    ("swap", &["app", "history", "manifest", "service", "telemetry"]),
    // `capability`, because an app is what turns a manifest's grants into those
    // of a service: nobody else knows both and the store. `history`, because an app
    // comes up with what was live.
    (
        "app",
        &["capability", "engine", "history", "link", "manifest", "message", "renewal", "service", "store", "telemetry"],
    ),
    // What is composed is a plan's: its links by name, told apart by the versions
    // of their interfaces, and the grants of its services. `defect`, because what is
    // composed is anybody's, and the library that does it may panic.
    ("compose", &["app", "defect", "link", "manifest"]),
    // What others are told of is a plan's, too: its messages by kind, with the schemas
    // that `message` has of them, and by event, which `manifest` has.
    ("asyncapi", &["app", "manifest", "message"]),
    // Likewise of HTTP, for which what the manifest says is enough.
    ("openapi", &["manifest"]),
    ("link", &["message", "service"]),
    // `manifest` for its values (limits, sizes, hosts), which are valid by
    // construction; a second set of the same types would only be converted. Not
    // `link`: a service does not know who calls it. `telemetry` for the log of its
    // failures.
    ("service", &["capability", "manifest", "message", "telemetry"]),
    // `telemetry`, because what a component prints and what it is refused are
    // lines of the log, and bounded there. `renewal`, because what a component is told may be
    // in files, which are read again when they change.
    ("capability", &["manifest", "message", "renewal", "store", "telemetry"]),
    // `manifest` for the URL of a store, for the same reason: when each read it
    // for itself, what one took the other refused.
    ("store", &["manifest"]),
    // Likewise for the URL of a broker. `store` for files of passwords and certificates, which
    // are read alike for all servers; `message` for how a key is cut short.
    ("broker", &["manifest", "message", "store"]),
    // `manifest` for references and digests, likewise. `private`, here and below,
    // because whoever writes where components and their code are kept decides what runs.
    ("registry", &["manifest", "private"]),
    // `defect`, because what is compiled is anybody's.
    ("engine", &["defect", "private"]),
    ("history", &["private"]),
    // Who asks is verified in a room of its own, which knows nothing of requests: the gateway
    // says what was brought. `capability`, because a component is told of it. `renewal` and
    // `tls`, because keys are in files and come from issuers; `manifest` for where these are.
    ("identity", &["capability", "manifest", "renewal", "tls"]),
    // What can be understood, and tested, by itself.
    ("manifest", &[]),
    // What is sent to others and kept for years is told apart from what the host
    // does with it.
    ("message", &[]),
    ("defect", &[]),
    ("private", &[]),
    // `tls`, because whoever listens may speak it.
    ("listener", &["tls"]),
    ("telemetry", &[]),
    // Who orders certificates: it knows nobody who listens. `manifest` for what is ordered,
    // `private` for where it is kept, `tls` for what authorities look at.
    ("acme", &["manifest", "private", "tls"]),
    // What is passed to the process and told of it, by plain values.
    ("systemd", &[]),
    // `manifest` for where its files are; `renewal`, because they are read again when they
    // change, as other files are.
    ("tls", &["manifest", "renewal"]),
    ("renewal", &[]),
];

#[test]
fn rooms_use_only_what_the_plan_allows() {
    let (plan, found) = (plan(), uses());
    let rooms = |plan: &Plan| plan.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(rooms(&found), rooms(&plan), "the rooms of host/src, and those of the plan");
    let mut wrong = Vec::new();
    for (room, used) in &found {
        let forbidden = used.difference(&plan[room]);
        wrong.extend(forbidden.map(|other| format!("{room} uses {other}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_shows_the_same_plan() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(path).expect("the architecture is described");
    let (_, text) = text.split_once("| room | may use |\n|---|---|\n").expect("the table is there");
    let mut shown = Plan::new();
    for line in text.lines().take_while(|line| line.starts_with('|')) {
        let (rooms, used) = line.trim_matches('|').split_once('|').expect("two columns");
        for room in names(rooms) {
            let used = if used.trim() == "everything" { plan()[&room].clone() } else { names(used) };
            shown.insert(room, used);
        }
    }
    assert_eq!(shown, plan());
}

#[test]
fn uses_are_read_from_code_in_every_form() {
    let read = |depth, text: &str| rooms_in(depth, text).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(read(1, "use crate::store::Entry;"), "store");
    assert_eq!(read(1, "use crate::{app::App, link::{self, Link}, store};"), "app link store");
    assert_eq!(read(1, "use crate::{\n    // why\n    app,\n};\nfn f() { crate::engine::start() }"), "app engine");
    assert_eq!(read(1, "pub(crate) use crate :: store;"), "store");
    assert_eq!(read(1, "/// See [`crate::link`].\n//! crate::app\nlet a = 1; // crate::cli"), "");
    assert_eq!(read(1, "let url = \"http://x\"; crate::store::open(url)"), "store");
    assert_eq!(read(1, "let c = '\"'; crate::store::open(c)"), "store");
    assert_eq!(read(1, "let text = r#\"\"crate::app\"\"#; mycrate::store"), "");
    assert_eq!(read(2, "use super::State; use super::super::store;"), "store");
    assert_eq!(read(1, "use super::store;\nmod tests { use super::*; }"), "store");
}

/// The plan as a map, with all other rooms in place of "everything".
fn plan() -> Plan {
    let row = |room: &str, used: &[&str]| (room.to_owned(), used.iter().map(|name| name.to_string()).collect());
    let mut plan: Plan = PLAN.iter().map(|(room, used)| row(room, used)).collect();
    let rooms: BTreeSet<_> = plan.keys().cloned().collect();
    for (room, used) in &mut plan {
        if used.remove("everything") {
            used.extend(rooms.iter().filter(|other| *other != room).cloned());
        }
    }
    plan
}

/// What is in backticks.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(Into::into).collect()
}

/// Which rooms each room of the code uses.
fn uses() -> Plan {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Plan::new();
    for file in rust_files(&source) {
        let inside = file.strip_prefix(&source).expect("it was found there").with_extension("");
        let modules: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        // The crate's root and the command have no room; they only open the door.
        if modules == ["lib"] || modules == ["main"] {
            continue;
        }
        let text = fs::read_to_string(&file).expect("source is text");
        let room = modules[0].clone();
        let mut used = rooms_in(modules.len(), &text);
        used.remove(&room);
        found.entry(room).or_default().extend(used);
    }
    found
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        match path.is_dir() {
            true => files.extend(rust_files(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
    files
}

/// The rooms that a file names, which is the module `depth` levels below the
/// crate's root.
fn rooms_in(depth: usize, text: &str) -> BTreeSet<String> {
    let tokens = tokens(text);
    let mut rooms = BTreeSet::new();
    for start in 0..tokens.len() {
        let rest = &tokens[start..];
        let to_root = match rest {
            [first, ..] if first == "crate" => 1,
            // A glob of `super` is that of a file's own `mod tests`.
            [first, ..] if first == "super" => {
                let steps = rest
                    .chunks(2)
                    .take_while(|pair| matches!(pair, [step, colons] if step == "super" && colons == "::"));
                match steps.count() {
                    count if count == depth => 2 * count - 1,
                    _ => continue,
                }
            }
            _ => continue,
        };
        if start > 0 && tokens[start - 1] == "::" || rest.get(to_root).is_none_or(|token| token != "::") {
            continue;
        }
        match rest.get(to_root + 1).map(String::as_str) {
            Some("{") => rooms.extend(first_names(&rest[to_root + 2..])),
            Some("*") | None => {}
            Some(room) => drop(rooms.insert(room.to_owned())),
        }
    }
    rooms
}

/// The names that begin the items of a list in braces, up to its end.
fn first_names(tokens: &[String]) -> BTreeSet<String> {
    let (mut names, mut level, mut begins) = (BTreeSet::new(), 0, true);
    for token in tokens {
        match token.as_str() {
            "{" => level += 1,
            "}" if level == 0 => break,
            "}" => level -= 1,
            "," if level == 0 => begins = true,
            name if level == 0 && begins => {
                names.insert(name.to_owned());
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// Words and punctuation, `::` as one, without comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), text);
    while let Some(next) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#\"") => raw(rest),
            '\'' if rest.starts_with("'\"'") => 3,
            ':' if rest.starts_with("::") => 2,
            _ if word > 0 => word,
            _ => next.len_utf8(),
        };
        let token = &rest[..length];
        if !token.starts_with("//") && !token.contains('"') && !token.trim().is_empty() {
            tokens.push(token.to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

/// The length of the text in quotes that this begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = true; // the quote that begins it
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw text that this begins with.
fn raw(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    let (begin, end) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
    text[begin..].find(&end).map_or(text.len(), |place| begin + place + end.len())
}
