//! What a component may hold of the host, and what it may answer, has bounds.

use http::{Method, StatusCode};

use crate::support::{Client, GUESTS, Host, app, post, request};

/// By how much a component's objects may raise the host's memory: as many as it
/// may have, each as large as may be.
const ROOM: usize = 96 << 20;

#[tokio::test]
async fn objects_of_the_host_are_bounded() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        assert_eq!(host.get("/hello").await.text(), "hello\n");
        let before = host.peak_memory();
        for _ in 0..4 {
            assert_eq!(host.get("/hoard").await.status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        let grown = host.peak_growth(before);
        assert!(grown < ROOM, "{grown} bytes more");
        assert_eq!(host.service("guest").await["traps"], 4);
        assert_eq!(host.get("/hello").await.text(), "hello\n");
    }
}

#[tokio::test]
async fn an_instance_that_keeps_a_body_serves_no_other_call() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        let mut client = host.connect().await;
        assert_eq!(client.get("/calls").await.text(), "1");
        assert_eq!(client.send(post("/keep", "{}")).await.text(), "kept\n");
        assert_eq!(client.get("/calls").await.text(), "1");
        assert_eq!(client.get("/calls").await.text(), "2");
        assert_eq!(host.service("guest").await["traps"], 0);
    }
}

#[tokio::test]
async fn an_instance_that_keeps_a_response_serves_no_other_call() {
    let (_folder, host) = guest("guest");
    let mut client = host.connect().await;
    assert_eq!(client.get("/stash").await.text(), "kept\n");
    assert_eq!(client.get("/calls").await.text(), "1");
}

#[tokio::test]
async fn random_bytes_are_made_a_few_at_a_time() {
    let (_folder, host) = guest("guest");
    assert_eq!(host.get("/random?bytes=65536").await.text(), "65536");
    assert_eq!(host.get("/random?bytes=65537").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(host.get("/random?bytes=18446744073709551615").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_status_that_ends_no_request_is_a_failure() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for code in [100, 103] {
                let answer = client.get(&format!("/status?code={code}")).await;
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{code}");
            }
            assert_eq!(client.get("/hello").await.text(), "hello\n");
        }
        host.wait_for_output("service \"guest\" answered with the status 103, which is none of 200 to 599");
    }
}

#[tokio::test]
async fn a_status_that_has_no_body_is_sent_without() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for code in [204, 205, 304] {
                let answer = client.send(request(Method::GET, &format!("/status?code={code}"), "")).await;
                assert_eq!((answer.status.as_u16(), answer.text()), (code, ""));
            }
            let answer = client.get("/status?code=299").await;
            assert_eq!((answer.status.as_u16(), answer.text()), (299, "a body\n"));
        }
    }
}

fn guest(component: &str) -> (tempfile::TempDir, Host) {
    let service = format!("[service.guest]\ncomponent = \"{{{component}}}\"\nroutes = [\"/*\"]\n");
    let folder = app(&format!("[app]\nname = \"bounds\"\n{service}"));
    let host = Host::up_with(folder.path(), &["--store", "memory:"]);
    (folder, host)
}
