//! Pairs that are no good, before anything is built.

use std::{fs, os::unix::fs::PermissionsExt};

use super::secured;
use crate::support::dovetail;

/// An expired certificate, one that is not valid yet, and one of somebody else.
const PAIRS: &str = "certificate shop DNS:localhost\ncertificate other DNS:localhost\n\
    certificate past DNS:localhost 20200101000000Z 20200201000000Z\n\
    certificate future DNS:localhost 20490101000000Z 20491231000000Z\n\
    openssl x509 -req -in shop.csr -signkey shop.key -days 2 -out old.crt\n\
    head -c 150 shop.crt > cut.crt; : > empty.crt\n\
    openssl pkey -in shop.key -aes128 -passout pass:s3cret -out locked.key\n\
    openssl ecparam -genkey -noout -name secp256k1 -out koblitz.key";

#[test]
fn a_pair_that_is_no_good_is_told_at_its_key() {
    let folder = secured("guest", "build = \"touch built\"\n", PAIRS);
    let manifest = fs::read_to_string(folder.path().join("dovetail.toml")).expect("it was written");
    // The lines of all keys, and what one of them is locked by.
    let keys =
        ["shop", "other", "past", "future", "locked", "koblitz"].map(|name| folder.path().join(format!("{name}.key")));
    let keys = keys.map(|key| fs::read_to_string(key).expect("it was made")).concat();
    let secrets: Vec<_> = keys.lines().filter(|line| !line.starts_with("-----")).chain(["s3cret"]).collect();
    for (certificate, key, at, told) in [
        ("past.crt", "past.key", "certificate", "has a certificate that expired at 2020-02-01T00:00:00Z"),
        ("future.crt", "future.key", "certificate", "has a certificate that is not valid before 2049-01-01T00:00:00Z"),
        ("shop.crt", "other.key", "key", "is not the key of the certificate `"),
        ("none.crt", "shop.key", "certificate", "is not there"),
        ("shop.crt", "none.key", "key", "is not there"),
        ("shop.key", "shop.crt", "certificate", "has a key and no certificate"),
        ("shop.crt", "shop.crt", "key", "has no private key"),
        ("old.crt", "shop.key", "certificate", "has a certificate of X.509 version 1"),
        ("cut.crt", "shop.key", "certificate", "is cut off"),
        ("empty.crt", "shop.key", "certificate", "has no certificate"),
        ("shop.crt", "locked.key", "key", "has a key that needs a password"),
        ("shop.crt", "koblitz.key", "key", "has a key of a kind that cannot be used"),
        (".", "shop.key", "certificate", "is a folder"),
    ] {
        let pair = format!("{{ certificate = \"{certificate}\", key = \"{key}\" }}");
        for (tls, at) in [
            (format!("[gateway]\ntls = {pair}\n"), format!("gateway.tls.{at}")),
            (
                format!("[gateway]\ntls = [{{ certificate = \"shop.crt\", key = \"shop.key\" }}, {pair}]\n"),
                format!("gateway.tls.1.{at}"),
            ),
            (format!("[admin]\ntls = {pair}\n"), format!("admin.tls.{at}")),
        ] {
            fs::write(folder.path().join("dovetail.toml"), format!("{manifest}\n{tls}")).expect("there is room");
            for verb in [&["check"][..], &["up"]] {
                let output = dovetail().args(verb).current_dir(&folder).output().expect("dovetail starts");
                let said = String::from_utf8_lossy(&output.stderr);
                let file = if at.ends_with("key") { key } else { certificate };
                assert!(
                    said.contains(&format!("error: the {} `{file}` {told}", at.rsplit('.').next().expect("a key"))),
                    "{tls}{said}"
                );
                assert!(said.contains("--> dovetail.toml:") && said.contains("= help: "), "{said}");
                assert!(!secrets.iter().any(|secret| said.contains(secret)), "{said}");
            }
            let output = dovetail().args(["check", "--json"]).current_dir(&folder).output().expect("dovetail starts");
            let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(found["problems"][0]["key"], at, "{found}");
        }
    }
    assert!(!folder.path().join("built").exists());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let more = "[gateway]\ntls = [{ certificate = \"past.crt\", key = \"past.key\" }, \
        { certificate = \"shop.crt\", key = \"other.key\" }]\n[admin]\n\
        tls = { certificate = \"none.crt\", key = \"shop.key\", clients = \"empty.crt\" }\n";
    let folder = secured("guest", more, PAIRS);
    let output = dovetail().arg("check").current_dir(&folder).output().expect("dovetail starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("there are 4 problems") && said.contains("the file of authorities `empty.crt`"), "{said}");
}

#[test]
fn a_key_that_all_may_read_is_told() {
    let folder = secured("guest", super::TLS, "certificate shop DNS:localhost");
    let key = folder.path().join("shop.key");
    for (mode, is_told) in [(0o600, false), (0o640, false), (0o644, true)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("it is ours");
        let output = dovetail().arg("check").current_dir(&folder).output().expect("dovetail starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.contains("may read the key `shop.key`; run `chmod o-r shop.key`"), is_told, "{said}");
    }
}
