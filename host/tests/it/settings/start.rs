//! Files that are no good, before anything is built.

use std::{fs, os::unix::fs::PermissionsExt};

use super::{guest, put};
use crate::support::{dovetail, write_manifest};

#[test]
fn a_file_that_is_no_good_is_told_at_its_key() {
    let folder = guest("guest", "");
    let long = "s3cret".repeat(16 << 10);
    let contents: [(&str, &[u8]); 4] =
        [("binary", b"s3cret\xff"), ("long", long.as_bytes()), ("empty", b"\n"), ("nul", b"s3cret\0")];
    for (name, content) in contents {
        put(folder.path(), name, content);
    }
    for (table, file, told, right) in [
        ("config", "binary", "is not UTF-8", "save it as UTF-8"),
        ("env", "long", "is longer than 64 KiB", "leave in it what is needed"),
        ("config", "empty", "is empty", "put the value there, or write it as `\"\"` in the manifest"),
        ("env", "nul", "has a NUL", "leave it out"),
        ("config", "secrets", "is a folder", "name a file in it"),
        ("env", "none", "is not there", "write the path of a file that is, seen from the manifest's folder"),
        ("config", "/dev/null", "is no file", "name a file"),
    ] {
        let text = super::manifest("guest", &format!("build = \"touch built\"\n{table}.A = {{ file = \"{file}\" }}"));
        write_manifest(folder.path(), &text);
        for verb in ["check", "up"] {
            let output = dovetail().arg(verb).current_dir(&folder).output().expect("dovetail starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{said}");
            let title = format!("error: the file `{file}` of `service.guest.{table}.A` {told}");
            assert!(said.contains(&title) && said.contains(&format!("= help: {right}")), "{said}");
            assert!(said.contains("--> dovetail.toml:9:"), "{said}");
            assert!(said.contains(&format!("{table}.A = {{ file = \"{file}\" }}")), "the path is no secret: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
        let output = dovetail().args(["check", "--json"]).current_dir(&folder).output().expect("dovetail starts");
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(found["problems"][0]["key"], format!("service.guest.{table}.A"), "{found}");
    }
    assert!(!folder.path().join("built").exists());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let more = "config = { a = { file = \"none\" }, b = { file = \"secrets\" } }\nenv.C = { file = \"nowhere/c\" }";
    let folder = guest("guest", more);
    let output = dovetail().arg("check").current_dir(&folder).output().expect("dovetail starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("there are 3 problems"), "{said}");
}

#[test]
fn a_file_that_all_may_read_is_told() {
    let folder = guest("guest", super::SETTINGS);
    let file = folder.path().join("secrets/token");
    for (mode, is_told) in [(0o600, false), (0o640, false), (0o644, true)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
        let output = dovetail().arg("check").current_dir(&folder).output().expect("dovetail starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let told = "may read `secrets/token`, which has `service.guest.env.TOKEN`; run `chmod o-r secrets/token`";
        assert_eq!(said.contains(told), is_told, "{said}");
    }
}
