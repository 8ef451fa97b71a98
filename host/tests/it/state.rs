//! What is live belongs to the app of a manifest, and to the one host that serves it,
//! wherever that keeps it.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{
    Host, dovetail,
    made::{directory, relay_and_directory},
    mount::read_only,
    until, up,
};
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn apps_of_one_folder_share_nothing_that_is_live() {
    let folder = relay_and_directory("Alice");
    let text = fs::read_to_string(folder.path().join("dovetail.toml")).expect("it is there");
    // Another app; and the same one, as another file has it.
    let others = [("other.toml", text.replace("small", "other")), ("production.toml", text)];
    for (name, text) in &others {
        fs::write(folder.path().join(name), text).expect("there is room");
    }
    let host = serve(folder.path(), "dovetail.toml", &[]);
    host.swap("directory", &directory("Berta")).await;
    let beside = others.each_ref().map(|(name, _)| serve(folder.path(), name, &[]));
    for (beside, name) in beside.iter().zip(["Carol", "Doris"]) {
        assert_eq!(beside.name().await, "Alice");
        beside.swap("directory", &directory(name)).await;
    }
    assert_eq!(host.history("directory").await.len(), 2);
    for host in beside {
        host.kill();
    }
    assert_eq!(host.name().await, "Berta");
    host.kill();
    for (name, expected) in [("dovetail.toml", "Berta"), ("other.toml", "Carol"), ("production.toml", "Doris")] {
        assert_eq!(serve(folder.path(), name, &[]).name().await, expected);
    }
}

#[tokio::test]
async fn what_is_live_and_not_the_manifests_file_is_told_with_the_way_back() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    assert_eq!(told(&host.output()), Vec::<String>::new(), "it is the file");
    host.swap("directory", &directory("Berta")).await;
    let manifest = folder.path().join("dovetail.toml");
    let file = folder.path().join("directory.wasm");
    let back = ["rollback directory".to_owned(), format!("swap directory {}", file.display())];
    let mut host = host;
    for (back, name) in back.iter().zip(["Berta", "Carol"]) {
        host.swap("directory", &directory(name)).await;
        let history = host.history("directory").await;
        let [digest, since] = ["digest", "since"].map(|key| history[0][key].as_str().expect("a text"));
        let line = format!(
            "directory, revision {} (sha256 {}), and not `{}`: by swap of tests/1 (tester@here), since {} UTC; `dovetail \
             {back} --manifest {}` goes back",
            history[0]["revision"],
            &digest[..12],
            file.display(),
            since.trim_end_matches('Z').replace('T', " "),
            manifest.display(),
        );
        host.kill();
        host = Host::up(folder.path());
        assert_eq!(told(&host.output()), [line.as_str()]);
        for verb in [&["check"][..], &["graph"], &["compose", "-o", "composed.wasm"]] {
            let output = succeed(dovetail().args(verb).args(["--manifest", text(&manifest)]).current_dir(&folder));
            let said = String::from_utf8(output.stderr).expect("text");
            assert_eq!(told(&said.lines().map(str::to_owned).collect::<Vec<_>>()), [line.as_str()], "{verb:?}");
        }
    }
    // It is as it says.
    let mut swap = dovetail();
    succeed(swap.args(back[1].split(' ')).args(["--manifest", text(&manifest), "--admin", &host.admin.to_string()]));
    assert_eq!(host.name().await, "Alice");
    host.kill();
    assert_eq!(told(&Host::up(folder.path()).output()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_comes_back_says_what_it_serves() {
    let folder = relay_and_directory("Alice");
    let manifest = folder.path().join("dovetail.toml");
    let without = fs::read_to_string(&manifest).expect("it is there");
    let routes = "routes = [\"/relay/{id}\"]\n";
    let linked = format!("{routes}links = {{ \"shop:users/directory\" = \"directory\" }}\n");
    let with = without.replace(routes, &linked) + "[service.spare]\ncomponent = \"directory.wasm\"\n";
    fs::write(&manifest, &with).expect("there is room");
    let host = Host::up_with(folder.path(), &["--watch"]);
    host.swap("spare", &directory("Berta")).await;
    for (text, said) in [(without, "Removed service spare"), (with, "Live spare, revision 2 (sha256 ")] {
        fs::write(&manifest, text).expect("there is room");
        host.wait_for_output(said);
    }
}

#[tokio::test]
async fn a_component_that_is_lost_is_told_with_what_helps() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    let digest = host.service("directory").await["digest"].as_str().expect("a digest").to_owned();
    host.kill();
    let app = folder.path().join(".dovetail/apps/dovetail.toml/small");
    let lost = app.join(format!("components/{digest}.wasm"));
    fs::remove_file(&lost).expect("it is kept");
    let said = refused(folder.path());
    assert!(said.contains("error: service `directory` cannot come up with its revision 2, which is live\n"), "{said}");
    let cause = format!("caused by: there is no component {lost:?} in the history; put it back, or ");
    assert!(said.contains(&cause) && said.contains("remove the history.json beside its folder, and the"), "{said}");
    fs::remove_file(app.join("history.json")).expect("it is there");
    assert_eq!(Host::up(folder.path()).name().await, "Alice");
}

#[test]
fn a_file_is_no_folder_for_the_state() {
    let folder = relay_and_directory("Alice");
    fs::write(folder.path().join("file"), "").expect("there is room");
    for state in ["file", "file/below"] {
        for verb in [&["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"][..], &["check"], &["graph"]] {
            let output = dovetail().args(verb).args(["--state", state]).current_dir(&folder).output();
            let said = String::from_utf8(output.expect("dovetail starts").stderr).expect("text");
            let told = "error: \"file\" is a file, and a folder is needed there; name one with `--state DIR`\n";
            assert!(said.ends_with(told), "{verb:?}: {said}");
        }
    }
}

#[test]
fn a_folder_that_is_no_place_for_the_state_is_told_with_what_helps() {
    let folder = relay_and_directory("Alice");
    let said = refused_with(folder.path(), &["--state", "/proc"]);
    let told = "error: nothing can be kept there; name another folder with `--state DIR`\n  caused by: cannot make the \
                folder \"/proc/apps\"";
    assert!(said.contains(told), "{said}");
    let ledger = folder.path().join(".dovetail/apps/dovetail.toml/small/history.json");
    drop(Host::up(folder.path()));
    fs::remove_file(&ledger).expect("it is there");
    fs::create_dir(&ledger).expect("there is room");
    let said = refused_with(folder.path(), &[]);
    assert!(said.contains("history.json\" is damaged: it is a folder; remove it, and the components"), "{said}");
}

#[tokio::test]
async fn a_file_in_the_place_of_the_state_is_told_of_by_name() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    let (state, away) = (folder.path().join(".dovetail"), folder.path().join("away"));
    let app = state.join("apps/dovetail.toml/small");
    let told = "was replaced by a file while the host runs, so that nothing can be recorded; what is live goes on: put \
                the folder back that was there, or remove the file and restart the host, which then serves the \
                manifest's files";
    for place in [&state, &app] {
        fs::rename(place, &away).expect("it is there");
        fs::write(place, "").expect("there is room");
        let answer = host.manage(Method::PUT, "/v1/services/directory/component", directory("Emily")).await;
        let told = format!("{place:?} {told}");
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::CONFLICT, &told.into()));
        fs::remove_file(place).expect("it is there");
        fs::rename(&away, place).expect("it is there");
    }
    let ledger = app.join("history.json");
    fs::rename(&ledger, &away).expect("it is there");
    fs::create_dir(&ledger).expect("there is room");
    let answer = host.manage(Method::PUT, "/v1/services/directory/component", directory("Emily")).await;
    let error = answer.json()["error"].to_string();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{error}");
    assert!(error.contains("cannot replace ") && error.contains("put back what was there, and try again"), "{error}");
    fs::remove_dir(&ledger).expect("it is there");
    fs::rename(&away, &ledger).expect("it is there");
    host.swap("directory", &directory("Berta")).await;
    assert_eq!(host.name().await, "Berta");
}

/// The manifest's file has nothing to do with it.
#[tokio::test]
async fn a_component_that_was_live_and_cannot_be_loaded_is_not_shown_at_the_manifests() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    let swapped = host.service("directory").await["digest"].as_str().expect("a digest").to_owned();
    host.kill();
    let app = folder.path().join(".dovetail/apps/dovetail.toml/small");
    let module = wat::parse_str("(module)").expect("a module");
    let digest: String = Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(app.join(format!("components/{digest}.wasm")), module).expect("there is room");
    let history = fs::read_to_string(app.join("history.json")).expect("it is there");
    fs::write(app.join("history.json"), history.replace(&swapped, &digest)).expect("there is room");
    let check = dovetail().args(["check", "--manifest"]).arg(folder.path().join("dovetail.toml")).output();
    let said = String::from_utf8(check.expect("dovetail starts").stderr).expect("text");
    let told = "error: the component of service `directory` that was live before is a core module, not a component\n";
    assert!(said.contains(told) && !said.contains("directory.wasm"), "{said}");
}

/// What a restart can put back it puts back: nobody else could mend it.
#[tokio::test]
async fn a_component_that_is_lost_and_is_the_manifests_file_is_kept_again() {
    let folder = relay_and_directory("Alice");
    Host::up(folder.path()).kill();
    let components = folder.path().join(".dovetail/apps/dovetail.toml/small/components");
    fs::remove_dir_all(&components).expect("it is ours");
    let host = Host::up(folder.path());
    assert_eq!(fs::read_dir(&components).expect("it is there").count(), 2);
    host.swap("directory", &directory("Berta")).await;
    assert_eq!((host.name().await.as_str(), host.history("directory").await.len()), ("Berta", 2));
}

#[tokio::test]
async fn one_host_has_a_folder_whatever_is_deleted_there() {
    let folder = relay_and_directory("Alice");
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    let app = folder.path().join(".dovetail/apps/dovetail.toml/small");
    for file in fs::read_dir(&app).expect("it is there").flatten().filter(|file| file.path().is_file()) {
        fs::remove_file(file.path()).expect("it is ours");
    }
    let said = refused(folder.path());
    assert!(said.contains(&format!("another host runs this app, and has the folder {app:?}; stop it, or ")), "{said}");

    // Who removes all of it lets another in; the first one sees that, and keeps off.
    fs::remove_dir_all(folder.path().join(".dovetail")).expect("it is ours");
    let other = Host::up(folder.path());
    assert_eq!(other.name().await, "Alice");
    let refused = host.put("directory", &directory("Carol")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let refused = refused.json();
    let error = refused["error"].as_str().expect("a sentence");
    assert!(error.starts_with(&format!("another folder was put in the place of {app:?} while the host")), "{error}");
    assert_eq!(host.name().await, "Berta");
    other.swap("directory", &directory("Doris")).await;
    other.kill();
    host.kill();
    assert_eq!(Host::up(folder.path()).name().await, "Doris");
}

#[tokio::test]
async fn the_state_is_where_it_is_asked_for() {
    let (folder, state) = (relay_and_directory("Alice"), tempfile::tempdir().expect("a folder"));
    let elsewhere = ["--state", text(state.path())];
    let host = Host::up_with(folder.path(), &elsewhere);
    host.swap("directory", &directory("Berta")).await;
    host.kill();
    assert!(!folder.path().join(".dovetail").exists());
    let check = |arguments: &[&str]| {
        let output = succeed(dovetail().arg("check").args(arguments).current_dir(&folder));
        String::from_utf8(output.stderr).expect("text").contains("Live directory, revision 2 ")
    };
    assert!(check(&elsewhere) && !check(&[]));
    assert_eq!(Host::up(folder.path()).name().await, "Alice");
    assert_eq!(Host::up_with(folder.path(), &elsewhere).name().await, "Berta");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_served_from() {
    let (folder, state) = (relay_and_directory("Alice"), tempfile::tempdir().expect("a folder"));
    let manifest = folder.path().join("dovetail.toml");
    let up = |arguments: &[&str]| {
        let up = ["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest", text(&manifest)];
        Some(Host::start(read_only(folder.path())?.args(up).args(arguments).stderr(Stdio::piped())))
    };
    // Nothing is there: two at once do each other no harm.
    let Some(hosts) = [up(&[]), up(&[])].into_iter().collect::<Option<Vec<_>>>() else { return };
    let kept = folder.path().join(".dovetail");
    let told = format!(
        "nothing can be kept in the folder {kept:?} (Read-only file system (os error 30)), so that swaps are refused; \
         start the host with `--state DIR`, a folder that it may write in"
    );
    for host in &hosts {
        assert_eq!(host.output().iter().filter(|line| line.contains(&told)).count(), 1, "{:?}", host.output());
        assert!(!host.output().iter().any(|line| line.contains("compiled code")), "{:?}", host.output());
        refuses(host, &told).await;
        assert_eq!(host.name().await, "Alice");
    }
    drop(hosts);
    for verb in [&["check"][..], &["graph"], &["compose", "-o", text(&state.path().join("composed.wasm"))]] {
        let mut command = read_only(folder.path()).expect("it was there before");
        let output = succeed(command.args(verb).args(["--manifest", text(&manifest)]));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("WARN"), "{said}");
    }
    assert!(!kept.exists());

    // What is recorded there is served, and a restart would find that again.
    let host = Host::up(folder.path());
    host.swap("directory", &directory("Berta")).await;
    host.kill();
    let host = up(&[]).expect("it was there before");
    assert_eq!(host.name().await, "Berta");
    refuses(&host, &told).await;
    assert_eq!(host.decide("directory", "rollback").await.json()["error"], told);
    assert_eq!(host.put("directory", &directory("Alice")).await.json()["error"], told);
    drop(host);
    let host = up(&["--state", text(state.path())]).expect("it was there before");
    host.swap("directory", &directory("Carol")).await;
    host.kill();
    assert_eq!(up(&["--state", text(state.path())]).expect("it was there before").name().await, "Carol");
}

/// What a restart would come up with needs no record.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_swapped_where_nothing_can_be_kept() {
    let (folder, elsewhere) = (relay_and_directory("Alice"), tempfile::tempdir().expect("a folder"));
    let (manifest, file) = (folder.path().join("dovetail.toml"), elsewhere.path().join("directory.wasm"));
    let written = fs::read_to_string(&manifest).expect("it is there");
    fs::write(&manifest, written.replace("directory.wasm", text(&file))).expect("there is room");
    let replace = |name| {
        let new = elsewhere.path().join("new");
        fs::write(&new, directory(name)).expect("there is room");
        fs::rename(new, &file).expect("it was written");
    };
    replace("Alice");
    let Some(mut up) = read_only(folder.path()) else { return };
    up.args(["up", "--watch", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest", text(&manifest)]);
    let host = Host::start(up.stderr(Stdio::piped()));
    assert_eq!(host.name().await, "Alice");
    replace("Berta");
    until("it is swapped", async || host.name().await == "Berta").await;
    assert_eq!(host.put("directory", &directory("Carol")).await.status, StatusCode::CONFLICT);
    // Back is where a restart would not go.
    assert_eq!(host.decide("directory", "rollback").await.status, StatusCode::CONFLICT);
    assert_eq!(host.name().await, "Berta");
}

#[tokio::test]
async fn a_history_of_an_earlier_version_is_left_to_people() {
    let folder = relay_and_directory("Alice");
    let kept = folder.path().join(".dovetail");
    fs::create_dir(&kept).expect("there is room");
    fs::write(kept.join("history.json"), "{}").expect("there is room");
    let host = Host::up(folder.path());
    let line = host.wait_for_output("was written by an earlier Dovetail");
    assert!(line.contains("WARN") && line.contains(&format!("{:?}", kept.join("history.json"))), "{line}");
    assert!(line.contains("is not taken over: swap in again what is to be live, and remove it with"), "{line}");
    host.swap("directory", &directory("Berta")).await;
    host.kill();
    assert_eq!(Host::up(folder.path()).name().await, "Berta");
    assert_eq!(fs::read_to_string(kept.join("history.json")).expect("it is there"), "{}");
}

/// Whatever is swapped into the directory, or tried, is refused with these words.
async fn refuses(host: &Host, told: &str) {
    for query in ["", "?canary=50"] {
        let path = format!("/v1/services/directory/component{query}");
        let answer = host.manage(Method::PUT, &path, directory("Emily")).await;
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::CONFLICT, &told.into()));
    }
}

/// What is said by a host that does not start. Its store, which is opened last and has no
/// tables, cannot be, so that it ends in any case.
fn refused(folder: &Path) -> String {
    let store = folder.join("bare.db");
    let bare = rusqlite::Connection::open(&store).expect("there is room");
    bare.execute_batch("PRAGMA application_id = 0x4456544c; PRAGMA user_version = 1;").expect("it is new");
    drop(bare);
    let mut up = up(folder);
    let output = up.args(["--store", &format!("sqlite:{}", store.display())]).output().expect("dovetail starts");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("text")
}

/// What a host says that cannot begin with these arguments.
fn refused_with(folder: &Path, arguments: &[&str]) -> String {
    let output = up(folder).args(arguments).output().expect("dovetail starts");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).expect("text")
}

/// Serve one of a folder's manifests.
fn serve(folder: &Path, manifest: &str, arguments: &[&str]) -> Host {
    let mut up = dovetail();
    up.args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--manifest"]).arg(folder.join(manifest));
    Host::start(up.args(arguments).stderr(Stdio::piped()))
}

/// What is said of components that are not the manifest's files.
fn told(lines: &[String]) -> Vec<String> {
    let lines = lines.iter().filter_map(|line| line.trim_start().strip_prefix("Live "));
    lines.map(str::to_owned).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the folder has a plain name")
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("dovetail starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}
