//! A request that stays in flight for as long as a test wants.

use std::io;

use bytes::Bytes;
use http::{Request, header::CONTENT_TYPE};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{Answer, Client, PATIENCE, client::pieces};

/// A POST whose body is held open.
pub struct Upload {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    answer: JoinHandle<hyper::Result<Answer>>,
}

impl Upload {
    /// Begin a request on this connection. It says that its body is JSON, for
    /// services that look at that first.
    pub fn begin(mut client: Client, path: &str) -> Upload {
        let (pieces, body) = pieces();
        let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(body);
        let request = request.expect("a valid request");
        Upload { pieces, answer: tokio::spawn(async move { client.try_send(request).await }) }
    }

    /// Send a piece of the body.
    pub async fn send(&self, piece: &'static str) {
        self.pieces.send(Ok(piece.into())).await.expect("the connection takes more of the body");
    }

    /// End the body and wait for the answer.
    pub async fn finish(self) -> Answer {
        drop(self.pieces);
        let answer = tokio::time::timeout(PATIENCE, self.answer).await;
        answer.expect("an answer in time").expect("no panic").expect("an answer")
    }

    /// Wait for the answer to a body that does not end.
    pub async fn answered(self) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.answer).await;
        answer.expect("an answer in time").expect("no panic").expect("an answer")
    }

    /// Wait for the connection to break, as it should.
    pub async fn broken(self) {
        let answer = tokio::time::timeout(PATIENCE, self.answer).await;
        answer.expect("an end in time").expect("no panic").expect_err("no answer");
    }
}
