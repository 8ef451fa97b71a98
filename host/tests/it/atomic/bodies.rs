//! The answer of an atomic service leaves when its call has ended; and what its client
//! breaks off leaves nothing.

use std::{io::Write, net::Shutdown};

use http::{Method, StatusCode};
use serde_json::json;

use super::{Units, WORKERS};
use crate::support::{Upload, raw, request, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_for_the_end_of_its_call() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        let steps = "set:a:1;answer:201;send:1000000;set:b:2;print:sent;read;set:c:3";
        let mut client = units.host.connect().await;
        let (pieces, body) = crate::support::pieces();
        let upload = request(Method::POST, &format!("/work?steps={steps}"), "").map(|_| body);
        let answer = tokio::spawn(async move { client.send(upload).await });
        units.host.wait_for_output("sent");
        assert_eq!(units.found("getmany:a,b,c").await, json!([[null, null, null]]));
        assert!(!answer.is_finished());
        drop(pieces);
        let answer = answer.await.expect("no panic");
        assert_eq!((answer.status, answer.body.len()), (StatusCode::CREATED, 1_000_002));
        assert_eq!(answer.header("content-length"), "1000002");
        assert_eq!(units.found("getmany:a,b,c").await, json!([["a=1", "b=2", "c=3"]]));
    }
}

#[tokio::test]
async fn a_long_answer_leaves_as_it_comes_and_nothing_is_written_from_then_on() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        let steps = "get:a;answer:200;send:10000000;set:a:1;print;increment:n";
        let answer = units.work("/work", steps).await;
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 10_000_006));
        assert_eq!(answer.header("transfer-encoding"), "chunked");
        units.host.wait_for_output(
            "a call of an atomic service cannot write once its answer is sent, which begins after 1 MiB of it",
        );
        assert_eq!(units.found("get:a").await, json!([null]));
        until("its instance serves others", async || {
            let status = units.host.service("worker").await;
            status["instances"]["idle"] == 1
        })
        .await;
        // It is the same one.
        units.work("/work", "remember:this;answer:200;send:10000000").await;
        until("its call has ended", async || units.host.busy("worker").await == 0).await;
        assert_eq!(units.work("/work", "remembered").await.json(), json!(["this"]), "{worker}");
    }
}

#[tokio::test]
async fn a_long_answer_of_a_call_that_has_written_is_an_error() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        let answer = units.work("/work", "set:a:1;answer:200;send:10000000").await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{answer:?}");
        units.host.wait_for_output("a body of more than 1 MiB, after it has written");
        assert_eq!(units.found("get:a").await, json!([null]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        for steps in ["set:a:1;ask:1007;print:written;read", "set:a:1;answer:200;print:answered;read"] {
            let said = if steps.contains("answer") { "answered" } else { "written" };
            let mut stream = raw::connect(units.host.gateway);
            let head = format!("POST /work?steps={steps} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc");
            stream.write_all(head.as_bytes()).expect("the host reads");
            units.host.wait_for_output(said);
            drop(stream);
            until("the host is rid of it", async || units.host.busy("worker").await == 0).await;
            assert_eq!(units.found("get:a;get:noted").await, json!([null, null]), "{worker}: {steps}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_whatever_is_made_of_it() {
    for worker in WORKERS {
        let mut units = Units::up(worker, "memory:", true).await;
        for steps in ["set:a:1;read;set:b:2", "ask:1007;read;answer:500"] {
            for sent in ["content-length: 9\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
                let mut stream = raw::connect(units.host.gateway);
                let head = format!("POST /work?steps={steps} HTTP/1.1\r\nhost: x\r\n{sent}");
                stream.write_all(head.as_bytes()).expect("the host reads");
                stream.shutdown(Shutdown::Write).expect("the host is there");
                raw::read_all(stream);
                until("the call has ended", async || units.host.busy("worker").await == 0).await;
                assert_eq!(units.found("getmany:a,b,noted").await, json!([[null, null, null]]), "{worker}: {steps}");
            }
        }
        let upload = Upload::begin(units.host.connect().await, "/work?steps=set:a:1;read;set:b:2");
        upload.send("all of it").await;
        assert_eq!(upload.finish().await.status, StatusCode::OK);
        assert_eq!(units.found("getmany:a,b").await, json!([["a=1", "b=2"]]));
    }
}
