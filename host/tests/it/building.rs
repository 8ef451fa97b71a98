//! Components are built as the manifest says, with what Rust lacks for it added.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::support::{app, dovetail, plain};

/// What cargo is asked to do in these tests, by a `cargo` that only notes it.
const CARGO: &str = "[app]\nname = \"built\"\n[service.one]\ncomponent = \"one.wasm\"\n\
    build = \"cargo build --release --target wasm32-wasip2\"\n";
const ADD: &str = "rustup target add wasm32-wasip2";

#[test]
fn a_command_of_two_services_runs_once_in_the_manifests_folder() {
    let folder = app("[app]\nname = \"built\"\n\
        [service.one]\ncomponent = \"one.wasm\"\nbuild = \"echo both >> built\"\n\
        [service.two]\ncomponent = \"two.wasm\"\nbuild = \"echo both >> built\"\n\
        [service.three]\ncomponent = \"three.wasm\"\nbuild = \"echo three >> built\"\n\
        [service.four]\ncomponent = \"four.wasm\"\n");
    let manifest = folder.path().join("dovetail.toml");
    let output = run(dovetail().args(["build", "--manifest"]).arg(manifest).current_dir("/"));
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(fs::read_to_string(folder.path().join("built")).expect("it was built"), "both\nthree\n");
    assert!(told(&output).contains("Built one, two in "), "{}", told(&output));
    assert!(told(&output).contains("Built three in "), "{}", told(&output));
    assert!(!told(&output).contains("four"), "{}", told(&output));
}

#[test]
fn that_there_is_nothing_to_do_is_said() {
    let folder = plain("");
    for (verb, expected) in [
        ("build", "   Nothing to build: no service has a `build` command\n"),
        ("update", "   Nothing to update: no service has its component in a registry\n"),
    ] {
        let output = run(dovetail().arg(verb).current_dir(&folder));
        assert_eq!((output.status.code(), told(&output)), (Some(0), expected), "{verb}");
    }
}

#[test]
fn a_build_that_fails_shows_its_output_and_its_services() {
    let folder = app("[app]\nname = \"built\"\n\
        [service.one]\ncomponent = \"one.wasm\"\nbuild = \"echo first; echo second >&2; exit 7\"\n\
        [service.two]\ncomponent = \"two.wasm\"\nbuild = \"echo first; echo second >&2; exit 7\"\n");
    for verb in ["build", "check", "graph", "asyncapi", "up"] {
        let output = run(dovetail().arg(verb).current_dir(&folder));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{verb}: {}", told(&output));
        assert!(told(&output).contains("error: the build of one, two failed\n"), "{verb}: {}", told(&output));
        assert!(told(&output).contains("exit status: 7:\nfirst\nsecond\n"), "{verb}: {}", told(&output));
    }
}

#[test]
fn a_build_that_fails_without_a_word_is_told_so() {
    let folder = app("[app]\nname = \"built\"\n[service.one]\ncomponent = \"one.wasm\"\nbuild = \"exit 7\"\n");
    let output = run(dovetail().arg("build").current_dir(&folder));
    assert!(told(&output).ends_with("`exit 7` ended with exit status: 7 and said nothing\n"), "{}", told(&output));
}

#[test]
fn what_a_build_prints_is_not_shown_when_it_succeeds() {
    let folder = app("[app]\nname = \"built\"\n[service.one]\ncomponent = \"one.wasm\"\nbuild = \"echo chatter\"\n");
    let output = run(dovetail().arg("build").current_dir(&folder));
    assert!(output.status.success() && !told(&output).contains("chatter"), "{}", told(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_missing_target_is_added_before_the_build_and_only_then() {
    let (folder, tools) = (app(CARGO), Tools::new());
    tools.put("rustup", &format!("echo \"$0 $*\" >> {0}/calls; mkdir {0}/libraries", tools.path()));
    let output = run(tools.with(dovetail().arg("build").current_dir(&folder)));
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains(&format!("Adding the Rust target wasm32-wasip2 (`{ADD}`)")), "{}", told(&output));
    assert_eq!(tools.calls(), [ADD, "cargo build --release --target wasm32-wasip2"]);

    let output = run(tools.with(dovetail().arg("build").current_dir(&folder)));
    assert!(output.status.success() && !told(&output).contains("Adding"), "{}", told(&output));
    assert_eq!(tools.calls().len(), 3);
}

#[test]
fn a_target_that_cannot_be_added_is_an_error_with_the_command_to_run() {
    let (folder, tools) = (app(CARGO), Tools::new());
    let advice = format!("error: the Rust target wasm32-wasip2 is missing and could not be added; run `{ADD}`\n");
    let output = run(tools.with(dovetail().arg("build").current_dir(&folder)));
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains(&advice), "{}", told(&output));
    assert!(told(&output).contains("`rustup` could not be started"), "{}", told(&output));

    tools.put("rustup", "echo 'no network today' >&2; exit 1");
    let output = run(tools.with(dovetail().arg("build").current_dir(&folder)));
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains(&advice), "{}", told(&output));
    assert!(told(&output).contains("no network today"), "{}", told(&output));
    assert_eq!(tools.calls(), [""; 0]);
}

#[test]
fn a_machine_without_rust_is_told_where_to_get_it() {
    let (folder, tools) = (app(CARGO), Tools::new());
    fs::remove_file(tools.0.path().join("rustc")).expect("it was there");
    let output = run(tools.with(dovetail().arg("build").current_dir(&folder)));
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("install Rust from https://rustup.rs"), "{}", told(&output));
}

/// A folder of programs that stand in for Rust's, and the only one that is
/// searched: a `rustc` whose target is there once the folder `libraries` is, and
/// a `cargo` that notes how it was called.
struct Tools(TempDir);

impl Tools {
    fn new() -> Tools {
        let tools = Tools(tempfile::tempdir().expect("a temporary folder"));
        let path = tools.path();
        tools.put("rustc", &format!("echo {path}/libraries"));
        tools.put("cargo", &format!("echo \"$0 $*\" >> {path}/calls"));
        for (name, program) in [("sh", "/bin/sh"), ("mkdir", "/bin/mkdir")] {
            std::os::unix::fs::symlink(program, tools.0.path().join(name)).expect("a link can be made");
        }
        tools
    }

    fn path(&self) -> std::path::Display<'_> {
        self.0.path().display()
    }

    fn put(&self, name: &str, script: &str) {
        let path = self.0.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
    }

    fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("PATH", self.0.path())
    }

    /// The calls that were noted, each with the program's name and arguments.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        let folder = format!("{}/", self.0.path().display());
        calls.lines().map(|call| call.replace(&folder, "")).collect()
    }
}

fn run(command: &mut Command) -> Output {
    command.output().expect("dovetail starts")
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
