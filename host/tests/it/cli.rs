//! The command line: exit codes, where output goes, what the options override.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::support::{Host, PLAIN, app, dovetail, plain, shop};

#[test]
fn it_ends_with_2_for_wrong_usage_alone() {
    let wrong: [&[&str]; 10] = [
        &[],
        &["serve"],
        &["check", "--nope"],
        &["graph", "--format", "png"],
        &["completions", "edlin"],
        &["up", "--listen", "localhost"],
        &["up", "--admin", "127.0.0.1"],
        &["up", "--store", "mysql://localhost"],
        &["up", "--store", "sqlite:"],
        &["up", "--store", "sqlite: data.db"],
    ];
    for arguments in wrong {
        let output = run(dovetail().args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert_eq!((stdout(&output), stderr(&output).is_empty()), ("", false), "{arguments:?}");
    }
    for verb in ["up", "build", "check", "graph", "asyncapi", "events"] {
        let output = run(dovetail().args([verb, "--manifest", "/nowhere/dovetail.toml"]));
        assert_eq!(output.status.code(), Some(1), "{verb}: {}", stderr(&output));
        assert!(stderr(&output).contains("there is no manifest at `/nowhere/dovetail.toml`"), "{}", stderr(&output));
    }
    let output = run(dovetail().arg("schema").env("DOVETAIL_LOG", "a=b=c"));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("DOVETAIL_LOG=\"a=b=c\" chooses no log"), "{}", stderr(&output));
}

#[test]
fn an_admin_api_for_other_machines_is_refused() {
    let folder = plain("");
    let output = run(dovetail().args(["up", "--admin", "0.0.0.0:9090"]).current_dir(&folder));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--admin: 0.0.0.0:9090 is no loopback address"), "{}", stderr(&output));
    assert!(stderr(&output).contains("write \"127.0.0.1:9090\""), "{}", stderr(&output));
}

#[test]
fn what_others_may_write_in_decides_nothing() {
    let (folder, pulled) = (plain(""), plain("[service.pulled]\ncomponent = \"oci://127.0.0.1:1/a:1\"\n"));
    let verbs: [&[&str]; 5] =
        [&["check"], &["graph"], &["asyncapi"], &["compose", "plain", "-o", "composed.wasm"], &["up"]];
    let components = "apps/dovetail.toml/plain/components";
    for (folder, inside) in
        [(&folder, ""), (&folder, components), (&folder, "code"), (&pulled, "registry"), (&pulled, "")]
    {
        let (state, wrong) = (folder.path().join(".dovetail"), folder.path().join(".dovetail").join(inside));
        fs::create_dir_all(&wrong).expect("there is room");
        fs::set_permissions(&wrong, fs::Permissions::from_mode(0o777)).expect("it is ours");
        for verb in verbs {
            let output = run(dovetail().args(verb).current_dir(folder));
            assert_eq!((output.status.code(), stdout(&output)), (Some(1), ""), "{verb:?}: {}", stderr(&output));
            let shown = format!("./.dovetail/{inside}");
            let told = format!("error: the folder {:?} cannot be used for ", shown.trim_end_matches('/'));
            assert!(stderr(&output).starts_with(&told), "{verb:?}: {}", stderr(&output));
            assert!(stderr(&output).contains("(its mode is 0777); run `chmod 700 "), "{verb:?}: {}", stderr(&output));
        }
        fs::remove_dir_all(&state).expect("it is ours");
    }
    // One that others may read, and one that is not there.
    fs::create_dir(folder.path().join(".dovetail")).expect("there is room");
    succeed(dovetail().arg("check").current_dir(&folder));
    fs::remove_dir_all(folder.path().join(".dovetail")).expect("it is ours");
    succeed(dovetail().arg("check").current_dir(&folder));
}

#[test]
fn it_tells_its_version() {
    let output = succeed(dovetail().arg("--version"));
    assert_eq!(stdout(&output), format!("dovetail {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_know_every_verb() {
    let help = succeed(dovetail().arg("--help"));
    let (_, verbs) = stdout(&help).split_once("Commands:\n").expect("help lists the verbs");
    let verbs: Vec<_> = verbs.lines().map_while(|line| line.split_whitespace().next()).collect();
    assert!(verbs.contains(&"up"), "{verbs:?}");
    for shell in ["bash", "zsh", "fish"] {
        let script = succeed(dovetail().args(["completions", shell]));
        for verb in &verbs {
            assert!(stdout(&script).contains(verb), "{shell} does not complete {verb}");
        }
    }
}

#[test]
fn bash_accepts_its_completions() {
    let script = succeed(dovetail().args(["completions", "bash"]));
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash starts");
    let mut stdin = bash.stdin.take().expect("stdin is piped");
    stdin.write_all(&script.stdout).expect("bash reads");
    drop(stdin);
    assert!(bash.wait().expect("bash ends").success());
}

#[test]
fn the_schema_names_every_key_of_a_manifest() {
    let schema = succeed(dovetail().arg("schema"));
    let schema: Value = serde_json::from_str(stdout(&schema)).expect("JSON");
    // A manifest that has every key: what reads it is tested beside the code.
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/full.toml");
    let full: toml::Table = toml::from_str(&fs::read_to_string(full).expect("a manifest")).expect("TOML");
    let service = &full["service"]["order"];
    let services = full["service"].as_table().expect("a table").values();
    let known = |pointer: &str| keys(schema.pointer(pointer).expect("the schema has the table"));
    let of = |table: &toml::Value| table.as_table().expect("a table").keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(known("/properties"), of(&toml::Value::Table(full.clone())));
    for table in ["app", "gateway", "admin", "store"] {
        assert_eq!(known(&format!("/properties/{table}/properties")), of(&full[table]));
    }
    let at = "/properties/service/additionalProperties/properties";
    assert_eq!(known(at), services.flat_map(of).collect());
    assert_eq!(known(&format!("{at}/limits/properties")), of(&service["limits"]));
    let event = &full["event"]["shop:orders/events@0.1.0"];
    let at = "/properties/event/additionalProperties/properties";
    assert_eq!(known(at), of(event));
    assert_eq!(known(&format!("{at}/limits/properties")), of(&event["limits"]));
    let schedule = &full["schedule"]["nightly"];
    assert_eq!(known("/properties/schedule/additionalProperties/properties"), of(schedule));
}

#[test]
fn a_check_says_that_all_is_well_and_makes_no_data() {
    let folder = shop();
    let output = succeed(dovetail().arg("check").current_dir(&folder));
    assert_eq!(stdout(&output), "shop is ready to serve: 3 services, 1 link, 1 event\n");
    assert!(!folder.path().join("data").exists());
}

#[tokio::test]
async fn a_check_leaves_the_store_of_a_running_host_alone() {
    let folder = shop();
    let host = Host::up(folder.path());
    assert_eq!(host.post("/users", r#"{"name":"Carol"}"#).await.status, 201);
    let before = data(folder.path());
    assert_eq!(before.keys().collect::<Vec<_>>(), ["shop.db", "shop.db-shm", "shop.db-wal"]);
    assert!(!before["shop.db-wal"].is_empty());
    succeed(dovetail().arg("check").current_dir(&folder));
    assert!(data(folder.path()) == before, "the check wrote");
    assert_eq!(host.get("/users/3").await.json()["name"], "Carol");
    drop(host);
    // Nor what it leaves when it is killed.
    let before = data(folder.path());
    assert!(!before["shop.db-wal"].is_empty());
    succeed(dovetail().arg("check").current_dir(&folder));
    assert!(data(folder.path()) == before, "the check wrote");
}

#[test]
fn a_check_refuses_what_is_no_store_and_leaves_an_empty_file_empty() {
    let folder = shop();
    let file = folder.path().join("data/shop.db");
    fs::create_dir(folder.path().join("data")).expect("the folder is new");
    fs::write(&file, "").expect("a file");
    succeed(dovetail().arg("check").current_dir(&folder));
    assert!(data(folder.path()) == BTreeMap::from([("shop.db".to_owned(), Vec::new())]), "the check wrote");
    fs::write(&file, "id,name").expect("a file");
    let output = run(dovetail().arg("check").current_dir(&folder));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the file is no SQLite database"), "{}", stderr(&output));
}

/// The files of the store, and what is in them.
fn data(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder.join("data")).expect("a folder").map(|file| file.expect("a file").path());
    let content = |path: &Path| fs::read(path).expect("it can be read");
    files.map(|path| (path.file_name().expect("a name").display().to_string(), content(&path))).collect()
}

#[test]
fn a_manifest_error_has_colour_only_on_a_terminal() {
    let folder = app(&PLAIN.replace("\"plain\"", "7"));
    let output = run(dovetail().arg("check").current_dir(&folder));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).starts_with("error: `app.name` is an integer, not a string\n"), "{}", stderr(&output));
    assert!(stderr(&output).contains("dovetail.toml:2:8"), "{}", stderr(&output));
    assert!(!stderr(&output).contains('\x1b'));
    let output = run(dovetail().arg("check").current_dir(&folder).env("CLICOLOR_FORCE", "1"));
    assert!(stderr(&output).contains('\x1b'));
}

#[test]
fn the_graph_is_drawn_in_each_format() {
    let (folder, update) = (shop(), std::env::var_os("UPDATE_EXPECT").is_some());
    for format in ["tree", "dot", "mermaid", "json"] {
        let output = succeed(dovetail().args(["graph", "--format", format]).current_dir(&folder));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/graphs/shop.{format}"));
        if update {
            fs::write(&file, &output.stdout).expect("the graph can be written");
        }
        assert_eq!(stdout(&output), fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    }
    let default = succeed(dovetail().arg("graph").current_dir(&folder));
    assert!(stdout(&default).starts_with("shop\n├── notices\n"), "{}", stdout(&default));
}

#[test]
fn a_port_in_use_is_told_before_the_build_with_the_option_that_avoids_it() {
    let folder = plain("build = \"touch built\"\n");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    for (what, option, other) in [("gateway", "--listen", "--admin"), ("admin API", "--admin", "--listen")] {
        let arguments = ["up", option, &address, other, "127.0.0.1:0"];
        let output = run(dovetail().args(arguments).current_dir(&folder));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let told = format!("error: the {what} cannot listen on {address}; choose another address with {option}\n");
        assert!(stderr(&output).contains(&told), "{}", stderr(&output));
        assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
        assert!(!folder.path().join("built").exists());
    }
}

/// Such a folder looks as if this user could write in it, if that is root.
#[test]
fn a_store_that_cannot_be_made_is_told_before_the_build_with_what_would_be_right() {
    let folder = plain("build = \"touch built\"\n");
    for store in ["sqlite:/proc/x.db", "sqlite:/proc/no/x.db"] {
        let output = run(dovetail().args(["up", "--store", store]).current_dir(&folder));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let told = stderr(&output);
        assert!(told.contains("/x.db") && told.contains("in the store url or by --store"), "{told}");
        assert!(!folder.path().join("built").exists());
    }
    // Nothing is left of the look where one can be made.
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).expect("there is room");
    let manifest = ["-m", "dovetail.toml", "up", "--store", "sqlite:kept/x.db", "--listen", "192.0.2.1:1"];
    let output = run(dovetail().args(manifest).current_dir(&folder));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot listen on 192.0.2.1:1"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(kept).expect("it is there").count(), 0);
}

#[tokio::test]
async fn options_override_the_manifest() {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [listen, admin] = taken.each_ref().map(|taken| taken.local_addr().expect("it is bound"));
    let folder = plain(&format!(
        "[gateway]\nlisten = \"{listen}\"\n[admin]\nlisten = \"{admin}\"\n[store]\nurl = \"sqlite:kept.db\"\n"
    ));
    // The manifest's ports are taken: that it serves shows that it has others.
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    assert_ne!(host.gateway.port(), 0);
    assert!(host.admin("/readyz").await.status.is_success());
    assert!(host.output().iter().any(|line| line.ends_with("Store memory:")), "{:?}", host.output());
    drop(host);
    assert!(!folder.path().join("kept.db").exists());

    let elsewhere = folder.path().join("elsewhere.db");
    drop(Host::up_with(folder.path(), &["--store", &format!("sqlite:{}", elsewhere.display())]));
    assert!(elsewhere.exists() && !folder.path().join("kept.db").exists());
    drop(Host::up(folder.path()));
    assert!(folder.path().join("kept.db").exists());
}

#[test]
fn too_many_instances_are_told_with_how_many_would_fit() {
    let check = |instances: u64| {
        let folder = plain(&format!("limits.instances = {instances}\n"));
        run(dovetail().arg("check").current_dir(&folder))
    };
    let output = check(10_000);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("dovetail.toml:") && told.contains("limits.instances = 10000"), "{told}");
    let number = |after: &str, before: &str| -> u64 {
        let (_, rest) = told.split_once(after).unwrap_or_else(|| panic!("{told}"));
        let (number, _) = rest.split_once(before).unwrap_or_else(|| panic!("{told}"));
        number.parse().unwrap_or_else(|_| panic!("{told}"))
    };
    let (reserved, over) = (number("reserve ", " GiB"), number("memories, ", " GiB more"));
    assert_eq!(reserved - over, number("GiB more than the ", " GiB there are"), "{told}");
    let most = number("add up to ", " or fewer");
    assert_eq!(check(most).status.code(), Some(0));
    assert_eq!(check(most + 1).status.code(), Some(1));
}

fn keys(table: &Value) -> BTreeSet<String> {
    table.as_object().expect("an object").keys().cloned().collect()
}

fn run(command: &mut Command) -> Output {
    command.output().expect("dovetail starts")
}

fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}
