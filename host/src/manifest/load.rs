//! From a path to a manifest, or to the report of what is wrong with it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::Deserialize;
use toml::de::{DeTable, Deserializer};

use super::report::{Source, secrets};
use super::{Manifest, Problem, Report, check, schema, shape};

/// What a manifest is called unless it is said otherwise.
const USUAL: &str = "dovetail.toml";

/// The longest manifest, in bytes: some fifty times that of an app of a thousand
/// services.
const LONGEST: u64 = 16 << 20;

/// What to do about a file that is none.
const PASS: &str = "pass the path of the manifest: it is text, and mostly called dovetail.toml";

/// The text of the file at `path`.
pub(super) fn read(path: &Path) -> Result<String, Report> {
    let shown = path.display();
    let fail = |title: String, help: &str| Report::new(vec![Problem::new(title).help(help)]);
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => missing(path),
        ErrorKind::PermissionDenied => {
            fail(format!("`{shown}` may not be read by this account"), "let it, or run this as an account that may")
        }
        _ if leads_nowhere(&error) => fail(format!("`{shown}` is no path of a file: {error}"), PASS),
        _ => fail(
            format!("`{shown}` cannot be read: {error}"),
            "look whether `cat` can read it, or name another with `--manifest PATH`",
        ),
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        return Err(folder(path));
    }
    // To open a pipe would wait for who writes; and `--watch` reads it again.
    if !found.is_file() {
        let title = format!("`{shown}` is no file, but a pipe, a socket or a device");
        return Err(fail(title, "write the manifest into a file, and pass its path"));
    }
    if found.len() > LONGEST {
        let title = format!("`{shown}` is larger than {} MiB, and no manifest", LONGEST >> 20);
        return Err(fail(title, PASS));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    if bytes.starts_with(b"\0asm") {
        return Err(fail(format!("`{shown}` is WebAssembly, and no manifest"), PASS));
    }
    String::from_utf8(bytes).map_err(|_| fail(format!("`{shown}` is not UTF-8 text"), "save it as UTF-8"))
}

/// Whether no file could be at such a path.
fn leads_nowhere(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP))
}

/// A folder was named, with or without a manifest in it.
fn folder(path: &Path) -> Report {
    let title = format!("`{}` is a folder, not a manifest", path.display());
    let file = path.join(USUAL);
    let help = match file.is_file() {
        true => format!("pass `--manifest {}`", file.display()),
        false => format!("there is no {USUAL} in it either: write one there, or pass another `--manifest PATH`"),
    };
    Report::new(vec![Problem::new(title).help(help)])
}

/// Nothing is there; perhaps it was asked for in a folder below.
fn missing(path: &Path) -> Report {
    let problem = Problem::new(format!("there is no manifest at `{}`", path.display()));
    let above = std::path::absolute(dir(path)).ok();
    let above = above.iter().flat_map(|folder| folder.ancestors().skip(1)).map(|folder| folder.join(USUAL));
    let help = match (std::fs::read_link(path), above.filter(|_| path == Path::new(USUAL)).find(|file| file.is_file()))
    {
        (Ok(to), _) => format!("it is a link to `{}`, where nothing is: make that, or the link anew", to.display()),
        (_, Some(file)) => format!("pass `--manifest {}`, or go to that folder", file.display()),
        (_, None) => format!("write a {USUAL} there, or pass `--manifest PATH`"),
    };
    Report::new(vec![problem.help(help)])
}

/// Takes `text` through all steps; `state` is the folder of the host.
pub(super) fn parse(path: &Path, text: &str, state: PathBuf) -> Result<Manifest, Report> {
    let mut source = Source::new(path, text);
    let (mut document, errors) = DeTable::parse_recoverable(text);
    source.hide(&secrets::of(document.get_ref(), text));
    // After the first, others may only follow from it.
    if let Some(error) = errors.iter().min_by_key(|error| error.span().map(|span| span.start)) {
        source.hide(&secrets::guessed(text));
        return Err(Report::new(vec![syntax(&source, error)]));
    }
    let (places, mut problems) = shape::prune(document.get_mut(), &source);
    match schema::Document::deserialize(Deserializer::from(document)) {
        Ok(document) => check::check((path, state), document, source, places, problems),
        Err(error) => {
            problems.push(syntax(&source, &error));
            Err(Report::new(problems))
        }
    }
}

/// The folder of the host, for the manifest at `path`, if no other was asked for.
pub(super) fn state(path: &Path) -> PathBuf {
    dir(path).join(".dovetail")
}

/// Where the components of the manifest at `path` are kept that are in registries: its
/// lock file says what they are, and that of one beside it may say otherwise.
pub(super) fn pulled(path: &Path, state: &Path) -> PathBuf {
    state.join("registry").join(path.file_name().unwrap_or_default())
}

/// A path in a manifest of the folder `dir`, seen from where the host runs.
pub(super) fn joined(dir: &Path, path: &str) -> PathBuf {
    if dir == Path::new(".") { PathBuf::from(path) } else { dir.join(path) }
}

/// The folder of the manifest at `path`, which is never empty.
pub(super) fn dir(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}

fn syntax(source: &Source, error: &toml::de::Error) -> Problem {
    // The parser says what it saw, then what it expected.
    let (what, expected) = match error.message().split_once(", expected ") {
        Some((what, expected)) => (what, expected),
        None => (error.message(), ""),
    };
    let problem = Problem::at(source, error.span(), format!("this is not TOML: {what}"));
    match expected {
        "" if what == "duplicate key" => problem.help("leave one of the two out"),
        "" => problem,
        _ if is_interface(source, error) => {
            problem.help("put an interface in quotes, as in \"acme:stock/shelf@0.1.0\"")
        }
        "literal string" => problem.help("put it in quotes, as in `name = \"demo\"`"),
        expected => problem.label(format!("expected {expected}")),
    }
}

/// Whether what is no TOML is the `:` of an interface without quotes.
fn is_interface(source: &Source, error: &toml::de::Error) -> bool {
    let rest = error.span().and_then(|span| source.text().get(span.start..));
    let behind = rest.and_then(|rest| rest.strip_prefix(':'));
    behind.is_some_and(|behind| behind.starts_with(|c: char| c.is_ascii_alphabetic()))
}
