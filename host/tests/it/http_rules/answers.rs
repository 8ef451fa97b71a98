//! What a component answers, and what of it reaches the client.

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::guest;
use crate::support::{Client, GUESTS, PATIENCE, request};

/// What the component is to answer, and the status, the length and the body that the
/// client gets.
const ROWS: &[(&str, Method, &str, u16, &str, &str)] = &[
    ("RFC 9110, 8.6: a length where it is known", Method::GET, "status=200&bytes=3", 200, "3", "xxx"),
    ("RFC 9110, 9.3.2: HEAD is GET without its body", Method::HEAD, "status=200&bytes=3", 200, "3", ""),
    ("RFC 9110, 15.3.5: 204 has no body", Method::GET, "status=204&bytes=3", 204, "", ""),
    ("RFC 9110, 8.6: 204 has no length", Method::GET, "status=204&bytes=3&name=content-length&value=3", 204, "", ""),
    ("RFC 9110, 15.3.6: 205 has no body", Method::GET, "status=205&name=content-length&value=3&bytes=3", 205, "0", ""),
    ("RFC 9110, 15.4.5: 304 has no body", Method::GET, "status=304&bytes=3", 304, "", ""),
    ("RFC 9110, 15: 599 is a status", Method::GET, "status=599&bytes=1", 599, "1", "x"),
    (
        "RFC 9110, 8.6: a body is as long as it says",
        Method::GET,
        "name=content-length&value=3&bytes=3",
        200,
        "3",
        "xxx",
    ),
    ("RFC 9110, 8.6: a length is one", Method::GET, "name=content-length&value=3&bytes=3&times=2", 200, "3", "xxx"),
];

/// The statuses that only a component of WASI 0.2 can answer with, and 1xx: they are
/// failures of the service.
const NO_STATUSES: [u16; 7] = [100, 101, 103, 199, 600, 700, 999];

#[tokio::test]
async fn an_answer_is_as_http_has_it() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for (rule, method, asked, status, length, body) in ROWS {
                let answer = client.ask(method.clone(), &format!("/respond?{asked}")).await;
                let what = format!("{component}: {rule}: {answer:?}");
                assert_eq!((answer.status.as_u16(), answer.text()), (*status, *body), "{what}");
                let found = answer.header("content-length");
                assert!(found == *length || (*length == "0" && found.is_empty()), "{what}");
                assert_eq!(answer.headers.get_all(header::DATE).iter().count(), 1, "{what}");
                assert!(!answer.headers.contains_key(header::SERVER), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_status_that_is_none_is_a_failure_of_the_service() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            for status in NO_STATUSES {
                let answer = client.get(&format!("/respond?status={status}")).await;
                // Of these WASI 0.3 lets a component set those of 1xx only.
                let is_refused = component == "guest" || status < 200;
                let expected = if is_refused { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
                assert_eq!(answer.status, expected, "{component} {status}");
                if is_refused {
                    assert_eq!(answer.text(), r#"{"error":"The service failed"}"#, "{component} {status}");
                    host.wait_for_output(&format!("answered with the status {status}, which is none of 200 to 599"));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_does_not_look_whole() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for length in ["2", "4"] {
            for mut client in [host.connect().await, Client::http2(host.gateway).await] {
                let path = format!("/respond?name=content-length&value={length}&bytes=3");
                let answer = timeout(PATIENCE, client.try_send(request(Method::GET, &path, ""))).await;
                let answer = answer.expect("an end in time");
                assert!(answer.is_err() || answer.is_ok_and(|it| it.status.is_server_error()), "{component} {length}");
            }
        }
    }
}

#[tokio::test]
async fn one_date_is_enough() {
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            let date = "Sun, 06 Nov 1994 08:49:37 GMT";
            let path = format!("/respond?name=date&value={}&times=2", date.replace(' ', "%20"));
            let answer = client.get(&path).await;
            let dates: Vec<_> = answer.headers.get_all(header::DATE).iter().collect();
            assert_eq!(dates, [date], "{component}");
        }
    }
}

/// RFC 9110, section 6.5.1.
#[tokio::test]
async fn trailers_are_what_may_follow_a_body() {
    const NAMES: &str =
        "x-sum,content-length,content-type,set-cookie,location,x-forwarded-for,etag,trailer,www-authenticate";
    for component in GUESTS {
        let (_folder, host) = guest(component);
        for mut client in [host.connect().await, Client::http2(host.gateway).await] {
            // HTTP/1.1 sends those that are announced, to those who take them.
            let path = format!("/respond?bytes=1&trailers={NAMES}&name=trailer&value={NAMES}");
            let mut asked = request(Method::GET, &path, "");
            asked.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
            let response = client.start(asked).await.expect("a response");
            let body =
                timeout(PATIENCE, response.into_body().collect()).await.expect("an end in time").expect("no error");
            let trailers = body.trailers().expect("trailers");
            let mut names: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, ["etag", "x-sum"], "{component}");
        }
    }
}
