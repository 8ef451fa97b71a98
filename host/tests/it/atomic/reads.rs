//! A call sees what it has written as it will be; what counts acts at once; and there is a
//! bound.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Units, everywhere, stores};

#[tokio::test]
async fn a_call_sees_its_own_writes_as_others_do_when_it_has_ended() {
    for store in stores() {
        let mut units = Units::up("worker", &store, true).await;
        for steps in [
            "set:old1:x",
            "set:new:x",
            "set:new:x;set:other:y;set:new:z",
            "delete:old1",
            "delete:missing",
            "delete:old1;set:old1:x",
            "delete:old1;set:new:x;set:old1:y;set:old1:z",
            "delete:old1;set:old1:x;delete:old1",
            "set:new:x;delete:new",
            "set:new:x;delete:new;set:other:x;set:new:y",
            "setmany:new,old2,other:x;deletemany:old2,other",
            "deletemany:old1,old2,old3",
            "increment:count;set:new:x",
            "in:other;set:old1:x;in:fixtures",
        ] {
            units.found("deletemany:old1,old2,old3,new,other,count;set:old1:1;set:old2:2;set:old3:3").await;
            let reads = "get:old1;get:new;exists:old1;exists:new;getmany:old1,old2,new,missing,other,old1;keys";
            let seen = units.work("/work", &format!("{steps};{reads}")).await;
            let mut seen = seen.json();
            // The number that a counter has come to.
            seen.as_array_mut().expect("a list").retain(|found| !found.is_number());
            assert_eq!(seen, units.found(reads).await, "{store}: {steps}");
        }
    }
}

#[tokio::test]
async fn a_listing_of_many_pages_has_each_key_once() {
    for store in stores() {
        let mut units = Units::up("worker", &store, true).await;
        units.found("fill:2500").await;
        let steps = "deletemany:fill0,fill1000,fill2499;set:new:1;set:fill1:x;set:fill1000:again;keys";
        let seen = units.work("/work", steps).await.json();
        let keys = seen[0].as_array().expect("a list").clone();
        let first: Vec<Value> = ["fill1", "fill2"].map(Value::from).into();
        let last: Vec<Value> = ["fill2498", "new", "fill1000"].map(Value::from).into();
        assert!(keys.starts_with(&first) && keys.ends_with(&last), "{store}");
        assert_eq!((keys.len(), seen), (2499, units.found("keys").await), "{store}");
    }
}

#[tokio::test]
async fn an_increment_acts_at_once_and_is_not_taken_back() {
    for (worker, store) in everywhere() {
        let mut units = Units::up(worker, &store, true).await;
        let answer = units.work("/work", "set:a:1;increment:n;increment:n;get:n;trap").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(units.found("get:n;get:a").await, json!(["2", null]), "{store}");
        // One of a key that the call itself has changed would act on what is not there yet.
        let refused = json!(
            "Error::Other(\"an atomic service cannot increment a key that it has set or deleted in the same call\")"
        );
        for steps in ["set:n:7;increment:n;get:n", "delete:n;increment:n;set:n:7;get:n"] {
            assert_eq!(units.work("/work", steps).await.json(), json!([refused, "7"]), "{store}");
            assert_eq!(units.found("get:n").await, json!(["7"]), "{store}");
        }
        let steps = "increment:n;set:n:1;in:other;increment:n";
        assert_eq!(units.work("/work", steps).await.json(), json!([8, 1]), "{store}");
        assert_eq!(units.found("increment:n").await, json!([2]), "{store}");
    }
}

#[tokio::test]
async fn a_call_that_writes_too_much_is_told_so_and_keeps_what_was_taken() {
    for store in stores() {
        let mut units = Units::up("worker", &store, true).await;
        let too_many = json!(["Error::Other(\"a call of an atomic service may change at most 10000 keys\")"]);
        assert_eq!(units.work("/work", "fill:10000").await.json(), json!([]), "{store}");
        assert_eq!(units.work("/work", "fill:10000;set:more:1").await.json(), too_many, "{store}");
        assert_eq!(units.found("exists:fill9999;exists:more").await, json!([true, false]), "{store}");

        let too_long = json!([
            "Error::Other(\"a call of an atomic service may write at most 16777216 bytes, keys and values together\")"
        ]);
        assert_eq!(units.work("/work", "large:15").await.json(), json!([]), "{store}");
        assert_eq!(units.work("/work", "in:other;large:16").await.json(), too_long, "{store}");
        assert_eq!(
            units.found("exists:large14;in:other;exists:large14;exists:large15").await,
            json!([true, true, false])
        );
    }
}
