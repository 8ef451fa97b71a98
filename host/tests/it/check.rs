//! A check, and what else looks at an app without serving it: before anything slow
//! happens, and with what was compiled before.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{Host, app, component, dovetail, plain, shop};
use serde_json::{Value, json};
use tempfile::TempDir;

const COMPILED: &str = "Compiled plain (1 KiB, sha256 ";

#[test]
fn what_was_compiled_is_not_compiled_again() {
    let folder = plain("");
    let looks: [&[&str]; 4] = [&["check"], &["graph"], &["compose", "plain", "-o", "x.wasm"], &["check"]];
    for (number, arguments) in looks.iter().enumerate() {
        let told = told(&succeed(dovetail().args(*arguments).current_dir(&folder)));
        assert_eq!(told.contains(", from the cache)"), number > 0, "{arguments:?}: {told}");
    }
    // Several may fill it at once, and a host may use it meanwhile.
    let shop = shop();
    check_at_once(&shop, "");
    let _host = Host::up(shop.path());
    check_at_once(&shop, ", from the cache)");
}

/// Check an app several times side by side, each of which finds all three components.
fn check_at_once(folder: &TempDir, how: &str) {
    let check = |_| dovetail().arg("check").current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let checks = [(); 3].map(check).map(|child| child.expect("dovetail starts"));
    for check in checks {
        let output = check.wait_with_output().expect("dovetail ends");
        let told = told(&output);
        let found = told.lines().filter(|line| line.contains("Compiled") && line.contains(how));
        assert!(output.status.success() && found.count() == 3, "{told}");
    }
}

/// Only to a host is it worth a line that its compiled code is not what it was.
#[test]
fn damaged_code_is_compiled_again_by_a_check_without_a_word() {
    let folder = plain("");
    for (verb, tells) in [("check", false), ("up", true)] {
        succeed(dovetail().arg("check").current_dir(&folder));
        for entry in fs::read_dir(folder.path().join(".dovetail/code")).expect("it is kept").flatten() {
            fs::write(entry.path(), "damaged").expect("it is ours");
        }
        let said = match verb {
            "up" => Host::up(folder.path()).output().join("\n"),
            verb => told(&succeed(dovetail().arg(verb).current_dir(&folder))),
        };
        assert!(said.contains(COMPILED) && !said.contains("from the cache"), "{verb}: {said}");
        assert_eq!(said.contains("is ignored: it is damaged"), tells, "{verb}: {said}");
    }
}

#[test]
fn where_nothing_can_be_kept_it_is_done_without_a_word() {
    let folder = plain("");
    let path = folder.path();
    let set = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    let check = || {
        let mut check = dovetail();
        // Root may write anywhere.
        if rustix::process::getuid().is_root() {
            check.uid(65534).gid(65534);
        }
        told(&succeed(check.arg("check").current_dir(path)))
    };
    set(0o555);
    for _ in 0..2 {
        let told = check();
        assert!(told.contains(COMPILED) && !told.contains("cache") && told.lines().count() == 2, "{told}");
    }
    assert_eq!(names(path), ["dovetail.toml", "plain.wasm"]);
    set(0o755);
}

#[test]
fn a_check_makes_nothing_but_the_cache() {
    let folder = plain("");
    succeed(dovetail().arg("check").current_dir(&folder));
    assert_eq!(names(folder.path()), [".dovetail", "dovetail.toml", "plain.wasm"]);
    let state = folder.path().join(".dovetail");
    assert_eq!(names(&state), ["code"]);
    let mode = fs::metadata(&state).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a host keeps what it runs there");
}

#[test]
fn what_the_arguments_tell_is_told_before_anything_is_built() {
    let folder = plain("build = \"touch built\"\n[admin]\ntoken_file = \"nowhere\"\n");
    fs::write(folder.path().join("spin.toml"), "mine").expect("there is room");
    let wrong: [(&[&str], &str); 10] = [
        (&["check"], "the token file `nowhere` cannot be read"),
        (&["up"], "the token file `nowhere` cannot be read"),
        (&["up", "--admin", "0.0.0.0:1", "--listen", "127.0.0.1:0"], "the token file `nowhere` cannot be read"),
        (
            &["compose", "plian", "-o", "x.wasm"],
            "there is no service `plian` in `dovetail.toml`; did you mean `plain`?",
        ),
        (&["compose", "-o", "x.wasm"], "no service has a route"),
        (&["compose", "plain", "-o", "."], "`.` is a folder"),
        (&["compose", "plain", "-o", "new/"], "`new/` would be a folder; write a file in one that is there"),
        (&["compose", "plain", "-o", "dovetail.toml/x"], "cannot be written: `dovetail.toml` is no folder, but a file"),
        (
            &["compose", "plain", "-o", "x.wasm", "--target", "spin"],
            "`spin.toml` was not written by `dovetail compose`",
        ),
        (&["push", "plian", "oci://127.0.0.1:1/a:1"], "did you mean `plain`? (a file would be `./plian`)"),
    ];
    for (arguments, expected) in wrong {
        let output = run(dovetail().args(arguments).current_dir(&folder));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains(expected), "{arguments:?}: {}", told(&output));
        assert!(!folder.path().join("built").exists(), "{arguments:?}");
    }
}

#[test]
fn a_graph_builds_what_is_not_there_and_a_check_all_unless_told_otherwise() {
    let folder = plain("build = \"echo >> built; cp kept.wasm plain.wasm\"\n");
    let (component, kept) = (folder.path().join("plain.wasm"), folder.path().join("kept.wasm"));
    fs::rename(&component, &kept).expect("it is there");
    let built = || fs::read_to_string(folder.path().join("built")).unwrap_or_default().len();
    let output = run(dovetail().args(["graph", "--locked"]).current_dir(&folder));
    assert!(told(&output).contains("Missing `plain.wasm`, which is built\n"), "{}", told(&output));
    for (arguments, builds) in
        [(&["graph"][..], 1), (&["check"], 2), (&["check", "--no-build"], 2), (&["compose", "plain", "-o", "x"], 3)]
    {
        let output = run(dovetail().args(arguments).current_dir(&folder));
        assert_eq!(built(), builds, "{arguments:?}: {}", told(&output));
    }
    fs::remove_file(component).expect("it was built");
    let output = run(dovetail().args(["check", "--no-build"]).current_dir(&folder));
    assert_eq!((output.status.code(), built()), (Some(1), 3));
    assert!(told(&output).contains("error: service `plain` has no component\n"), "{}", told(&output));
}

#[test]
fn programs_are_told_what_was_found() {
    let folder = shop();
    let output = succeed(dovetail().args(["check", "--json"]).current_dir(&folder));
    let found = json_of(&output);
    assert_eq!((&found["ok"], &found["problems"]), (&json!(true), &json!([])));
    let names: Vec<_> = found["services"].as_array().expect("a list").iter().map(|service| &service["name"]).collect();
    assert_eq!(names, ["notices", "order", "user"]);
    assert_eq!(found["services"][0]["digest"].as_str().map(str::len), Some(64));
    assert_eq!(
        (&found["links"], &found["events"]),
        (
            &json!([{ "from": "order", "to": "user", "interface": "shop:users/directory@0.1.0" }]),
            &json!([{ "from": "order", "to": "notices", "interface": "shop:orders/events@0.1.0" }]),
        )
    );

    // Of the manifest, all of them.
    let folder = plain("");
    fs::write(
        folder.path().join("dovetail.toml"),
        "[app]\nname = 7\n[service.plain]\ncomponent = \"plain.wasm\"\n\
         env = { \"größe\" = \"s3cret\", \"A=\" = \"s3cret\" }\n",
    )
    .expect("there is room");
    let output = run(dovetail().args(["check", "--json"]).current_dir(&folder));
    assert_eq!(output.status.code(), Some(1));
    assert!(!told(&output).contains("error"), "it is told once: {}", told(&output));
    let found = json_of(&output);
    assert_eq!((&found["ok"], &found["services"], &found["links"]), (&json!(false), &json!([]), &json!([])));
    assert_eq!(
        found["problems"][0],
        json!({
            "title": "`app.name` is an integer, not a string", "file": "dovetail.toml",
            "line": 2, "column": 8, "end_line": 2, "end_column": 9, "key": "app.name", "label": null,
            "help": ["write, for example, `name = \"demo\"`"], "related": [], "causes": [],
        })
    );
    let second = &found["problems"][1];
    assert_eq!((&second["line"], &second["column"]), (&json!(5), &json!(29)), "characters are counted, not bytes");
    assert_eq!(second["key"], json!("service.plain.env.\"A=\""));
    assert_eq!(found["problems"].as_array().map(Vec::len), Some(2));

    // Of an event, whose name has dots.
    let folder = plain("[event.\"shop:orders/events@0.1.0\"]\nsubscribers = [\"plian\"]\n");
    let found = json_of(&run(dovetail().args(["check", "--json"]).current_dir(&folder)));
    let problem = &found["problems"][0];
    assert_eq!(problem["key"], json!("event.\"shop:orders/events@0.1.0\".subscribers.0"));
    assert_eq!((&problem["line"], &problem["help"]), (&json!(6), &json!(["write \"plain\""])));

    // Of components and their links, at the manifest's keys.
    let folder = plain("routes = [\"/\"]\n[service.other]\ncomponent = \"gone.wasm\"\n");
    let found = json_of(&run(dovetail().args(["check", "--json"]).current_dir(&folder)));
    let problem = &found["problems"][0];
    assert_eq!((&problem["line"], &problem["key"]), (&json!(7), &json!("service.other.component")));
    assert_eq!(problem["label"], json!("`gone.wasm` does not exist"));

    // And what has no place in a file.
    let folder = plain("build = \"echo no luck; exit 3\"\n");
    let found = json_of(&run(dovetail().args(["check", "--json"]).current_dir(&folder)));
    let problem = &found["problems"][0];
    assert_eq!((&problem["title"], &problem["file"]), (&json!("the build of plain failed"), &Value::Null));
    assert_eq!(problem["causes"], json!(["`echo no luck; exit 3` ended with exit status: 3:\nno luck"]));
}

#[test]
fn nothing_but_errors_is_shown_if_that_is_asked_for() {
    let folder = plain("build = \"true\"\n");
    for arguments in [&["-q", "check"][..], &["check", "--quiet"], &["graph", "-q"], &["build", "-q"]] {
        let output = succeed(dovetail().args(arguments).current_dir(&folder));
        assert_eq!(told(&output), "", "{arguments:?}");
        assert_eq!(output.stdout.is_empty(), arguments.contains(&"build"), "{arguments:?}");
    }
    fs::write(folder.path().join("plain.wasm"), "text").expect("there is room");
    let output = run(dovetail().args(["check", "-q"]).current_dir(&folder));
    assert!(
        output.status.code() == Some(1) && told(&output).starts_with("error: service `plain`"),
        "{}",
        told(&output)
    );
}

#[tokio::test]
async fn a_quiet_host_says_what_it_serves_and_no_more() {
    let folder = app("[app]\nname = \"app\"\n[service.guest]\ncomponent = \"{guest}\"\nroutes = [\"/*\"]\n");
    let host = Host::up_with(folder.path(), &["--quiet"]);
    assert_eq!(host.get("/hello").await.text(), "hello\n");
    let mut swap = dovetail();
    swap.args(["swap", "guest", "-q", "--admin", &host.admin.to_string()]).arg(component("user")).current_dir("/");
    let output = succeed(&mut swap);
    assert_eq!((told(&output).as_str(), output.stdout.len()), ("", 0));
    host.signal("TERM");
    let lines = host.output();
    assert!(
        lines.iter().all(|line| ["Route", "Store", "Admin", "Serving"].iter().any(|word| line.contains(word))),
        "{lines:?}"
    );
    assert_eq!(host.wait().code(), Some(0));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn run(command: &mut Command) -> Output {
    command.output().expect("dovetail starts")
}

fn succeed(command: &mut Command) -> Output {
    let output = run(command);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    output
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
