//! A unit of work goes with its call to other atomic services, and to no others.

use http::StatusCode;
use serde_json::json;

use super::{Units, WORKERS, everywhere};
use crate::support::{Upload, until};

#[tokio::test]
async fn what_an_atomic_service_writes_for_an_atomic_caller_is_the_callers() {
    for (worker, store) in everywhere() {
        let mut units = Units::up(worker, &store, true).await;
        for (steps, status, kept) in [
            ("set:mine:1;ask:1007;trap", 500, json!([null, null])),
            ("set:mine:1;ask:1013", 500, json!([null, null])),
            ("ask:1007;get:noted;set:mine:1", 200, json!(["1007", "1"])),
            // An error that it returns is an end as good as any.
            ("ask:1015", 200, json!(["1015", "1"])),
            ("ask:1008;set:noted:mine", 200, json!(["mine", "1"])),
        ] {
            let answer = units.work("/work", steps).await;
            assert_eq!(answer.status.as_u16(), status, "{worker}, {store}: {steps}: {answer:?}");
            assert_eq!(units.found("get:noted;get:mine").await, kept, "{worker}, {store}: {steps}");
        }
        assert_eq!(units.work("/work", "ask:1007;get:noted").await.json(), json!([{ "Ok": "User 7" }, "1007"]));
        assert_eq!(units.work("/hasty", "set:mine:2;ask:1014").await.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(units.found("get:noted;get:mine").await, json!(["1007", "1"]), "{worker}, {store}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_call_is_seen_before_it_ends() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        let steps = "set:mine:1;ask:1007;print:asked;read";
        let upload = Upload::begin(units.host.connect().await, &format!("/work?steps={steps}"));
        units.host.wait_for_output("asked");
        assert_eq!(units.found("get:noted;get:mine").await, json!([null, null]));
        assert_eq!(upload.finish().await.status, StatusCode::OK);
        assert_eq!(units.found("get:noted;get:mine").await, json!(["1007", "1"]));
    }
}

#[tokio::test]
async fn what_an_atomic_service_writes_for_others_is_kept_when_it_has_ended() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        assert_eq!(units.work("/plain", "ask:1013").await.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(units.found("get:noted").await, json!([null]));
        assert_eq!(units.work("/plain", "set:mine:1;ask:1007;trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(units.found("get:noted;get:mine").await, json!(["1007", "1"]));
    }
}

#[tokio::test]
async fn what_others_write_for_an_atomic_caller_is_there_at_once_and_stays() {
    for worker in WORKERS {
        for end in ["ask:1007;trap", "ask:1007;get:noted;trap", "ask:1013"] {
            let mut units = Units::up(worker, "memory:", false).await;
            let answer = units.work("/work", &format!("set:mine:1;{end}")).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
            let noted = if end == "ask:1013" { "1013" } else { "1007" };
            assert_eq!(units.found("get:noted;get:mine").await, json!([noted, null]), "{end}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_remembers_what_was_never_kept_serves_nobody() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        let remembered = |number: u64| json!([{ "Ok": format!("Noted {number}") }]);
        // One whose caller ended well serves on.
        units.work("/work", "ask:1007").await;
        assert_eq!(units.work("/work", "ask:17").await.json(), remembered(1007));
        for end in ["trap", "nothing", "ask:13", "answer:200;leave"] {
            units.work("/work", &format!("ask:1008;{end}")).await;
            assert_eq!(units.work("/work", "ask:17").await.json(), remembered(0), "{end}");
        }
        // Nor does one whose caller goes on.
        units.work("/work", "ask:1007").await;
        let steps = "ask:1009;print:asked;read;trap";
        let upload = Upload::begin(units.host.connect().await, &format!("/work?steps={steps}"));
        units.host.wait_for_output("asked");
        assert_eq!(units.work("/work", "ask:17").await.json(), remembered(0));
        assert_eq!(upload.finish().await.status, StatusCode::INTERNAL_SERVER_ERROR);
        // Nor does one that has only seen what its caller had written.
        units.found("set:noted:before").await;
        units.work("/work", "set:noted:mine;ask:18;trap").await;
        assert_eq!(units.work("/work", "ask:19").await.json(), json!([{ "Ok": "Seen " }]));
        units.work("/work", "set:mine:1;ask:18;trap").await;
        assert_eq!(units.work("/work", "ask:19").await.json(), json!([{ "Ok": "Seen before" }]), "others serve on");
        // The caller's own instance is no different.
        units.work("/work", "remember:this;answer:200;leave").await;
        assert_eq!(units.work("/work", "remembered").await.json(), json!([""]));
    }
}

#[tokio::test]
async fn an_async_function_is_in_its_callers_unit_too() {
    let mut units = Units::up("worker_async", "memory:", true).await;
    for (steps, status, kept) in [
        ("set:mine:1;later:1001;trap", 500, json!([null, null])),
        ("set:mine:1;later:1013", 500, json!([null, null])),
        ("set:mine:1;later:1001", 200, json!(["1001", "1"])),
    ] {
        assert_eq!(units.work("/work", steps).await.status.as_u16(), status, "{steps}");
        assert_eq!(units.found("get:noted;get:mine").await, kept, "{steps}");
    }
}

/// A caller of WASI 0.3 need not wait for whom it has asked.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_call_wrote_that_its_caller_gave_up_is_not_kept() {
    let mut units = Units::up("worker_async", "memory:", true).await;
    let steps = "set:mine:1;begin:1014;read;stop;set:mine:2";
    let upload = Upload::begin(units.host.connect().await, &format!("/work?steps={steps}"));
    units.host.wait_for_output("noted 1014");
    let answer = upload.finish().await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([true])));
    assert_eq!(units.found("get:noted;get:mine").await, json!([null, "2"]));
    until("it is given up", async || units.host.busy("later").await == 0).await;
}
