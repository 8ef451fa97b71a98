//! Processes end, and the power goes, between any two steps.

use super::disk::{Disk, Process, Random};
use super::model::{self, Call, Model};
use crate::bucket::Bucket;

const LONGEST_LOG: u64 = 250;

fn calls(seed: u64) -> Vec<Call> {
    let mut random = Random(seed);
    (0..25).map(|_| model::some_call(&mut random)).collect()
}

/// Do the calls until the process ends. What must be there is what was
/// acknowledged, and what may be there is that with the call it ended in.
fn until_the_end(process: &Process, calls: &[Call]) -> (Model, Model) {
    let mut bucket = Bucket::new(process.clone(), LONGEST_LOG);
    let mut acknowledged = Model::default();
    for call in calls {
        let answer = model::call(&mut bucket, call);
        let mut with = acknowledged.clone();
        with.apply(call);
        if process.is_over() && answer.is_err() {
            return (acknowledged, with);
        }
        acknowledged = with;
    }
    (acknowledged.clone(), acknowledged)
}

/// What is acknowledged is there, what is not is there whole or not at all, and
/// whoever comes next can go on.
fn check(disk: &Disk, (must, may): &(Model, Model), case: &str) {
    let mut bucket = Bucket::new(disk.process(), LONGEST_LOG);
    let found = model::all(&mut bucket).expect("it can be read");
    let mut model = if found == model::expected(must) { must.clone() } else { may.clone() };
    assert_eq!(found, model::expected(&model), "{case}");
    for next in calls(99) {
        assert_eq!(model::call(&mut bucket, &next).ok(), model.apply(&next), "{case}, then {next:?}");
    }
    assert_eq!(model::all(&mut bucket).expect("it can be read"), model::expected(&model), "{case}");
    let mut fresh = Bucket::new(disk.process(), LONGEST_LOG);
    assert_eq!(model::all(&mut fresh).expect("it can be read"), model::expected(&model), "{case}");
}

/// How many steps the calls take.
fn steps(calls: &[Call]) -> u64 {
    let most = 1 << 20;
    let process = Disk::default().mortal(most);
    until_the_end(&process, calls);
    most - process.left()
}

#[test]
fn a_process_may_end_at_any_step() {
    for seed in 0..4 {
        let calls = calls(seed << 40);
        let steps = steps(&calls);
        assert!(steps > 150, "{steps}");
        for end in 1..=steps {
            let disk = Disk::default();
            let outcome = until_the_end(&disk.mortal(end), &calls);
            check(&disk, &outcome, &format!("ended at step {end} of {steps}"));
        }
    }
}

#[test]
fn the_power_may_go_at_any_step() {
    for seed in 0..2 {
        let calls = calls(seed << 40);
        let steps = steps(&calls);
        for end in 1..=steps {
            for chance in 0..5 {
                let disk = Disk::default();
                let outcome = until_the_end(&disk.mortal(end), &calls);
                disk.lose_power(&mut Random(end << 20 | chance << 10));
                check(&disk, &outcome, &format!("power lost at step {end} of {steps}, chance {chance}"));
            }
        }
    }
}

#[test]
fn whoever_comes_next_may_lose_the_power() {
    let calls = calls(5 << 40);
    for end in 1..=steps(&calls) {
        for chance in 0..5 {
            let disk = Disk::default();
            let (must, may) = until_the_end(&disk.mortal(end), &calls);
            // It merges nothing, so all depends on the logs that it found.
            let mut next = Bucket::new(disk.process(), u64::MAX);
            let found = model::all(&mut next).expect("it can be read");
            let mut model = if found == model::expected(&must) { must } else { may };
            for call in [Call::Increment("next".to_owned(), 1), Call::DeleteMany(vec!["a".to_owned()])] {
                assert_eq!(model::call(&mut next, &call).ok(), model.apply(&call));
            }
            disk.lose_power(&mut Random(end << 20 | chance << 10));
            check(&disk, &(model.clone(), model), &format!("ended at step {end}, chance {chance}"));
        }
    }
}

#[test]
fn a_log_may_end_at_any_byte() {
    let disk = Disk::default();
    let mut bucket = Bucket::new(disk.process(), u64::MAX);
    let (mut model, mut states) = (Model::default(), vec![(0, Model::default())]);
    for call in calls(7) {
        model::call(&mut bucket, &call).ok();
        model.apply(&call);
        let length = disk.files().values().map(Vec::len).sum::<usize>();
        states.push((length, model.clone()));
    }
    let (name, log) = disk.files().pop_first().expect("there is a log");
    for cut in 0..log.len() {
        let disk = Disk::default();
        disk.put(&name, &log[..cut]);
        let (_, model) = states.iter().rfind(|(length, _)| *length <= cut).expect("the first is empty");
        check(&disk, &(model.clone(), model.clone()), &format!("cut at byte {cut}"));
    }
}
