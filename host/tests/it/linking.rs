//! Links that cannot be made are told before anything is served, and those that
//! can are made: each `NAME.toml` in `tests/links` is an app whose components
//! come from the WAT texts in `tests/links/wat`, and `NAME.txt` beside it is what
//! `dovetail check` says of it. `UPDATE_EXPECT=1 cargo test` writes those texts
//! anew; read the diff before you keep it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Output, Stdio},
};

use tempfile::TempDir;

use crate::support::{dovetail, made::parse};

/// Apps that are checked side by side.
const AT_ONCE: usize = 4;

#[test]
fn every_app_gets_its_report() {
    let components = components();
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    let apps = files(&folder(), "toml");
    assert!(!apps.is_empty());
    for apps in apps.chunks(AT_ONCE) {
        let started: Vec<_> = apps.iter().map(|app| (app, check(&components, app))).collect();
        for (app, child) in started {
            let report = report(child.wait_with_output().expect("dovetail ends"));
            let expected = app.with_extension("txt");
            if update {
                fs::write(&expected, &report).expect("the report can be written");
            } else if fs::read_to_string(&expected).unwrap_or_default() != report {
                wrong.push(format!("{} gets\n{report}", app.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_component_and_every_report_belongs_to_an_app() {
    let apps = files(&folder(), "toml");
    let manifests: Vec<_> = apps.iter().map(|app| fs::read_to_string(app).expect("a manifest")).collect();
    let unused: Vec<_> = files(&folder().join("wat"), "wat").into_iter().map(|wat| stem(&wat)).collect();
    let unused = unused.iter().filter(|name| !manifests.iter().any(|text| text.contains(&format!("\"{name}.wasm\""))));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new());
    let names = |extension| files(&folder(), extension).iter().map(|file| stem(file)).collect::<BTreeSet<_>>();
    assert_eq!(names("txt"), names("toml"));
}

#[test]
fn what_a_report_says_to_write_makes_the_link() {
    let components = components();
    let output = check(&components, &folder().join("two.toml")).wait_with_output().expect("dovetail ends");
    let report = report(output);
    let start = report.find("links = {").expect("the report says which line to write");
    let end = start + report[start..].find('}').expect("the line ends");
    let line = &report[start..=end];

    let manifest = fs::read_to_string(folder().join("two.toml")).expect("a manifest");
    let table = "[service.order]\n";
    assert!(manifest.contains(table));
    let mended = components.path().join("mended.toml");
    fs::write(&mended, manifest.replace(table, &format!("{table}{line}\n"))).expect("the manifest can be written");
    let output = run(&components, "mended.toml").wait_with_output().expect("dovetail ends");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/links")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a file has a name").to_string_lossy().into_owned()
}

/// A folder with every component in it, and with files that are none.
fn components() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(format!("{name}.wasm")), bytes).expect("a component can be written");
    };
    for file in files(&self::folder().join("wat"), "wat") {
        let bytes = wat::parse_file(&file).unwrap_or_else(|error| panic!("{error}"));
        write(&stem(&file), &bytes);
    }
    let text = "(component)";
    let whole = fs::read(folder.path().join("directory.wasm")).expect("it was just written");
    write("truncated", &whole[..whole.len() / 2]);
    write("random", b"\x8f\x02\xd1random bytes\x00\xff");
    write("text", text.as_bytes());
    write("empty", b"");
    let too_many = |name: &str, component: &str, item: &str, times| {
        write(name, &parse(&component.replace("ITEMS", &item.repeat(times))));
    };
    too_many("instances", "(component (core module $m) ITEMS)", "(core instance (instantiate $m))", 65);
    let one = "(component (core module $m ITEMS) (core instance (instantiate $m)))";
    too_many("tables", one, "(table 1 funcref)", 17);
    too_many("elements", one, "(table 100001 funcref)", 1);
    // A file of holes takes no room on the disk.
    let large = fs::File::create(folder.path().join("too-large.wasm")).expect("a file can be made");
    large.set_len((128 << 20) + 1).expect("it can be as large");
    folder
}

/// Check an app among these components.
fn check(components: &TempDir, app: &Path) -> Child {
    let name = format!("{}.toml", stem(app));
    fs::copy(app, components.path().join(&name)).expect("the manifest can be copied");
    run(components, &name)
}

fn run(components: &TempDir, manifest: &str) -> Child {
    let mut command = dovetail();
    command.args(["check", "--manifest", manifest]).current_dir(components);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dovetail starts")
}

/// What a user has to read: the answer, or what is wrong, without the progress
/// before it.
fn report(output: Output) -> String {
    let (answer, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let wrong = progress.find("error:").map_or("", |start| &progress[start..]);
    assert_eq!(output.status.code(), Some(i32::from(!wrong.is_empty())), "{progress}");
    assert!(answer.is_empty() != wrong.is_empty(), "{answer}{progress}");
    format!("{answer}{wrong}")
}
