//! Why there is no answer of an upstream.

use std::io;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It has as many requests as it may have, and as many wait.
    #[error("it has as many requests as it may have (connections)")]
    Busy,
    /// None of its addresses answers when it is asked whether it is well.
    #[error("none of its addresses is well (health)")]
    NoneWell,
    /// None of its addresses takes a connection.
    #[error("it cannot be reached")]
    Unreachable(#[source] io::Error),
    /// What it answered is none, or broke off before it had begun.
    #[error("its answer is broken")]
    Broken(#[source] Option<hyper::Error>),
    /// Its answer had not begun in time.
    #[error("it took too long (timeout)")]
    Slow,
    /// The request broke off.
    #[error("the request's body broke off")]
    Client,
}
