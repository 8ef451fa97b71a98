//! What was swapped out leaves nothing behind.

use crate::support::{
    Client, Host,
    made::{directory, relay_and_directory},
    until,
};

const SWAPS: usize = 1000;

/// The drain deadline of a service, in milliseconds, which nothing needs here.
const DRAIN: f64 = 30_000.0;

/// After so many it is as large as it should be.
const FIRST: usize = 10;

#[tokio::test]
async fn memory_and_open_files_are_after_1000_swaps_what_they_were_after_10() {
    let names = ["Alice", "Berta"];
    let folder = relay_and_directory(names[0]);
    let components = names.map(directory);
    let host = Host::up(folder.path());
    let mut client = host.connect().await;
    let (mut memory, mut files) = (0, 0);
    for swap in 1..=SWAPS {
        host.swap("directory", &components[swap % 2]).await;
        assert_eq!(client.get("/relay/5").await.json()["name"], names[swap % 2]);
        let drained = host.drained("directory").await;
        assert!(drained[0]["ms"].as_f64().expect("a number") < DRAIN, "held until the deadline: {drained:?}");
        if swap == FIRST {
            (memory, files) = (host.resident_memory(), settled_files(&host, &mut client).await);
        }
    }
    let grown = host.resident_memory();
    assert!(grown * 10 <= memory * 11, "{memory} bytes of memory became {grown}");
    let open = settled_files(&host, &mut client).await;
    assert!(open * 10 <= files * 11, "{files} open files became {open}");
    assert_eq!(host.history("directory").await[0]["revision"], SWAPS + 1);
    // The components of the history, and no more.
    let kept = std::fs::read_dir(folder.path().join(".dovetail/apps/dovetail.toml/small/components"))
        .expect("the folder is there")
        .count();
    assert!(kept <= 8, "{kept} components are kept");
}

/// How many files it has open when the connections that were given up are
/// closed on its side, too: all but this one.
async fn settled_files(host: &Host, client: &mut Client) -> usize {
    let mut least = usize::MAX;
    let mut same = 0;
    until("the number of open files stays the same", async || {
        assert!(client.get("/relay/5").await.status.is_success());
        let open = host.open_files();
        same = if open >= least { same + 1 } else { 0 };
        least = least.min(open);
        same >= 20
    })
    .await;
    least
}
