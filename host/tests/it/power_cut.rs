//! What was answered is there after the power failed; and the harness that says so
//! would have noticed if it were not.

use crate::{
    durability::{Orders, WRITERS, assert_kept, faults, order_until_killed},
    support::{
        disk::{Disk, Unsynced},
        shop,
    },
};

/// So many that the store's log is begun anew between two of them.
const CUTS: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_no_answered_order() {
    let folder = shop();
    let disk = Disk::of(folder.path());
    let mut answered = Orders::new();
    for cut in 0..CUTS {
        let host = disk.up();
        if cut % 4 == 3 {
            assert_kept(&host, &answered).await;
        }
        // Enough of them for a checkpoint, in the midst of which some cuts are.
        order_until_killed(host, cut, 500, &mut answered).await;
        disk.cut_power(if cut % 2 == 0 { Unsynced::Lost } else { Unsynced::SomeKept });
    }
    assert!(answered.len() >= WRITERS * CUTS as usize / 2);
    assert_kept(&disk.up(), &answered).await;
}

/// As if commits were not synced (`synchronous = NORMAL`), or nothing were (`OFF`).
#[tokio::test(flavor = "multi_thread")]
async fn what_a_disk_did_not_sync_is_found_to_be_lost() {
    for unsynced in ["-wal", ""] {
        let folder = shop();
        let disk = Disk::lying_about(folder.path(), unsynced);
        let mut answered = Orders::new();
        // Few enough for no checkpoint, which would save them: the database is synced.
        order_until_killed(disk.up(), 0, 1, &mut answered).await;
        // Without the cut nothing is lost: what a process wrote outlives it.
        assert_kept(&disk.up(), &answered).await;
        order_until_killed(disk.up(), 1, 1, &mut answered).await;
        disk.cut_power(Unsynced::Lost);
        let lost = faults(&disk.up(), &answered).await;
        assert!(lost.iter().any(|fault| fault.contains("was answered and is in no list")), "{unsynced:?}: {lost:?}");
    }
}
