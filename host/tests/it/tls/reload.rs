//! Files that change while it serves.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use http::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::{TLS, client, of, secured};
use crate::support::{Host, certificates::make, secure::Secure, until, up};

/// A host whose log tells what it reads again.
fn host(folder: &TempDir) -> Host {
    Host::start(up(folder.path()).env("DOVETAIL_LOG", "dovetail=info").stderr(Stdio::piped()))
}

/// Put the pair of one name in the place of another's, a file at a time.
fn replace(folder: &Path, name: &str, by: &str) {
    for end in ["crt", "key"] {
        fs::copy(folder.join(format!("{by}.{end}")), folder.join("written")).expect("it is there");
        fs::rename(folder.join("written"), folder.join(format!("{name}.{end}"))).expect("it is ours");
    }
}

async fn until_shown(client: &Secure, host: &Host, folder: &Path, file: &str) {
    let wanted = of(folder, file);
    until("the new certificate is shown", async || client.shown(host.gateway).await == wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_renewed_under_load_and_nobody_notices() {
    let folder = secured("guest", TLS, "for name in shop one two; do certificate $name DNS:localhost; done");
    let host = host(&folder);
    let client = client(&folder, "localhost");
    let mut kept = client.connect(host.gateway).await;
    let (stop, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let mut load = JoinSet::new();
    for _ in 0..4 {
        let (client, stop, served, address) = (client.clone(), stop.clone(), served.clone(), host.gateway);
        load.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let mut connection = client.connect(address).await;
                assert_eq!(connection.get("/told").await.status, StatusCode::OK);
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for name in ["one", "two", "one"] {
        replace(folder.path(), "shop", name);
        until_shown(&client, &host, folder.path(), &format!("{name}.crt")).await;
        assert_eq!(kept.get("/told").await.status, StatusCode::OK);
    }
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    assert!(served.load(Ordering::Relaxed) > 0);
    let output = host.output().join("\n");
    assert!(
        output.contains(" INFO ") && output.contains("changed: new connections have what is there now"),
        "{output}"
    );
    assert!(!output.contains("WARN"), "{output}");
}

#[tokio::test]
async fn a_folder_whose_link_is_swapped_is_seen() {
    let more = "[gateway]\ntls = { certificate = \"mounted/tls.crt\", key = \"mounted/tls.key\" }\n";
    // As Kubernetes mounts a secret: its files are links into a folder, which is itself one.
    let folder = secured(
        "guest",
        more,
        "for name in one two; do certificate $name DNS:localhost; mkdir -p mounted/..$name
            mv $name.crt mounted/..$name/tls.crt; mv $name.key mounted/..$name/tls.key; done
         ln -s ..one mounted/..data; for file in tls.crt tls.key; do ln -s ..data/$file mounted/$file; done",
    );
    let (host, mounted) = (host(&folder), folder.path().join("mounted"));
    let client = client(&folder, "localhost");
    assert_eq!(client.shown(host.gateway).await, of(&mounted, "..one/tls.crt"));
    symlink("..two", mounted.join("..new")).expect("there is room");
    fs::rename(mounted.join("..new"), mounted.join("..data")).expect("it is ours");
    until_shown(&client, &host, &mounted, "..two/tls.crt").await;
}

#[tokio::test]
async fn a_pair_that_is_no_good_leaves_the_one_before_and_is_told_once() {
    let folder = secured(
        "guest",
        TLS,
        "for name in shop good; do certificate $name DNS:localhost; done
         certificate past DNS:localhost 20200101000000Z 20200201000000Z
         cp good.crt mixed.crt; cp shop.key mixed.key; cp shop.crt first.crt",
    );
    let host = host(&folder);
    let client = client(&folder, "localhost");
    for (name, told) in [
        ("past", "has a certificate that expired at 2020-02-01T00:00:00Z; have it renewed"),
        ("mixed", "is not the key of the certificate"),
    ] {
        replace(folder.path(), "shop", name);
        let line = host.wait_for_output(told);
        assert!(line.contains(" WARN ") && line.contains("What was there goes on serving"), "{line}");
        assert_eq!(client.shown(host.gateway).await, of(folder.path(), "first.crt"));
    }
    fs::remove_file(folder.path().join("shop.key")).expect("it is ours");
    host.wait_for_output("is not there");
    // Then the right one comes.
    replace(folder.path(), "shop", "good");
    until_shown(&client, &host, folder.path(), "good.crt").await;
    let output = host.output();
    for told in ["expired at", "is not the key of", "is not there"] {
        assert_eq!(output.iter().filter(|line| line.contains(told)).count(), 1, "{output:?}");
    }
}

#[tokio::test]
async fn one_pair_of_several_is_renewed_though_another_is_no_good() {
    let more = "[gateway]\ntls = [{ certificate = \"a.crt\", key = \"a.key\" }, { certificate = \"b.crt\", key = \"b.key\" }]\n";
    let folder = secured(
        "guest",
        more,
        "for name in a b; do certificate $name DNS:$name.example; done; cp a.crt old.crt
         certificate new DNS:b.example",
    );
    let host = host(&folder);
    fs::write(folder.path().join("a.crt"), "nothing").expect("it is ours");
    host.wait_for_output("has no certificate");
    replace(folder.path(), "b", "new");
    until_shown(&client(&folder, "b.example"), &host, folder.path(), "new.crt").await;
    assert_eq!(client(&folder, "a.example").shown(host.gateway).await, of(folder.path(), "old.crt"));
}

#[tokio::test]
async fn whom_the_admin_api_lets_in_is_read_again() {
    let more = "[admin]\ntls = { certificate = \"shop.crt\", key = \"shop.key\", clients = \"clients.pem\" }\n";
    let folder = secured(
        "guest",
        more,
        "certificate shop DNS:localhost; authority one; authority two; cp one.pem clients.pem
         certificate anna DNS:anna '' '' one; certificate bert DNS:bert '' '' two",
    );
    let host = host(&folder);
    let asks = async |name: &str| {
        let mut client = client(&folder, "localhost");
        client.shows = Some((folder.path().join(format!("{name}.crt")), folder.path().join(format!("{name}.key"))));
        client.protocols = vec!["http/1.1"];
        let Ok(stream) = client.begin(host.admin).await else { return false };
        let mut client = crate::support::Client::http1_over(stream, "localhost".into()).await;
        client.try_send(crate::support::request(http::Method::GET, "/healthz", "")).await.is_ok()
    };
    assert!(asks("anna").await && !asks("bert").await);
    make(folder.path(), "cp two.pem new.pem; mv new.pem clients.pem");
    until("the others are let in", async || asks("bert").await).await;
    assert!(!asks("anna").await);
}
