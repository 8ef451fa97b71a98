//! Nobody is shown a value: no log, verb, error or answer of the host's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use http::{Method, StatusCode};
use tempfile::TempDir;

use super::{guest, host, put};
use crate::support::{Host, composed::compose, dovetail, made::bytes, until, up};

/// What nobody is to be shown: of a file, of the one after it, and of the manifest itself.
const MARKERS: [&str; 3] = ["S3CRET-in-a-file", "S3CRET-after-it", "S3CRET-written"];

/// A guest with each marker in `config` and in `env`.
fn marked() -> TempDir {
    let written = MARKERS[2];
    let folder = guest(
        "guest",
        &format!(
            "config = {{ key = {{ file = \"secrets/key\" }}, plain = \"{written}\" }}\n\
             env = {{ TOKEN = {{ file = \"secrets/token\" }}, PLAIN = \"{written}\" }}"
        ),
    );
    for file in ["secrets/key", "secrets/token"] {
        put(folder.path(), file, MARKERS[0]);
    }
    folder
}

/// That no marker is in it.
fn hides(what: &str, shown: impl AsRef<[u8]>) {
    let shown = String::from_utf8_lossy(shown.as_ref());
    assert!(!MARKERS.iter().any(|marker| shown.contains(marker)), "{what} shows a value:\n{shown}");
}

#[tokio::test]
async fn a_host_shows_no_value_whatever_it_is_asked() {
    let folder = marked();
    let host = Host::start(up(folder.path()).args(["--watch"]).env("DOVETAIL_LOG", "trace").stderr(Stdio::piped()));
    let mut client = host.connect().await;
    assert_eq!(client.get("/config?key=key").await.text(), MARKERS[0]);
    assert_eq!(client.get("/env?key=PLAIN").await.text(), MARKERS[2]);
    // A look at each again, a trap, and one that is no good.
    put(folder.path(), "secrets/token", MARKERS[1]);
    until("it is read", async || client.get("/env?key=TOKEN").await.text() == MARKERS[1]).await;
    assert_eq!(host.get("/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    put(folder.path(), "secrets/key", format!("{}\u{fffd}", MARKERS[1]).into_bytes().split_last().expect("some").1);
    host.wait_for_output("is not UTF-8");
    host.swap("guest", &bytes("guest")).await;
    for path in ["/healthz", "/v1/services", "/v1/services/guest/history", "/v1/services/guest/drained", "/nothing"] {
        hides(path, host.admin(path).await.text());
    }
    hides("a swap", host.put("guest", b"\0asm").await.text());
    hides("a rollback", host.manage(Method::POST, "/v1/services/guest/rollback", "").await.text());
    let process = Path::new("/proc").join(host.id().to_string());
    for file in ["cmdline", "environ"] {
        hides(file, fs::read(process.join(file)).expect("it is ours"));
    }
    let admin = host.admin.to_string();
    for verb in [&["status"][..], &["status", "--json"], &["history", "guest"], &["events"]] {
        let output = dovetail().args(verb).args(["--admin", &admin]).current_dir(&folder).output().expect("it runs");
        hides(&format!("{verb:?}"), [output.stdout, output.stderr].concat());
    }
    // What it keeps on the disk, but for the files and the manifest themselves.
    for file in files(&folder.path().join(".dovetail")) {
        hides(&file.display().to_string(), fs::read(&file).expect("it is ours"));
    }
    host.signal("TERM");
    host.wait_for_output("stopping; a second signal ends at once");
    let log = host.output().join("\n");
    assert!(log.contains(" TRACE ") && log.contains("secrets/token"), "{log}");
    hides("the log", log);
}

#[test]
fn no_verb_shows_a_value() {
    let folder = marked();
    let verbs: [&[&str]; 9] = [
        &["check"],
        &["check", "--json"],
        &["graph"],
        &["graph", "--format", "json"],
        &["graph", "--format", "dot"],
        &["graph", "--format", "mermaid"],
        &["asyncapi"],
        &["build"],
        &["store", "stats"],
    ];
    let run = |verb: &[&str]| {
        let output = dovetail().args(verb).env("DOVETAIL_LOG", "trace").current_dir(&folder).output();
        let output = output.expect("dovetail starts");
        hides(&format!("{verb:?}"), [output.stdout, output.stderr].concat());
        output.status.success()
    };
    for (place, verb) in verbs.into_iter().enumerate() {
        // The last ones find nothing to show, and say so.
        assert!(run(verb) || place >= 6, "{verb:?}");
    }
    // And where the manifest is wrong, each in its way.
    let file = folder.path().join("dovetail.toml");
    let manifest = fs::read_to_string(&file).expect("it was written");
    for (from, to) in [
        ("routes", "rotues"),
        ("plain = \"", "plain = [\""),
        ("env = {", "env = "),
        ("secrets/token", "secrets"),
        ("[app]", "[app"),
    ] {
        let wrong = manifest.replace(from, to);
        assert_ne!(wrong, manifest);
        fs::write(&file, wrong).expect("it is ours");
        assert!(!run(&["check"]) && !run(&["check", "--json"]), "{from}");
    }
}

#[test]
fn a_composition_has_no_value_that_is_in_a_file() {
    let folder = marked();
    let file = folder.path().join("guest.wasm");
    let output = compose(folder.path(), &["-o", "guest.wasm"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    for line in [
        "Note `config.key` is in `secrets/key`, which other hosts do not read: write it in the place of the `…`",
        "Note `env.TOKEN` is in `secrets/token`, which other hosts do not read: set the variable before the command\n",
        "-S 'config-var=key=…' -S 'config-var=plain=…' --env PLAIN --env TOKEN guest.wasm\n",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    hides("compose", &*told);
    hides("the component", fs::read(&file).expect("it was written"));
    // It does not look at the files, which may be where it is not run.
    fs::remove_dir_all(folder.path().join("secrets")).expect("they are ours");
    assert!(compose(folder.path(), &["-o", "guest.wasm"]).status.success());
    // Nor does it write over one.
    let output = compose(folder.path(), &["-o", "secrets/key"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("has `service.guest.config.key`: name another file"));
}

#[tokio::test]
async fn an_app_without_files_is_as_before() {
    let folder = guest("guest", "env = { TOKEN = \"token\" }");
    let host = host(&folder);
    let mut client = host.connect().await;
    assert_eq!(client.get("/env?key=TOKEN").await.text(), "token");
    assert_eq!(client.get("/calls").await.text(), "2");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}
