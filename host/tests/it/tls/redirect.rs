//! Plain HTTP that is sent on to TLS.

use http::{Method, StatusCode};

use super::{TLS, client, secured};
use crate::support::{Client, Host, raw, request};

#[tokio::test]
async fn plain_http_is_sent_on_to_where_tls_is_spoken() {
    let more = format!("{TLS}redirect = \"http://127.0.0.1:0\"\n");
    let folder = secured("guest", &more, "certificate shop DNS:localhost");
    let host = Host::up(folder.path());
    let line = host.wait_for_output("Redirect");
    let (_, there) = line.split_once("http://").expect("it is shown");
    let address = there.split_whitespace().next().and_then(|it| it.parse().ok()).expect("an address");
    let to = |target: &str| format!("https://{}{target}", host.gateway);
    for mut client in [Client::http1(address).await, Client::http2(address).await] {
        for (method, target) in [
            (Method::GET, "/told"),
            (Method::HEAD, "/told"),
            (Method::POST, "/a%2Fb//../c?d=%20&e=https://f.example"),
            (Method::DELETE, "/"),
        ] {
            let answer = client.send(request(method, target, "")).await;
            assert_eq!((answer.status, answer.header("location")), (StatusCode::PERMANENT_REDIRECT, &*to(target)));
        }
    }
    // Whoever has the usual port is before us, and has that of TLS, too.
    let mut asked = request(Method::GET, "/told?x", "");
    asked.headers_mut().insert("host", "shop.example".parse().expect("a header value"));
    let answer = Client::http1(address).await.send(asked).await;
    assert_eq!(answer.header("location"), "https://shop.example/told?x");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", "400"),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", "501"),
    ] {
        let answer = raw::exchange(address, request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"));
        assert_eq!(answer.get(9..12), Some(status), "{request}: {answer}");
        assert!(!answer.contains("location"), "{request}: {answer}");
    }
    assert_eq!(client(&folder, "localhost").connect(host.gateway).await.get("/told").await.status, StatusCode::OK);
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));
}
