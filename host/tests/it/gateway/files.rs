//! Files of a folder are answered as HTTP has it, and nothing out of it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use http::{Method, StatusCode};
use tempfile::TempDir;

use super::ask;
use crate::support::{Client, Host, app, dovetail, request};

const MANIFEST: &str = r#"
[app]
name = "files"
[store]
url = "memory:"
[gateway]
routes = [
    { route = "/*", files = { folder = "dist/", cache_control = "max-age=60" } },
    { route = "/app/*", files = { folder = "dist/app", fallback = "index.html" } },
]
[service.guest]
component = "{guest}"
routes = ["/guest/*", { route = "/guest/static/*", files = "dist/a" }]
"#;

/// Content of which every part can be told from the others.
fn long() -> Vec<u8> {
    (0..3_000_000_u32 / 4).flat_map(u32::to_be_bytes).collect()
}

fn folder() -> TempDir {
    let folder = app(MANIFEST);
    let dist = folder.path().join("dist");
    for path in ["a/b", "app", "bare", ".git", ".well-known"] {
        fs::create_dir_all(dist.join(path)).expect("room");
    }
    for (path, text) in [
        ("index.html", "<p>home"),
        ("a/index.html", "<p>a"),
        ("a/b/c.txt", "0123456789"),
        ("a/é ü%.txt", "odd"),
        ("a/empty.json", ""),
        ("app/index.html", "<p>app"),
        ("app/main.js", "main"),
        ("bare/x", "x"),
        (".git/config", "secret"),
        (".env", "secret"),
        (".well-known/security.txt", "mail"),
        ("page.html.gz", "old"),
    ] {
        fs::write(dist.join(path), text).expect("room");
    }
    fs::write(folder.path().join("outside.txt"), "secret").expect("room");
    fs::write(dist.join("long.bin"), long()).expect("room");
    symlink("../outside.txt", dist.join("out.txt")).expect("a link");
    symlink("..", dist.join("up")).expect("a link");
    symlink("/etc/hostname", dist.join("absolute")).expect("a link");
    symlink("a/b/c.txt", dist.join("in.txt")).expect("a link");
    symlink("loop", dist.join("loop")).expect("a link");
    folder
}

/// A target, the status, and the body if that is whole.
const ROWS: &[(&str, u16, &str)] = &[
    ("/", 200, "<p>home"),
    ("/index.html", 200, "<p>home"),
    ("/a/", 200, "<p>a"),
    ("/a/b/c.txt", 200, "0123456789"),
    ("/a/b/%63.txt", 200, "0123456789"),
    ("/a/x/../b/c.txt?d=e", 200, "0123456789"),
    ("/a/%C3%A9%20%c3%bc%25.txt", 200, "odd"),
    ("/a/empty.json", 200, ""),
    ("/in.txt", 200, "0123456789"),
    ("/.well-known/security.txt", 200, "mail"),
    ("/guest/static/b/c.txt", 200, "0123456789"),
    ("/guest/x?do=hello", 200, "hello\n"),
    // What is no file, and what lists none.
    ("/none", 404, ""),
    ("/bare/", 404, ""),
    ("/bare", 404, ""),
    ("/a/b", 404, ""),
    ("/index.html/", 404, ""),
    ("/index.html/a", 404, ""),
    ("/a//b/c.txt", 404, ""),
    ("//a/b/c.txt", 404, ""),
    ("/pipe", 404, ""),
    ("/guest/static/../../.env", 404, ""),
    // What is hidden, and what is not below.
    ("/.env", 404, ""),
    ("/.git/config", 404, ""),
    ("/%2egit/config", 404, ""),
    ("/a/../.env", 404, ""),
    ("/out.txt", 404, ""),
    ("/up/outside.txt", 404, ""),
    ("/up/dist/index.html", 404, ""),
    ("/absolute", 404, ""),
    ("/loop", 404, ""),
    ("/../outside.txt", 404, ""),
    ("/%2e%2e/outside.txt", 404, ""),
    ("/a/%2e%2e/%2E./outside.txt", 404, ""),
    ("/..%2foutside.txt", 404, ""),
    ("/%2e%2e%2foutside.txt", 404, ""),
    ("/..%5coutside.txt", 404, ""),
    ("/..\\outside.txt", 404, ""),
    ("/%2Fetc/hostname", 404, ""),
    ("//etc/hostname", 404, ""),
    ("/index.html%00", 400, ""),
    ("/index.html%0a", 404, ""),
    ("/%ff", 404, ""),
    ("/%", 400, ""),
    // The page of a program that has paths of its own.
    ("/app/", 200, "<p>app"),
    ("/app/main.js", 200, "main"),
    ("/app/users/1", 200, "<p>app"),
    ("/app/users/", 200, "<p>app"),
    ("/app/other.js", 404, ""),
    ("/app/.env", 404, ""),
    ("/app/..%2foutside", 404, ""),
];

#[tokio::test]
async fn a_path_leads_to_a_file_below_the_folder_and_to_nothing_else() {
    let folder = folder();
    let pipe = folder.path().join("dist/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        for (target, status, body) in ROWS {
            let answer = client.get(target).await;
            assert_eq!(answer.status.as_u16(), *status, "{target}");
            assert!(!answer.text().contains("secret"), "{target}");
            if *status == 200 {
                assert_eq!(answer.text(), *body, "{target}");
                let head = client.ask(Method::HEAD, target).await;
                assert_eq!((head.status, head.text()), (answer.status, ""), "{target}");
                for name in ["content-length", "content-type", "etag", "last-modified", "cache-control"] {
                    assert_eq!(head.header(name), answer.header(name), "{target} {name}");
                }
            }
        }
        let long_name = format!("/{}", "x".repeat(1000));
        assert_eq!(client.get(&long_name).await.status, StatusCode::NOT_FOUND);
        for (target, location) in
            [("/a", "/a/"), ("/%61?b=//c", "/a/?b=//c"), ("/app?x", "/app/?x"), ("/x/../a", "/a/")]
        {
            let answer = client.get(target).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (StatusCode::PERMANENT_REDIRECT, location),
                "{target}"
            );
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let answer = client.send(request(method, "/index.html", "")).await;
            assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
        }
    }
}

#[tokio::test]
async fn what_a_file_is_is_said() {
    let folder = folder();
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    for (target, kind, cache) in [
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/a/b/c.txt", "text/plain; charset=utf-8", "max-age=60"),
        ("/a/empty.json", "application/json", "max-age=60"),
        ("/app/main.js", "text/javascript; charset=utf-8", ""),
        ("/app/x", "text/html; charset=utf-8", ""),
        ("/long.bin", "application/octet-stream", "max-age=60"),
    ] {
        let answer = client.get(target).await;
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (kind, cache), "{target}");
        assert_eq!((answer.header("accept-ranges"), answer.header("x-content-type-options")), ("bytes", "nosniff"));
        let etag = answer.header("etag");
        assert!(etag.starts_with('"') && etag.len() == 34, "{target} {etag}");
        assert!(answer.headers.contains_key("last-modified"), "{target}");
    }
}

/// The same time and length, and other content: builds that set all times to one make such.
#[tokio::test]
async fn a_tag_is_of_the_content_and_a_folder_may_be_put_in_its_place() {
    let folder = folder();
    let (host, dist) = (Host::up(folder.path()), folder.path().join("dist"));
    let set_time = |path: &Path| {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        fs::File::options().write(true).open(path).and_then(|file| file.set_modified(then)).expect("a time");
    };
    set_time(&dist.join("a/b/c.txt"));
    let first = host.get("/a/b/c.txt").await;
    assert_eq!(first.header("last-modified"), "Thu, 01 Jan 1970 00:00:01 GMT");
    assert_eq!(host.get("/in.txt").await.header("etag"), first.header("etag"));
    let other = folder.path().join("other");
    fs::create_dir_all(other.join("a/b")).expect("room");
    fs::write(other.join("a/b/c.txt"), "9876543210").expect("room");
    set_time(&other.join("a/b/c.txt"));
    fs::rename(&dist, folder.path().join("before")).expect("it moves");
    symlink("other", &dist).expect("a link");
    let second = host.get("/a/b/c.txt").await;
    assert_eq!((second.text(), second.header("last-modified")), ("9876543210", first.header("last-modified")));
    assert_ne!(second.header("etag"), first.header("etag"));
    // Where there is none it is said so, and logged.
    fs::remove_file(&dist).expect("it goes");
    assert_eq!(host.get("/a/b/c.txt").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    host.wait_for_output("a file cannot be read");
}

const THEN: &str = "Thu, 01 Jan 1970 00:00:01 GMT";
const LATER: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

/// Fields of a request for ten digits that changed [`THEN`], the status and the body. `TAG`
/// stands for its own.
const ASKED: &[(&str, u16, &str)] = &[
    ("if-none-match: TAG", 304, ""),
    ("if-none-match: W/TAG", 304, ""),
    ("if-none-match: \"x\", TAG", 304, ""),
    ("if-none-match: *", 304, ""),
    ("if-none-match: \"x\"", 200, "0123456789"),
    ("if-match: TAG", 200, "0123456789"),
    ("if-match: *", 200, "0123456789"),
    ("if-match: W/TAG", 412, "-"),
    ("if-match: \"x\"", 412, "-"),
    ("if-modified-since: THEN", 304, ""),
    ("if-modified-since: LATER", 304, ""),
    ("if-modified-since: Thu, 01 Jan 1970 00:00:00 GMT", 200, "0123456789"),
    ("if-modified-since: never", 200, "0123456789"),
    ("if-unmodified-since: THEN", 200, "0123456789"),
    ("if-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT", 412, "-"),
    // A tag goes before a date.
    ("if-none-match: \"x\"\nif-modified-since: LATER", 200, "0123456789"),
    ("if-match: TAG\nif-unmodified-since: Thu, 01 Jan 1970 00:00:00 GMT", 200, "0123456789"),
    ("if-match: \"x\"\nif-none-match: TAG", 412, "-"),
    ("range: bytes=0-0", 206, "0"),
    ("range: bytes=2-4", 206, "234"),
    ("range: bytes=7-", 206, "789"),
    ("range: bytes=7-99999999999999999999999", 206, "789"),
    ("range: bytes=-3", 206, "789"),
    ("range: bytes=-100", 206, "0123456789"),
    ("range: bytes=10-", 416, "-"),
    ("range: bytes=-0", 416, "-"),
    ("range: bytes=4-2", 200, "0123456789"),
    ("range: bytes=a-b", 200, "0123456789"),
    ("range: lines=0-1", 200, "0123456789"),
    ("range: bytes=", 200, "0123456789"),
    ("range: bytes=0-9,0-9,0-9,0-9", 200, "0123456789"),
    ("range: bytes=0-0\nif-none-match: TAG", 304, ""),
    ("range: bytes=0-0\nif-match: \"x\"", 412, "-"),
    ("range: bytes=0-0\nif-range: TAG", 206, "0"),
    ("range: bytes=0-0\nif-range: W/TAG", 200, "0123456789"),
    ("range: bytes=0-0\nif-range: \"x\"", 200, "0123456789"),
    ("range: bytes=0-0\nif-range: x", 200, "0123456789"),
    ("range: bytes=0-0\nif-range: THEN", 206, "0"),
    ("range: bytes=0-0\nif-range: Thu, 01 Jan 1970 00:00:00 GMT", 200, "0123456789"),
];

#[tokio::test]
async fn who_has_a_file_or_wants_a_part_of_it_gets_no_more() {
    let folder = folder();
    let file = fs::File::options().write(true).open(folder.path().join("dist/a/b/c.txt")).expect("it is there");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700)).expect("a time");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let tag = client.get("/a/b/c.txt").await.header("etag").to_owned();
    for (fields, status, body) in ASKED {
        let said = fields.replace("TAG", &tag).replace("THEN", THEN).replace("LATER", LATER);
        let answer = ask(&mut client, Method::GET, "/a/b/c.txt", &said).await;
        let whole = if *body == "-" { answer.text() } else { body };
        assert_eq!((answer.status.as_u16(), answer.text()), (*status, whole), "{fields}");
        assert_eq!((answer.header("etag"), answer.header("last-modified")), (&*tag, THEN), "{fields}");
        let range = match (*status, *body) {
            (206, body) => {
                let at = "0123456789".find(body).expect("it is a part");
                format!("bytes {at}-{}/10", at + body.len() - 1)
            }
            (416, _) => "bytes */10".to_owned(),
            _ => String::new(),
        };
        assert_eq!(answer.header("content-range"), range, "{fields}");
    }
    let head = ask(&mut client, Method::HEAD, "/a/b/c.txt", "range: bytes=0-0").await;
    assert_eq!((head.status, head.header("content-length")), (StatusCode::OK, "10"), "ranges are GET's alone");
    let empty = ask(&mut client, Method::GET, "/a/empty.json", "range: bytes=0-").await;
    assert_eq!(empty.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_long_file_comes_in_pieces_whole_and_in_parts() {
    let (folder, long) = (folder(), long());
    let host = Host::up(folder.path());
    for mut client in [host.connect().await, Client::http2(host.gateway).await] {
        let answer = client.get("/long.bin").await;
        assert_eq!(answer.header("content-length"), long.len().to_string());
        assert!(answer.body == long, "it is another");
        let answer = ask(&mut client, Method::GET, "/long.bin", "range: bytes=1-1000001").await;
        assert_eq!(answer.header("content-range"), format!("bytes 1-1000001/{}", long.len()));
        assert!(answer.body == long[1..=1_000_001], "it is another");
        // Several come as several, each with its place.
        let answer = ask(&mut client, Method::GET, "/long.bin", "range: bytes=0-3, 500000-900000,-4").await;
        assert_eq!((answer.status, answer.header("content-range")), (StatusCode::PARTIAL_CONTENT, ""));
        let kind = answer.header("content-type");
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("several");
        let length = long.len();
        let mut expected = Vec::new();
        for (from, to) in [(0, 3), (500_000, 900_000), (length - 4, length - 1)] {
            let head = "content-type: application/octet-stream";
            let head = format!("\r\n--{boundary}\r\n{head}\r\ncontent-range: bytes {from}-{to}/{length}\r\n\r\n");
            expected.extend([head.as_bytes(), &long[from..=to]].concat());
        }
        expected.extend(format!("\r\n--{boundary}--\r\n").bytes());
        assert_eq!(answer.header("content-length"), expected.len().to_string());
        assert!(answer.body == expected, "it is another");
    }
}

#[tokio::test]
async fn what_lies_encoded_beside_a_file_goes_to_who_takes_it() {
    let folder = folder();
    let dist = folder.path().join("dist");
    fs::write(dist.join("page.html"), "as it is").expect("room");
    for (name, text) in [("page.html.br", "brotli"), ("page.html.zst", "zstd"), ("old.js.gz", "gzip")] {
        fs::write(dist.join(name), text).expect("room");
    }
    // Older than what it is of, and so of what that was before.
    let file = fs::File::options().write(true).open(dist.join("page.html.gz")).expect("it is there");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let mut tags = Vec::new();
    for (accepted, coding, body) in [
        ("", "", "as it is"),
        ("gzip", "", "as it is"),
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("br;q=0.5, zstd", "zstd", "zstd"),
        ("br;q=0, zstd;q=0", "", "as it is"),
        ("identity, br;q=0.1", "", "as it is"),
        ("*", "br", "brotli"),
    ] {
        let fields = format!("accept-encoding: {accepted}");
        let answer = ask(&mut client, Method::GET, "/page.html", &fields).await;
        assert_eq!((answer.header("content-encoding"), answer.text()), (coding, body), "{accepted}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("vary"), "accept-encoding");
        tags.push(answer.header("etag").to_owned());
    }
    assert_ne!(tags[0], tags[2]);
    assert_ne!(tags[3], tags[2]);
    let fields = format!("accept-encoding: br\nif-none-match: {}", tags[2]);
    let answer = ask(&mut client, Method::GET, "/page.html", &fields).await;
    assert_eq!((answer.status, answer.header("vary")), (StatusCode::NOT_MODIFIED, "accept-encoding"));
    let answer = ask(&mut client, Method::GET, "/page.html", "accept-encoding: br\nrange: bytes=0-1").await;
    assert_eq!((answer.text(), answer.header("content-encoding")), ("br", "br"));
    assert_eq!(ask(&mut client, Method::GET, "/old.js", "accept-encoding: gzip").await.status, StatusCode::NOT_FOUND);
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = folder();
    let check = || {
        let checked = dovetail().args(["check", "--manifest"]).arg(folder.path().join("dovetail.toml")).output();
        let checked = checked.expect("it starts");
        (checked.status.success(), String::from_utf8_lossy(&checked.stderr).into_owned())
    };
    assert!(check().0);
    fs::remove_file(folder.path().join("dist/app/index.html")).expect("it goes");
    fs::remove_dir_all(folder.path().join("dist/a")).expect("it goes");
    let (is_fine, said) = check();
    assert!(!is_fine);
    for line in
        ["the files of the route `/app/*` are not there", "there is no file `", "there is no folder `", "dist/a`"]
    {
        assert!(said.contains(line), "{line}: {said}");
    }
}
