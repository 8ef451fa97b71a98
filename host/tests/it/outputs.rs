//! What verbs write: never over what the app is made of, and whole or not at all.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    shared::run,
    support::{dovetail, plain, shop},
};

/// Keys of the service that [`plain`] has, and of its admin API.
const KEYS: &str = "build = \"touch built\"\nwatch = [\"src\", \"notes.txt\"]\nroutes = [\"/\"]\n\
    [admin]\ntoken_file = \"admin.token\"\n[store]\nurl = \"sqlite:data/plain.db\"\n";

/// A reference that nobody asks for: it is refused before.
const UNASKED: &str = "oci+http://127.0.0.1:1/nobody/asks:1";

#[test]
fn nothing_that_the_app_is_made_of_is_replaced() {
    let folder = plain(KEYS);
    let at = |path: &str| folder.path().join(path);
    for made in ["src/target", "data", "other"] {
        fs::create_dir_all(at(made)).expect("it is ours");
    }
    for made in
        ["src/lib.rs", "src/target/lib.rlib", "notes.txt", "admin.token", "data/plain.db", "other.toml", "other.lock"]
    {
        fs::write(at(made), made).expect("it can be written");
    }
    for (own, other) in [("plain.wasm", "other/hard.wasm"), ("src/lib.rs", "other/hard.rs")] {
        fs::hard_link(at(own), at(other)).expect("a link can be made");
    }
    symlink("../plain.wasm", at("other/soft.wasm")).expect("a link can be made");
    symlink("other", at("linked")).expect("a link can be made");
    let component = "is the component of service `plain`";
    let sources = "is what service `plain` is built of (`watch`)";
    let store = "is a file of the store";
    for (path, what) in [
        ("dovetail.toml", "is the app's manifest"),
        ("dovetail.lock", "is the app's lock file"),
        ("plain.wasm", component),
        ("./other/../plain.wasm", component),
        ("other/hard.wasm", component),
        ("other/soft.wasm", component),
        ("linked/soft.wasm", component),
        ("/proc/self/cwd/plain.wasm", component),
        ("src/lib.rs", sources),
        ("other/hard.rs", sources),
        ("notes.txt", sources),
        ("admin.token", "has the token of the admin API"),
        ("data/plain.db", store),
        ("data/plain.db-wal", store),
        ("data/plain.db-shm", store),
        (".dovetail/new.wasm", "is in `"),
        ("other.toml", "may be the manifest of another app"),
        ("other.lock", "may be the manifest of another app, or its lock file"),
    ] {
        let before = fs::read(at(path)).ok();
        for verb in [
            &["compose", "-o", path][..],
            &["compose", "plain", "-o", path],
            &["pull", UNASKED, "-o", path],
            &["store", "backup", path],
        ] {
            let (status, said) = run(folder.path(), verb);
            assert!(status == Some(1) && said.contains(what), "{verb:?}: {said}");
            assert!(said.contains(": name another file"), "{verb:?}: {said}");
            assert_eq!(fs::read(at(path)).ok(), before, "{verb:?}");
        }
    }
    assert!(!at("built").exists(), "it was built before it was refused");
    // What nobody watches is a file like others.
    let (_, said) = run(folder.path(), &["compose", "-o", "src/target/lib.rlib"]);
    assert!(!said.contains("name another file"), "{said}");

    // What is wrong with a manifest is not asked by who needs none.
    fs::write(at("half.toml"), "[app").expect("it can be written");
    let (status, said) = run(folder.path(), &["-m", "half.toml", "pull", UNASKED, "-o", "half.toml"]);
    assert!(status == Some(1) && said.contains("is the app's manifest"), "{said}");
}

#[test]
fn a_manifest_is_not_its_own_lock_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let manifest = format!("[app]\nname = \"a\"\n[service.one]\ncomponent = \"{UNASKED}\"\n");
    fs::write(folder.path().join("app.lock"), &manifest).expect("it can be written");
    for verb in ["build", "update", "check"] {
        let (status, said) = run(folder.path(), &["-m", "app.lock", verb]);
        assert!(status == Some(1) && said.contains("would be its own lock file"), "{verb}: {said}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("app.lock")).expect("it is there"), manifest);
}

#[test]
fn a_file_that_is_replaced_keeps_its_permissions_and_its_links() {
    let folder = shop();
    let at = |path: &str| folder.path().join(path);
    let compose = |output: &str| {
        let (status, said) = run(folder.path(), &["compose", "--events", "call", "-o", output]);
        assert_eq!(status, Some(0), "{said}");
        fs::read(at(output)).expect("it was written")
    };
    let component = compose("new.wasm");
    let mode = |path: &str| fs::metadata(at(path)).expect("it is there").permissions().mode() & 0o777;
    fs::write(at("ordinary"), "").expect("it can be written");
    assert_eq!(mode("new.wasm"), mode("ordinary"));

    fs::set_permissions(at("new.wasm"), fs::Permissions::from_mode(0o640)).expect("it is ours");
    symlink("new.wasm", at("link.wasm")).expect("a link can be made");
    fs::write(at("new.wasm"), "old").expect("it can be written");
    assert_eq!(compose("link.wasm"), component);
    assert_eq!(fs::read(at("new.wasm")).expect("it is there"), component);
    assert!(at("link.wasm").is_symlink() && mode("new.wasm") == 0o640);

    symlink("nothing", at("nowhere.wasm")).expect("a link can be made");
    let (status, said) = run(folder.path(), &["compose", "--events", "call", "-o", "nowhere.wasm"]);
    assert!(status == Some(1) && said.contains("it is a link to nothing"), "{said}");
    assert_nothing_else(folder.path());
}

#[test]
fn a_disk_that_is_full_leaves_the_file_that_was_there() {
    let folder = shop();
    let old = folder.path().join("old.wasm");
    fs::write(&old, "old").expect("it can be written");
    // The limit is then an error of the write, as a full disk is, and no signal.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]).arg(dovetail().get_program());
    let output = limited
        .args(["compose", "--events", "call", "-o", "old.wasm"])
        .current_dir(folder.path())
        .output()
        .expect("sh starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`old.wasm` cannot be written") && said.contains("too large"), "{said}");
    assert_eq!(fs::read(&old).expect("it is there"), b"old");
    assert_nothing_else(folder.path());
}

#[test]
fn what_is_no_file_is_written_to_and_stays() {
    let folder = shop();
    let (status, said) = run(folder.path(), &["compose", "--events", "call", "-o", "app.wasm"]);
    assert_eq!(status, Some(0), "{said}");
    let component = fs::read(folder.path().join("app.wasm")).expect("it was written");
    let compose = |output: &str| {
        let mut command = dovetail();
        command
            .args(["compose", "--events", "call", "-o", output])
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("dovetail starts")
    };
    let output = compose("/dev/stdout").wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stdout == component, "{output:?}");
    let output = compose("/dev/null").wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    // What is open is written to; a file is one wherever it is.
    let output = compose("/proc/self/fd/1").wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stdout == component, "{output:?}");
    let memory = tempfile::tempdir_in("/dev/shm").expect("a temporary folder");
    let file = memory.path().join("new.wasm");
    let output = compose(&file.display().to_string()).wait_with_output().expect("it ends");
    assert!(output.status.success() && fs::read(&file).expect("it was written") == component, "{output:?}");

    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let composing = compose("pipe");
    assert_eq!(fs::read(&pipe).expect("it is written to"), component);
    assert!(composing.wait_with_output().expect("it ends").status.success());
    assert!(!pipe.metadata().expect("it is there").is_file());
    assert_nothing_else(folder.path());
}

/// Nothing is left of what was not finished.
fn assert_nothing_else(folder: &Path) {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}
