//! A database file that cannot be a store is told at the start, and left as it is.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{Host, dovetail, mount::read_only, plain, up};

#[test]
fn a_damaged_file_is_refused() {
    let whole = store(2000);
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 4] = [
        ("cut off", |bytes| bytes.truncate(bytes.len() / 2)),
        ("without its second page", |bytes| bytes[4096..8192].fill(0)),
        ("with other bytes in its schema", |bytes| bytes[100..4096].fill(0xa5)),
        ("with other bytes after its first page", |bytes| bytes[4096..].fill(0x5a)),
    ];
    for (what, damage) in cases {
        let folder = plain("");
        let mut bytes = whole.clone();
        damage(&mut bytes);
        put(folder.path(), "plain.db", &bytes);
        let said = refused(folder.path(), &mut up(folder.path()));
        assert!(said.contains("the database is damaged; put a backup in its place"), "{what}: {said}");
    }
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let folder = plain("");
    put(folder.path(), "plain.db", &store(1));
    let newer = Connection::open(folder.path().join("data/plain.db")).expect("a database");
    newer.pragma_update(None, "user_version", 7).expect("it can be written");
    drop(newer);
    let said = refused(folder.path(), &mut up(folder.path()));
    assert!(said.contains("it has version 7, and this Dovetail knows version 1; use a newer Dovetail"), "{said}");
}

#[test]
fn a_file_that_another_host_has_open_is_refused() {
    let (first, second) = (plain(""), plain("build = \"touch built\"\n"));
    let url = format!("sqlite:{}", first.path().join("data/plain.db").display());
    let host = Host::up_with(first.path(), &["--store", &url]);
    for _ in 0..2 {
        let said = refused(first.path(), up(second.path()).args(["--store", &url]));
        assert!(said.contains("another host has it open; stop that host"), "{said}");
        assert!(!second.path().join("built").exists(), "{said}");
    }
    // However it ends, the file is free.
    host.kill();
    Host::up_with(second.path(), &["--store", &url]).kill();
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let readable = |folder: &TempDir| {
        fs::create_dir(folder.path().join("data")).expect("it is new");
        for path in [folder.path().to_owned(), folder.path().join("data")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o555)).expect("it is ours");
        }
    };
    let Some(mut command) = without_rights() else { return };
    let folder = plain("");
    // The app's own folder is elsewhere, and may be written.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    for file in ["dovetail.toml", "plain.wasm"] {
        fs::copy(folder.path().join(file), elsewhere.path().join(file)).expect("it can be copied");
    }
    readable(&folder);
    let path = folder.path().join("data/shop.db");
    let url = format!("sqlite:{}", path.display());
    command.args(up(elsewhere.path()).get_args()).args(["--store", &url]);
    let said = refused(folder.path(), &mut command);
    let named = format!("cannot open the store at {path:?}");
    assert!(said.contains(&named) && said.contains("Permission denied"), "{said}");
    assert!(said.contains("; name a file that this user may read and write"), "{said}");
}

#[test]
fn a_database_that_may_be_read_alone_is_told_with_what_helps() {
    let Some(mut command) = without_rights() else { return };
    let folder = plain("");
    fs::write(folder.path().join("line"), r#"{"bucket":"b","key":"k","value":"v"}"#).expect("there is room");
    let imported = dovetail().args(["store", "import", "line"]).current_dir(&folder).status();
    assert!(imported.expect("dovetail starts").success());
    for path in [folder.path().to_owned(), folder.path().join("data")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let path = folder.path().join("data/plain.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let said =
        refused(folder.path(), command.args(["store", "stats", "--store", &format!("sqlite:{}", path.display())]));
    let told = format!("error: cannot open the store at {path:?}; name a file that this user may read and write");
    assert!(said.starts_with(&told), "{said}");
}

/// SQLite would throw the log away, in which all may be that was written.
#[test]
fn a_log_without_its_database_is_told_and_left_alone() {
    for (state, is_there) in [("not there", false), ("empty", true)] {
        let folder = plain("");
        put(folder.path(), "plain.db-wal", b"what was written last");
        if is_there {
            put(folder.path(), "plain.db", b"");
        }
        let mut check = dovetail();
        let mut stats = dovetail();
        let mut backup = dovetail();
        check.arg("check").current_dir(&folder);
        stats.args(["store", "stats"]).current_dir(&folder);
        backup.args(["store", "backup", "copy.db"]).current_dir(&folder);
        for command in [&mut up(folder.path()), &mut check, &mut stats, &mut backup] {
            let said = refused(folder.path(), command);
            let told = format!("data/plain.db\": it is {state}, and its log ");
            assert!(said.contains(&told) && said.contains("put the database back, or remove the log"), "{said}");
        }
    }
}

/// What takes long comes after.
#[test]
fn a_place_for_no_store_is_refused_before_anything_is_built() {
    let folder = plain("build = \"touch built\"\n");
    fs::create_dir(folder.path().join("data")).expect("it is new");
    let name = "in the store url or by --store";
    let places = [
        ("plain.wasm", "the file is no SQLite database; name another file".to_owned()),
        ("data", format!("that is a folder: name a file in it, {name}")),
        ("plain.wasm/a.db", format!("what it is to be in is no folder: name another file, {name}")),
    ];
    let looked = |command: &mut Command, told: &str| {
        let said = refused(folder.path(), command);
        assert!(said.contains("error: cannot open the store at ") && said.contains(told), "{said}");
        assert!(!folder.path().join("built").exists(), "{said}");
    };
    for (place, told) in places {
        let url = format!("sqlite:{}", folder.path().join(place).display());
        looked(up(folder.path()).args(["--store", &url]), &told);
    }
    let Some(mut command) = read_only(folder.path()) else { return };
    // Nothing is there to be read.
    fs::remove_dir(folder.path().join("data")).expect("it is empty");
    let said = command.args(up(folder.path()).get_args()).output().expect("dovetail starts").stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("; name a file where something can be written, in the store url or by --store"), "{said}");
    assert!(said.contains("caused by: Read-only file system"), "{said}");
}

/// The bytes of a store with so many entries, made by a host's own tool.
fn store(entries: usize) -> Vec<u8> {
    let folder = plain("");
    let lines: String = (0..entries).map(|n| format!("{{\"key\":\"key {n}\",\"value\":\"value {n}\"}}\n")).collect();
    fs::write(folder.path().join("lines"), lines).expect("it can be written");
    let mut import = crate::support::dovetail();
    import.args(["store", "import", "--bucket", "b", "lines"]).current_dir(folder.path());
    let output = import.output().expect("dovetail starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(folder.path().join("data/plain.db")).expect("it was made")
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    fs::create_dir_all(folder.join("data")).expect("the folder can be made");
    fs::write(folder.join("data").join(name), bytes).expect("it can be written");
}

/// What a command says that fails, and that leaves the data of a folder as it is.
fn refused(folder: &Path, command: &mut Command) -> String {
    let before = contents(&folder.join("data"));
    let Output { status, stdout, stderr } = command.output().expect("dovetail starts");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!String::from_utf8_lossy(&stdout).contains("Serving"), "{said}");
    assert!(contents(&folder.join("data")) == before, "the data changed: {said}");
    said
}

/// The bytes of each file in a folder, but for the index that readers of a log share.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(folder).expect("the folder is there").map(|file| file.expect("an entry").path());
    let kept = files.filter(|path| path.extension().is_none_or(|end| end != "db-shm"));
    kept.map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect()
}

/// The command under test as a user whom permissions bind; none where root cannot
/// become one.
fn without_rights() -> Option<Command> {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = Command::new(if root { "setpriv" } else { "env" });
    if root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(env!("CARGO_BIN_EXE_dovetail")).current_dir("/");
    let able = Command::new(command.get_program()).args(command.get_args()).arg("--version").output();
    if !able.is_ok_and(|output| output.status.success()) {
        crate::support::tools::leave_out("no other user may run the command here");
        return None;
    }
    Some(command)
}
