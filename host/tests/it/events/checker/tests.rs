use super::*;

/// Three of a key, one after the other, of which the second call emits two; and one of
/// another key, whose call nobody saw end, and one whose call failed.
fn history() -> (Vec<Emitted>, Had) {
    let event = |key: &str, number, begin, end| Emitted { key: key.into(), number, begin, end };
    let emitted = vec![
        event("a", 1, 1, End::Well(2)),
        event("a", 2, 3, End::Well(4)),
        event("a", 3, 3, End::Well(4)),
        event("a", 4, 5, End::Well(8)),
        event("a", 5, 6, End::Well(7)),
        event("b", 1, 1, End::Unknown),
        event("b", 2, 2, End::Failed),
    ];
    (emitted, Had::from([("a".into(), vec![1, 2, 3, 4, 5]), ("b".into(), vec![1])]))
}

#[test]
fn what_may_be_is_no_fault() {
    let (emitted, had) = history();
    assert_eq!(faults(&emitted, &had), Vec::<String>::new());
    // Of two calls at once either may be first, and what nobody saw end need not be there.
    let had = Had::from([("a".into(), vec![1, 2, 3, 5, 4])]);
    assert_eq!(faults(&emitted, &had), Vec::<String>::new());
}

#[test]
fn each_lie_is_found() {
    for (key, numbers, fault) in [
        ("a", &[1, 2, 3, 4][..], "5 of a was lost"),
        ("a", &[1, 2, 3, 4, 5, 5], "5 of a was had twice"),
        ("a", &[1, 2, 3, 2, 4, 5], "2 of a was had twice"),
        ("a", &[2, 3, 1, 4, 5], "3 of a came before 1, over at 2"),
        ("a", &[1, 3, 2, 4, 5], "3 of a came before 2, of the same call"),
        ("a", &[1, 2, 5, 3, 4], "5 of a came before 3, over at 4"),
        ("a", &[1, 2, 3, 4, 5, 6], "6 of a was never emitted"),
        ("b", &[1, 2], "2 of b was had, and its call failed"),
        ("c", &[1], "1 of c was never emitted"),
    ] {
        let (emitted, mut had) = history();
        had.insert(key.into(), numbers.to_vec());
        let found = faults(&emitted, &had);
        assert!(found.iter().any(|found| found == fault), "{key} {numbers:?}: {found:?}");
    }
    let (emitted, _) = history();
    assert_eq!(faults(&emitted, &Had::new()).len(), 5);
}
