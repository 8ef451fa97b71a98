//! `dovetail store`: people look at an app's data, take it out and put it in.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    durability::assert_kept,
    shared::{Progress, run},
    support::{Host, dovetail, plain, postgres, redis, shop},
};

/// Lines with every kind of key and value, as export prints them.
fn lines() -> String {
    let keys = ["", "plain", "é", "e\u{301}", "a\0b", "quote\" back\\slash", "🦀", "订单/1", &"k".repeat(1024)];
    let values =
        [json!({"value": ""}), json!({"value": "7"}), json!({"value": "Grüße\n\0"}), json!({"base64": "//4A"})];
    let mut lines = String::new();
    for (number, key) in keys.into_iter().rev().enumerate() {
        let (name, value) = values[number % 4].as_object().and_then(|value| value.iter().next()).expect("one");
        let key = json!(key);
        lines.push_str(&format!("{{\"key\":{key},\"{name}\":{value}}}\n"));
    }
    // More than one batch, and more than one page of keys.
    lines.extend((0..2500).map(|n| format!("{{\"key\":\"many/{n}\",\"value\":\"{n}\"}}\n")));
    lines
}

#[test]
fn what_was_exported_comes_back_in_any_store() {
    let folder = plain("");
    fs::write(folder.path().join("lines"), lines()).expect("it can be written");
    let postgres = postgres::Server::shared().map(postgres::Server::database);
    let redis = redis::Server::shared().map(redis::Server::database);
    for url in [Some("sqlite:data/plain.db".to_owned()), postgres, redis].into_iter().flatten() {
        let store = |arguments: &[&str]| {
            let output =
                dovetail().args(["store", "--store", &url]).args(arguments).current_dir(folder.path()).output();
            let output = output.expect("dovetail starts");
            assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
            output
        };
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        for more in ["items", "others"] {
            let imported = store(&["import", "--bucket", more, "lines"]);
            assert!(said(&imported).contains("Imported 2,509 entries of 1 bucket in "), "{}", said(&imported));
        }
        let exported = store(&["export", "--bucket", "items"]);
        assert!(String::from_utf8_lossy(&exported.stdout) == lines(), "{url}");
        assert!(said(&exported).contains("Exported 2,509 entries in "), "{}", said(&exported));

        let all = store(&["export"]).stdout;
        let named = |bucket| lines().replace("{\"key\"", &format!("{{\"bucket\":\"{bucket}\",\"key\""));
        assert!(String::from_utf8_lossy(&all) == named("items") + &named("others"), "{url}");

        let stats: Value = serde_json::from_slice(&store(&["stats", "--json"]).stdout).expect("JSON");
        let bytes = stats["buckets"][0]["bytes"].as_u64().expect("a number");
        let bucket = |name| json!({ "name": name, "keys": 2509, "bytes": bytes });
        assert_eq!(stats["buckets"], json!([bucket("items"), bucket("others")]), "{url}");
        assert!(bytes > 2500 && stats["size"].as_u64() > Some(bytes), "{stats}");
        let shown = String::from_utf8_lossy(&store(&["stats"]).stdout).into_owned();
        let engine = stats["engine"].as_str().expect("a text");
        assert!(shown.contains(engine) && shown.contains("items   2,509"), "{shown}");
    }
}

#[test]
fn an_import_merges_or_replaces() {
    let folder = plain("");
    let import = |lines: &str, arguments: &[&str]| {
        let mut command = dovetail();
        command.args(["store", "import", "--bucket", "b"]).args(arguments).current_dir(folder.path());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dovetail starts");
        child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let line = |key: &str, value: &str| format!("{{\"key\":\"{key}\",\"value\":\"{value}\"}}\n");
    let exported = || run_out(folder.path(), &["store", "export", "--bucket", "b"]);
    assert_eq!(import(&(line("a", "1") + &line("b", "1")), &[]).0, Some(0));
    assert_eq!(import(&(line("c", "2") + &line("a", "2")), &[]).0, Some(0));
    // A key that was there keeps its place.
    assert_eq!(exported(), line("a", "2") + &line("b", "1") + &line("c", "2"));
    assert_eq!(import(&(line("d", "3") + &line("a", "3")), &["--replace"]).0, Some(0));
    assert_eq!(exported(), line("d", "3") + &line("a", "3"));

    // Of a stream what came before the bad line is set, in whole batches.
    let many: String = (0..1500).map(|n| line(&format!("many/{n}"), "4")).collect();
    let (status, said) = import(&(many.clone() + "{\"key\":\"x\"}\n"), &["--replace"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("the first 1,000 entries were imported, and no more"), "{said}");
    assert!(said.contains("line 1501 of standard input has no value; write {"), "{said}");
    assert_eq!(exported().lines().count(), 1000);

    // A file is seen whole before it changes anything.
    fs::write(folder.path().join("lines"), many + "{\"key\":\"x\"}\n").expect("it can be written");
    let (status, said) = run(folder.path(), &["store", "import", "--bucket", "b", "--replace", "lines"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("nothing was imported") && said.contains("line 1501 of lines has no value"), "{said}");
    assert_eq!(exported().lines().count(), 1000);
}

/// What is read once and is gone then, like a pipe, is not seen whole before.
#[test]
fn a_pipe_that_has_a_path_is_imported() {
    let folder = plain("");
    let line = |value: &str| format!("{{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"{value}\"}}\n");
    let import = |path: &str| {
        let mut command = dovetail();
        command.args(["store", "import", path]).current_dir(folder.path());
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dovetail starts")
    };
    let imported = |child: Child, value: &str| {
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("Imported 1 entry of 1 bucket in "), "{said}");
        let kept = line(value).replace("\"bucket\":\"b\",", "");
        assert_eq!(run_out(folder.path(), &["store", "export", "--bucket", "b"]), kept);
    };
    let mut child = import("/dev/stdin");
    child.stdin.take().expect("it is piped").write_all(line("1").as_bytes()).expect("it reads");
    imported(child, "1");

    let made = Command::new("mkfifo").arg("lines").current_dir(folder.path()).status();
    assert!(made.expect("mkfifo starts").success());
    let child = import("lines");
    fs::write(folder.path().join("lines"), line("2")).expect("it reads");
    imported(child, "2");
}

/// Orders are taken all the time; what is taken out is of one moment, in which each
/// order has its index entry and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_store_in_use_is_whole() {
    let postgres = postgres::Server::shared().map(postgres::Server::database);
    for url in [Some("sqlite:data/shop.db".to_owned()), postgres].into_iter().flatten() {
        let is_file = url.starts_with("sqlite");
        let folder = shop();
        let url = match is_file {
            true => format!("sqlite:{}", folder.path().join("data/shop.db").display()),
            false => url,
        };
        let host = Host::up_with(folder.path(), &["--store", &url]);
        let progress = Arc::<Progress>::default();
        let writers = progress.writers(&host, 8).await;
        let mut answered = Vec::new();
        for round in 0..3 {
            progress.until_more(&progress.taken, 40).await;
            answered.push(progress.answered());
            let (status, said) = run(folder.path(), &["store", "--store", &url, "backup", &format!("copy{round}")]);
            assert_eq!(status, Some(0), "{said}");
            assert!(said.contains("Backed up ") && said.contains(&format!("into copy{round}")), "{said}");
        }
        let all = progress.finish(writers).await;
        for (round, before) in answered.into_iter().enumerate() {
            let (own, copy) = (shop(), folder.path().join(format!("copy{round}")));
            let restored = own.path().join("restored.db");
            let restored_url = format!("sqlite:{}", restored.display());
            if is_file {
                fs::copy(&copy, &restored).expect("it can be copied");
            } else {
                let import = ["store", "--store", &restored_url, "import", &copy.display().to_string()];
                let (status, said) = run(own.path(), &import);
                assert_eq!(status, Some(0), "{said}");
            }
            let copied = Host::up_with(own.path(), &["--store", &restored_url]);
            // What was answered before is in it, and of what came meanwhile a part.
            let (mut kept, mut client) = (before, copied.connect().await);
            for (id, order) in &all {
                let found = client.get(&format!("/orders/{id}")).await;
                if found.status == StatusCode::OK {
                    kept.insert(*id, order.clone());
                }
            }
            assert_kept(&copied, &kept).await;
        }
        let (status, said) = run(folder.path(), &["store", "--store", &url, "backup", "copy0"]);
        assert_eq!(status, Some(1));
        assert!(said.contains("there is a file at \"copy0\" already; name another"), "{said}");
        let (status, said) = run(folder.path(), &["store", "--store", &url, "backup", "."]);
        assert!(status == Some(1) && said.contains("\".\" is a folder; name a file in it"), "{said}");
        let left: Vec<_> = fs::read_dir(folder.path()).expect("it is there").flatten().map(|e| e.file_name()).collect();
        let hidden = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".copy");
        assert!(!left.iter().any(hidden), "{left:?}");
    }
}

#[test]
fn what_cannot_be_done_is_told() {
    let folder = plain("");
    let redis = redis::Server::shared().map(redis::Server::database).unwrap_or_default();
    fs::write(folder.path().join("marked"), "\u{feff}{}").expect("there is room");
    fs::write(folder.path().join("wide"), b"\xff\xfe{\0}\0\n\0").expect("there is room");
    for (arguments, told) in [
        (&["stats"][..], "there is no store at "),
        (&["export"], "`dovetail up` makes it, or name another by --store"),
        (&["stats", "--store", "memory:"], "the store memory: has nothing to keep"),
        (&["import", "--store", "memory:", "lines"], "the store memory: has nothing to keep"),
        (&["import", "missing"], "cannot read missing"),
        (&["backup", "new/"], "`new/` would be a folder"),
        (&["import", "wide"], "line 1 of wide begins with a byte order mark; save the file as UTF-8"),
        (&["import", "marked"], "line 1 of marked begins with a byte order mark; save the file as UTF-8 without one"),
        (&["stats", "--store", &redis], "there is no store at \"redis://"),
    ] {
        if arguments.last() == Some(&"") {
            continue;
        }
        let (status, said) = run(folder.path(), &[&["store"], arguments].concat());
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(told), "{said}");
        assert!(!folder.path().join("data").exists(), "{arguments:?} made a folder");
    }
    let host = Host::up_with(folder.path(), &[]);
    fs::write(folder.path().join("lines"), "{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"v\"}\n").expect("it is ours");
    let (status, said) = run(folder.path(), &["store", "import", "lines"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("another host has it open; stop that host"), "{said}");
    drop(host);
    if !redis.is_empty() {
        Host::up_with(folder.path(), &["--store", &redis]).kill();
        let (status, said) = run(folder.path(), &["store", "--store", &redis, "backup", "copy"]);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("make a copy by `redis-cli --rdb FILE`"), "{said}");
    }
}

/// A store that is named needs no app around it.
#[test]
fn a_store_that_is_named_needs_no_manifest() {
    let (app, folder) = (plain("buckets = [\"empty\"]\n"), tempfile::tempdir().expect("a temporary folder"));
    let store = format!("sqlite:{}", app.path().join("data/plain.db").display());
    fs::write(folder.path().join("lines"), "{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"v\"}\n").expect("it is ours");
    let (status, said) = run(folder.path(), &["store", "import", "lines", "--store", &store]);
    assert!(status == Some(0) && !said.contains("Note"), "{said}");
    assert!(run_out(folder.path(), &["store", "stats", "--json", "--store", &store]).contains("\"keys\":1"));
    assert_eq!(run_out(folder.path(), &["store", "--store", &store, "export"]).lines().count(), 1);
    let (status, said) = run(folder.path(), &["store", "--store", &store, "backup", "copy.db"]);
    assert_eq!(status, Some(0), "{said}");
    // Nor one that is right; what is wrong with one that is named is told.
    fs::write(folder.path().join("half.toml"), "[app").expect("it is ours");
    let broken = tempfile::tempdir().expect("a temporary folder");
    fs::write(broken.path().join("dovetail.toml"), "[app").expect("it is ours");
    assert!(run_out(broken.path(), &["store", "stats", "--json", "--store", &store]).contains("\"keys\":1"));
    let (status, said) = run(broken.path(), &["store", "--store", &store, "backup", "dovetail.toml"]);
    assert!(status == Some(1) && said.contains("is the app's manifest"), "{said}");
    let beside = format!("{}-wal", store.trim_start_matches("sqlite:"));
    for (arguments, told) in [
        (&["store", "stats"][..], "no manifest `dovetail.toml` that says where the store is; name one with -m, or the"),
        (
            &["store", "stats", "--store", "sqlite:data/{app}.db"],
            "`{app}` stands for the name of an app, and there is no",
        ),
        (&["-m", "other.toml", "store", "stats", "--store", &store], "other.toml"),
        (&["-m", "half.toml", "store", "stats", "--store", &store], "half.toml"),
        (&["store", "import", ".", "--store", "sqlite:new.db"], "nothing was imported: \".\" is a folder; name a file"),
        (&["store", "--store", &store, "backup", "-"], "a backup is not printed; name a file"),
        (&["-m", "half.toml/x", "check"], "`half.toml/x` is no path of a file"),
        (&["store", "export", "--store", &store, "--bucket", "bb"], "no bucket `bb`; did you mean `b`? There is `b`"),
        (&["store", "--store", &store, "backup", &beside], "data/plain.db-wal` is a file of the store: name another"),
    ] {
        let (status, said) = run(folder.path(), arguments);
        assert!(status == Some(1) && said.contains(told), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("new.db").exists());
}

/// No service has them, and no manifest names them.
#[test]
fn buckets_of_the_hosts_own_are_told_apart() {
    let folder = plain("");
    let told = "buckets with a colon are the host's own: what `dovetail events` shows, and how far schedules have come";
    for (bucket, is_hosts, is_noted) in [
        ("orders", false, true),
        ("queues:", true, false),
        ("event:shop:orders/events/notices", true, false),
        ("event", false, true),
        ("evnt:shop:orders/events/notices", true, true),
    ] {
        let line = format!("{{\"bucket\":\"{bucket}\",\"key\":\"k\",\"value\":\"v\"}}\n");
        fs::write(folder.path().join("line"), line).expect("it is ours");
        let (status, said) = run(folder.path(), &["store", "import", "line"]);
        assert_eq!(status, Some(0), "{said}");
        let noted = format!("no service of `dovetail.toml` may open the bucket `{bucket}`");
        assert_eq!(said.contains(&noted), is_noted, "{said}");
        let shown = run_out(folder.path(), &["store", "stats"]);
        assert!(shown.contains(&format!("\n{bucket} ")), "{shown}");
        assert_eq!(shown.ends_with(&format!("\n\n{told}\n")), is_hosts, "{shown}");
        fs::remove_dir_all(folder.path().join("data")).expect("it is there");
    }
}

/// A bucket is there when a service may open it or it has a key.
#[test]
fn a_bucket_that_nobody_knows_is_an_error_in_every_engine() {
    let postgres = postgres::Server::shared().map(postgres::Server::database);
    let redis = redis::Server::shared().map(redis::Server::database);
    for url in [Some("sqlite:data/plain.db".to_owned()), postgres, redis].into_iter().flatten() {
        let folder = plain("buckets = [\"orders\", \"users\"]\n");
        fs::write(folder.path().join("lines"), "{\"key\":\"k\",\"value\":\"v\"}\n").expect("it is ours");
        let store = |arguments: &[&str]| run(folder.path(), &[&["store", "--store", &url], arguments].concat());
        let (status, said) = store(&["import", "--bucket", "ordres", "lines"]);
        assert_eq!(status, Some(0), "{said}");
        let note = "no service of `dovetail.toml` may open the bucket `ordres`; did you mean `orders`? There are \
                    `orders`, `users`";
        assert!(said.contains(note), "{said}");
        for (bucket, entries) in [("ordres", "1 entry"), ("orders", "0 entries"), ("users", "0 entries")] {
            let (status, said) = store(&["export", "--bucket", bucket]);
            assert!(status == Some(0) && said.contains(&format!("Exported {entries} in")), "{url} {bucket}: {said}");
        }
        let (status, said) = store(&["export", "--bucket", "user"]);
        let told = "there is no bucket `user`; did you mean `users`? There are `orders`, `ordres`, `users`";
        assert!(status == Some(1) && said.contains(told) && !said.contains("Exported"), "{url}: {said}");
        let (status, said) = store(&["export", "--bucket", "nope"]);
        let told = "there is no bucket `nope`; there are `orders`, `ordres`, `users`";
        assert!(status == Some(1) && said.contains(told), "{url}: {said}");
    }
}

/// What a command prints that succeeds.
fn run_out(folder: &Path, arguments: &[&str]) -> String {
    let output = dovetail().args(arguments).current_dir(folder).output().expect("dovetail starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
