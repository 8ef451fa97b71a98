//! How connections over TLS end.

use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{TLS, client, secured};
use crate::support::{Host, Upload, until};

#[tokio::test]
async fn a_signal_lets_requests_finish_and_leaves_who_has_not_begun() {
    let folder = secured("guest", TLS, "certificate shop DNS:localhost");
    let host = Host::up(folder.path());
    let mut plain = client(&folder, "localhost");
    let over_http2 = Upload::begin(plain.connect(host.gateway).await, "/count");
    plain.protocols = vec!["http/1.1"];
    let uploads = [over_http2, Upload::begin(plain.connect(host.gateway).await, "/count")];
    let mut idle = plain.begin(host.gateway).await.expect("TLS");
    for upload in &uploads {
        upload.send("before ").await;
    }
    until("both are in flight", async || host.busy("guest").await == 2).await;
    let mut begins = TcpStream::connect(host.gateway).await.expect("it listens");
    begins.write_all(&[22, 3, 1]).await.expect("it reads");
    // Who came later has been served: so it was accepted.
    drop(plain.begin(host.gateway).await.expect("TLS"));

    host.signal("TERM");
    host.wait_for_output("stopping");
    assert_eq!(idle.read(&mut [0]).await.expect("it is told the end"), 0);
    let left = begins.read(&mut [0]).await;
    assert!(!matches!(left, Ok(1..)), "{left:?}");
    assert_eq!(host.busy("guest").await, 2, "they are in flight still");
    for upload in uploads {
        upload.send("after").await;
        let answer = upload.finish().await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "12"));
    }
    assert_eq!(host.wait().code(), Some(0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_end_like_a_whole_one() {
    let limits = "limits = { deadline = \"300ms\" }\n";
    let folder = secured("guest", &format!("{limits}{TLS}"), "certificate shop DNS:localhost");
    let host = Host::up(folder.path());
    for (path, is_whole) in [("/download?bytes=1000000", true), ("/endless", false)] {
        let mut client = client(&folder, "localhost");
        client.protocols = vec!["http/1.1"];
        let mut stream = client.begin(host.gateway).await.expect("TLS");
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.expect("the host reads");
        // TLS tells its end, and what is cut off has none.
        let end = stream.read_to_end(&mut Vec::new()).await;
        assert_eq!(end.is_ok(), is_whole, "{path}: {end:?}");
    }
}
