//! What is wrong is said in words that fit it: what it is, where, and what would be
//! right; and no password is repeated.

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{Host, dovetail, plain};

/// What is in the way of a component's file, and what is said of it. What is said in
/// the end of a help is left to the reports of `tests/links`.
type Way = (&'static str, fn(&Path), &'static str);

const WAYS: [Way; 7] = [
    ("nothing", |_| {}, "does not exist"),
    ("a link", |file| symlink("gone.wasm", file).expect("room"), "is a link to `gone.wasm`, which does not exist"),
    ("a folder", |file| fs::create_dir(file).expect("room"), "is a folder"),
    ("a socket", |file| drop(UnixListener::bind(file).expect("room")), "is no file, but a pipe, a socket or a device"),
    ("no permission", |file| put(file, 0o000), "may not be read by this account"),
    ("an empty file", |file| drop(File::create(file).expect("room")), "is empty"),
    (
        "a large file",
        |file| File::create(file).and_then(|file| file.set_len((128 << 20) + 1)).expect("holes"),
        "is larger than 128 MiB",
    ),
];

fn put(file: &Path, mode: u32) {
    fs::write(file, "text").expect("there is room");
    fs::set_permissions(file, Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn a_components_file_that_cannot_be_used_is_told_in_its_own_words() {
    let folder = plain("");
    let file = folder.path().join("plain.wasm");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("it is ours");
    for (what, make, told_as) in WAYS {
        let _ = fs::remove_dir(&file).or_else(|_| fs::remove_file(&file));
        make(&file);
        let output = run(as_another(dovetail().arg("check").current_dir(&folder)));
        assert_eq!(output.status.code(), Some(1), "{what}: {}", told(&output));
        assert!(told(&output).contains(told_as), "{what}: {}", told(&output));
        assert!(told(&output).contains("dovetail.toml:4:13"), "{what}: {}", told(&output));
        assert!(!told(&output).contains("build it as a component"), "{what}: {}", told(&output));
        // Nobody is there to be asked.
        let mut swap = dovetail();
        let output =
            run(as_another(swap.args(["swap", "plain", "--admin", "127.0.0.1:1"]).arg(&file).current_dir("/")));
        let expected = format!("error: `{}` {told_as}", file.display());
        assert!(told(&output).starts_with(&expected), "{what}: {}", told(&output));
    }
    let _ = fs::remove_file(&file);
    put(&file, 0o644);
    for below in ["plain.wasm/", "plain.wasm/x.wasm", "plain.wasm/x/y.wasm"] {
        let output = run(dovetail().args(["swap", "plain", below, "--admin", "127.0.0.1:1"]).current_dir(&folder));
        let expected =
            format!("error: `{below}` leads over `plain.wasm`, which is a file; name the component's file\n");
        assert_eq!(told(&output), expected);
    }
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).and_then(|()| fs::write(closed.join("a.wasm"), "")).expect("there is room");
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("it is ours");
    if rustix::process::getuid().is_root() {
        let mut swap = dovetail();
        swap.args(["swap", "plain", "--admin", "127.0.0.1:1"]).arg(closed.join("a.wasm")).current_dir("/");
        let expected = format!("is in `{}`, where this account may not look; let this account", closed.display());
        let output = run(as_another(&mut swap));
        assert!(told(&output).contains(&expected), "{}", told(&output));
    }
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_in_its_own_words() {
    let folder = plain("");
    let path = folder.path();
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it is ours");
    fs::create_dir(path.join("below")).and_then(|()| fs::create_dir(path.join("empty"))).expect("there is room");
    symlink("gone.toml", path.join("link")).expect("there is room");
    put(&path.join("closed"), 0o000);
    fs::write(path.join("latin"), b"name = \"\xe9\"").expect("there is room");
    File::create(path.join("large")).and_then(|file| file.set_len((16 << 20) + 1)).expect("holes");
    drop(UnixListener::bind(path.join("socket")).expect("there is room"));
    for (manifest, expected) in [
        ("gone", "there is no manifest at `gone`"),
        ("link", "it is a link to `gone.toml`, where nothing is"),
        (".", "pass `--manifest ./dovetail.toml`"),
        ("empty", "there is no dovetail.toml in it either"),
        ("closed", "`closed` may not be read by this account"),
        ("latin", "`latin` is not UTF-8 text"),
        ("plain.wasm", "`plain.wasm` is WebAssembly, and no manifest"),
        ("large", "`large` is larger than 16 MiB, and no manifest"),
        ("socket", "`socket` is no file, but a pipe, a socket or a device"),
        ("/dev/null", "`/dev/null` is no file"),
    ] {
        let output = run(as_another(dovetail().args(["check", "-m", manifest]).current_dir(path)));
        assert_eq!(output.status.code(), Some(1), "{manifest}: {}", told(&output));
        assert!(told(&output).contains(expected), "{manifest}: {}", told(&output));
    }
    let output = run(dovetail().arg("check").current_dir(path.join("below")));
    let above = format!("pass `--manifest {}`, or go to that folder", path.join("dovetail.toml").display());
    assert!(told(&output).contains(&above), "{}", told(&output));
}

#[test]
fn passwords_among_arguments_are_not_repeated() {
    for arguments in [
        &["up", "--store", "mysql://anna:s3cret@db/shop"][..],
        &["up", "--listen", "http://anna:s3cret@localhost"],
        &["up", "postgres://anna:s3cret@db/shop"],
        &["swap", "user", "oci://anna:s3cret@ghcr.io/acme/user:1.0"],
        &["pull", "oci://s3cret@ghcr.io/acme/user:1.0", "-o", "user.wasm"],
        &["push", "user", "https://anna:s3cret@ghcr.io/acme/user:1.0"],
        &["status", "--admin", "http://anna:s3cret@localhost:9090"],
        &["https://anna:s3cret@ghcr.io"],
    ] {
        let output = run(dovetail().args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains('*') && !told(&output).contains("s3cret"), "{arguments:?}: {}", told(&output));
    }
}

#[test]
fn a_cause_that_says_the_same_as_its_own_is_told_once() {
    let folder = plain("[store]\nurl = \"redis://127.0.0.1:1/0\"\n");
    let output = run(dovetail().args(["store", "stats"]).current_dir(&folder));
    assert_eq!(told(&output).matches("Connection refused").count(), 1, "{}", told(&output));
    let output = run(dovetail().args(["check", "-q", "--json"]).current_dir(&folder));
    let found = String::from_utf8_lossy(&output.stdout);
    assert_eq!(found.matches("Connection refused").count(), 1, "{found}");
}

#[test]
fn a_backup_for_which_there_is_no_folder_is_refused_before_the_store_is_opened() {
    let folder = plain("");
    let output = run(dovetail().args(["store", "backup", "no/copy.db"]).current_dir(&folder));
    assert_eq!(told(&output), "error: `no/copy.db` cannot be written: there is no folder `no`\n");
}

#[test]
fn a_verb_that_others_call_otherwise_is_told() {
    for (verb, meant) in [("serve", "up"), ("run", "up"), ("ps", "status"), ("chek", "check"), ("undo", "rollback")] {
        let output = run(dovetail().arg(verb));
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains(&format!("'{meant}'")), "{verb}: {}", told(&output));
    }
    let output = run(&mut dovetail());
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(told(&output).contains("Usage: dovetail [OPTIONS] <COMMAND>") && told(&output).contains("up "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_comes_from_standard_input_too() {
    let folder = plain("");
    let host = Host::up(folder.path());
    let swap = |service: &str, input: &[u8]| {
        let mut swap = dovetail();
        swap.args(["swap", service, "-", "--admin", &host.admin.to_string()]).current_dir("/");
        let mut child = swap.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dovetail starts");
        // One that asks the host first may not read it.
        let _ = child.stdin.take().expect("it is piped").write_all(input);
        child.wait_with_output().expect("dovetail ends")
    };
    let component = wat::parse_str("(component (core module))").expect("a component");
    let output = swap("plain", &component);
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("Read standard input (1 KiB) in "), "{}", told(&output));
    assert_eq!(host.service("plain").await["revision"], 2);
    let output = swap("plain", b"");
    assert!(
        told(&output).contains("error: standard input is empty; look whether what writes into it did"),
        "{}",
        told(&output)
    );
    let output = swap("plian", &component);
    let expected = format!("there is no service `plian` in the host at http://{}; did you mean `plain`?", host.admin);
    assert!(output.status.code() == Some(1) && told(&output).contains(&expected), "{}", told(&output));
    assert_eq!(host.service("plain").await["revision"], 2);
}

/// Root may read whatever there is.
fn as_another(command: &mut Command) -> &mut Command {
    match rustix::process::getuid().is_root() {
        true => command.uid(65534).gid(65534),
        false => command,
    }
}

fn run(command: &mut Command) -> Output {
    command.output().expect("dovetail starts")
}

fn told(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
