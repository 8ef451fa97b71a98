#![expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]

use super::*;
use crate::{manifest::StoreUrl, store::open};

const KEYS: [&str; 6] = ["a", "b", "c", "new", "newer", "never"];

fn change(key: &str, value: Option<&str>) -> Change<'static> {
    Change { bucket: "b", key: key.to_owned(), value: value.map(|value| value.as_bytes().to_vec()) }
}

/// The keys in order, and the value of each of [`KEYS`].
async fn seen_by(unit: &Unit, store: &dyn BucketStore) -> (Vec<String>, Vec<Option<Entry>>) {
    let (seen, keys) = (Watermark::default(), KEYS.map(str::to_owned).to_vec());
    let page = unit.list_keys(store, "b", None, &seen).await.expect("memory can be read");
    let values = unit.get_many(store, "b", keys, usize::MAX, &seen).await.expect("memory can be read");
    (page.keys, values)
}

#[tokio::test]
async fn a_call_sees_what_will_be_there_when_its_callers_have_ended() {
    for seed in 1..500 {
        let store = open(&StoreUrl::Memory).await.expect("memory can be opened");
        let seen = Watermark::default();
        for key in ["a", "b", "c"] {
            store.set("b", key.to_owned(), b"before".to_vec(), &seen).await.expect("memory takes it");
        }
        let outer = Arc::<Unit>::default();
        let middle = Arc::new(Unit::within(outer.clone()));
        let inner = Unit::within(middle.clone());
        let mut random = seed;
        for unit in [&outer, &middle, &inner] {
            for step in 0..6 {
                random = (random * 16807) % 2_147_483_647;
                let value = format!("{step}");
                let change = change(KEYS[random % 5], (random / 5 % 3 > 0).then_some(&value));
                unit.write(vec![change]).expect("it is open");
            }
        }
        let found = seen_by(&inner, &*store).await;
        inner.join(&middle).expect("it takes it");
        assert_eq!(seen_by(&middle, &*store).await, found, "with seed {seed}");
        middle.join(&outer).expect("it takes it");
        outer.append(&*store, &seen).await.expect("memory takes it");
        assert_eq!(seen_by(&Unit::default(), &*store).await, found, "with seed {seed}");
    }
}

#[test]
fn what_a_call_keeps_counts_with_what_its_callers_do() {
    let outer = Arc::<Unit>::default();
    let inner = Unit::within(outer.clone());
    let keys = |from: usize, to: usize| (from..to).map(|key| change(&key.to_string(), None)).collect();
    outer.write(keys(0, MOST_KEYS - 2)).expect("there is room");
    inner.write(keys(0, 1)).expect("there is room");
    assert_eq!(inner.write(keys(1, 3)), Err(Refused::Keys));
    inner.write(keys(1, 2)).expect("there is room");
    inner.join(&outer).expect("there is room");
    assert_eq!(inner.write(keys(0, 1)), Err(Refused::Ended));
}

#[test]
fn a_call_whose_caller_has_answered_writes_nothing() {
    let outer = Arc::<Unit>::default();
    let (early, late) = (Unit::within(outer.clone()), Unit::within(outer.clone()));
    early.write(vec![change("a", None)]).expect("it is open");
    assert!(outer.seal());
    assert_eq!(late.write(vec![change("a", None)]), Err(Refused::Answered));
    assert_eq!(early.join(&outer), Err(Refused::Answered));
}

#[tokio::test]
async fn a_call_leaves_a_trace_where_it_has_written_or_seen_what_may_never_be_kept() {
    let store = open(&StoreUrl::Memory).await.expect("memory can be opened");
    let outer = Arc::<Unit>::default();
    outer.write(vec![change("a", Some("1"))]).expect("it is open");
    let seen = Watermark::default();
    let others = Unit::within(outer.clone());
    assert_eq!(others.get("b", "b"), None);
    others.list_keys(&*store, "other", None, &seen).await.expect("memory can be read");
    assert!(others.leaves_no_trace());

    let (reads, lists, writes) = [(); 3].map(|()| Unit::within(outer.clone())).into();
    assert_eq!(reads.get("b", "a"), Some(Some(b"1".to_vec())));
    lists.list_keys(&*store, "b", None, &seen).await.expect("memory can be read");
    writes.write(vec![change("b", None)]).expect("it is open");
    for unit in [reads, lists, writes] {
        assert!(!unit.leaves_no_trace() && unit.seen().is_none());
    }
    // When it is known that all of it is there, whoever saw it may go on.
    let known = Unit::within(outer.clone());
    outer.append(&*store, &seen).await.expect("memory takes it");
    assert!(known.seen().is_some());
}
