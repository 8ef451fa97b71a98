//! What swap, rollback and promote say: of what was given, not of what the manifest
//! names; and of what was done, when it is done.

use std::{fs, net::SocketAddr, process::Command};

use tempfile::TempDir;

use crate::support::{
    Host, app, dovetail,
    made::{bytes, variant},
    plain, shop,
};

const GUEST: &str = r#"
[app]
name = "app"
[store]
url = "memory:"
[service.guest]
component = "{guest}"
routes = ["/*"]
"#;

/// A guest that is another.
fn guest(ending: &str) -> Vec<u8> {
    variant("guest", "text/plain", &format!("text/{ending}"))
}

/// A verb in a folder, for the host at this address or for that of the manifest.
fn verb(folder: &TempDir, host: Option<SocketAddr>, arguments: &[&str]) -> Command {
    let mut command = dovetail();
    command.args(arguments).current_dir(folder);
    if let Some(host) = host {
        command.args(["--admin", &host.to_string()]);
    }
    command
}

/// Whether it went well, and what it said.
fn said(mut command: Command) -> (bool, String) {
    let output = command.output().expect("dovetail starts");
    (output.status.success(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn what_is_no_component_is_told_by_its_name_and_not_sent() {
    let folder = plain("");
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("it can be written");
    put("core.wasm", &wat::parse_str("(module)").expect("a module"));
    put("empty.wasm", b"");
    put("text.wat", b"(component)");
    put("lib.rs", b"fn main() {}");
    put("noise.wasm", b"\0\x01\x02noise");
    fs::create_dir(folder.path().join("made")).expect("a folder can be made");
    // Nobody is there to be asked.
    let nobody = Some(([127, 0, 0, 1], 1).into());
    for (file, told) in [
        ("dovetail.toml", "`dovetail.toml` is TOML text, no component; give the file of a component"),
        ("core.wasm", "`core.wasm` is a core module, not a component; build it as a component, for example with"),
        ("empty.wasm", "`empty.wasm` is empty; build it again"),
        ("text.wat", "`text.wat` is WebAssembly in its text form; translate it with `wasm-tools parse"),
        ("lib.rs", "`lib.rs` is text, no component; give the file of a component"),
        ("noise.wasm", "`noise.wasm` is not WebAssembly; build it as a component"),
        ("made", "`made` is a folder; name the component's file"),
        ("missing.wasm", "`missing.wasm` does not exist; make it, or name another file"),
    ] {
        let (is_well, said) = said(verb(&folder, nobody, &["swap", "plain", file]));
        assert!(!is_well && said.starts_with(&format!("error: {told}")), "{file}: {said}");
    }
}

#[test]
fn a_component_that_is_refused_is_told_by_its_name_and_not_at_the_manifests() {
    let folder = plain("");
    fs::write(folder.path().join("cut.wasm"), &bytes("guest")[..1000]).expect("it can be written");
    let host = Host::up(folder.path());
    let (is_well, said) = said(verb(&folder, Some(host.admin), &["swap", "plain", "cut.wasm"]));
    let told = "error: `cut.wasm`: the component was refused\n\n\
                error: the component that was sent for service `plain` cannot be loaded: ";
    assert!(!is_well && said.contains(told), "{said}");
    assert!(said.contains("build it again: the file is cut off"), "{said}");
    assert!(!said.contains("plain.wasm") && !said.contains("dovetail.toml"), "{said}");
}

#[tokio::test]
async fn a_rollback_says_what_it_did_and_nothing_of_what_it_did_not() {
    let folder = app(GUEST);
    let host = Host::up(folder.path());
    let say = |arguments: &[&str]| said(verb(&folder, Some(host.admin), arguments));
    let nothing = "error: revision 1 of service `guest` is live, and there is nothing before it to go back to\n";
    assert_eq!(say(&["rollback", "guest"]), (false, nothing.to_owned()));
    let nothing = "error: there is no canary of service `guest` to promote\n";
    assert_eq!(say(&["promote", "guest"]), (false, nothing.to_owned()));

    let outcome = host.canary("guest", &guest("PLAIN"), "canary=50").await;
    let sha256 = outcome["to"]["digest"].as_str().map(|digest| &digest[..12]).expect("a digest");
    let (is_well, rolled_back) = say(&["rollback", "guest"]);
    let lines: Vec<_> = rolled_back.lines().collect();
    let withdrawn = format!(" Withdrawn guest, revision 2 (sha256 {sha256}); revision 1 answers all calls");
    assert_eq!((is_well, &lines[..2]), (true, &[&*withdrawn, "  Draining revision 2"][..]), "{rolled_back}");
    assert!(lines.len() == 3 && lines[2].starts_with("   Drained revision 2 in "), "{rolled_back}");

    host.swap("guest", &guest("Plain")).await;
    let (is_well, refused) = say(&["rollback", "guest", "--from", "7"]);
    let told = "error: revision 7 of service `guest` is not what a rollback would take back now: revision 2 ";
    assert!(!is_well && refused.starts_with(told), "{refused}");
    let (is_well, rolled_back) = say(&["rollback", "guest"]);
    assert!(is_well && rolled_back.starts_with("     Taken back guest, revision 2 (sha256 "), "{rolled_back}");
    assert!(rolled_back.contains("      Live guest, revision 3 (sha256 "), "{rolled_back}");

    host.canary("guest", &guest("plAIN"), "canary=50").await;
    let (is_well, promoted) = say(&["promote", "guest"]);
    assert!(is_well && promoted.starts_with("      Live guest, revision 4 (sha256 "), "{promoted}");
}

#[tokio::test]
async fn a_host_of_another_app_is_left_alone() {
    let other = app(GUEST);
    let host = Host::up(other.path());
    let folder = plain(&format!("[admin]\nlisten = \"{}\"\n", host.admin));
    let told = format!(
        "error: the host at http://{} serves the app `app`, not `plain`; say with --admin where the host of `plain` is\n",
        host.admin
    );
    let verbs: [&[&str]; 5] = [
        &["status"],
        &["history", "guest"],
        &["swap", "guest", "plain.wasm"],
        &["rollback", "guest"],
        &["promote", "guest"],
    ];
    for arguments in verbs {
        assert_eq!(said(verb(&folder, None, arguments)), (false, told.clone()), "{arguments:?}");
    }
    // It is meant where it is named, which may be a slip.
    let told = format!("the host at http://{} serves the app `app`, not `plain` of the manifest here", host.admin);
    for arguments in [&["status"][..], &["history", "guest"], &["events"], &["rollback", "guest"]] {
        let (_, told_so) = said(verb(&folder, Some(host.admin), arguments));
        assert_eq!(told_so.matches(&told).count(), 1, "{arguments:?}: {told_so}");
        assert!(told_so.contains("WARN"), "{arguments:?}: {told_so}");
    }
    let (is_well, told_so) = said(verb(&other, Some(host.admin), &["status"]));
    assert_eq!((is_well, &*told_so), (true, ""), "nothing is to be said of its own");
}

#[tokio::test]
async fn a_gateway_is_no_admin_api() {
    let folder = plain("");
    let host = Host::up(folder.path());
    for arguments in [&["status"][..], &["promote", "plain"], &["swap", "plain", "plain.wasm"]] {
        let (is_well, told) = said(verb(&folder, Some(host.gateway), arguments));
        let expected = format!("error: there is no admin API at http://{}, which answers `", host.gateway);
        assert!(!is_well && told.starts_with(&expected), "{told}");
        assert!(told.ends_with("say with --admin where it is: not where the app is served\n"), "{told}");
    }
}

#[tokio::test]
async fn what_a_component_does_no_more_that_the_one_before_did_is_told() {
    let folder = shop();
    fs::write(folder.path().join("user.wasm"), bytes("user")).expect("there is room");
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    let (swapped, told) = said(verb(&folder, Some(host.admin), &["swap", "order", "user.wasm"]));
    assert!(swapped, "{told}");
    for line in [
        "      Note order does not call `shop:users/directory@0.1.0` of `user` any more\n",
        "      Note order does not emit `shop:orders/events@0.1.0` any more\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let (rolled_back, told) = said(verb(&folder, Some(host.admin), &["rollback", "order"]));
    assert!(rolled_back, "{told}");
    assert!(told.contains("      Note order does not export `shop:users/directory@0.1.0` any more\n"), "{told}");
}
