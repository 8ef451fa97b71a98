//! From a path to a manifest, or to the report of what is wrong with it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, Deserializer};

use super::report::{Source, secrets};
use super::{Manifest, Problem, Report, check, schema, shape};

/// The text of the file at `path`.
pub(super) fn read(path: &Path) -> Result<String, Report> {
    let shown = path.display();
    let fail = |title: String, help: &str| Report::new(vec![Problem::new(title).help(help)]);
    if path.is_dir() {
        let title = format!("`{shown}` is a folder, not a manifest");
        let file = path.join("dovetail.toml");
        return Err(fail(title, &format!("pass `--manifest {}`", file.display())));
    }
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            fail(format!("there is no manifest at `{shown}`"), "write a dovetail.toml there, or pass `--manifest PATH`")
        }
        std::io::ErrorKind::InvalidData => fail(format!("`{shown}` is not UTF-8 text"), "save it as UTF-8"),
        _ => fail(format!("`{shown}` cannot be read: {error}"), "let this account read it, or pass `--manifest PATH`"),
    })
}

/// Takes `text` through all steps; `state` is the folder of the host.
pub(super) fn parse(path: &Path, text: &str, state: PathBuf) -> Result<Manifest, Report> {
    let mut source = Source::new(path, text);
    let (mut document, errors) = DeTable::parse_recoverable(text);
    source.hide(&secrets::of(document.get_ref(), text));
    // After the first, others may only follow from it.
    if let Some(error) = errors.iter().min_by_key(|error| error.span().map(|span| span.start)) {
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
        "literal string" => problem.help("put it in quotes, as in `name = \"demo\"`"),
        expected => problem.label(format!("expected {expected}")),
    }
}
