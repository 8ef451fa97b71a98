//! What is spoken on a connection, and within which bounds.

use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

/// The most bytes of a head that are read, be it within [`limits`](super::limits) or not.
pub const LARGEST_HEAD: usize = 64 * 1024;

/// The same over HTTP/2, where more than this is answered by h2, without a body, and
/// four times as much ends the connection.
const LARGEST_HEAD_OF_HTTP2: u32 = 256 * 1024;

/// The most requests that a connection of HTTP/2 may have open.
const MOST_STREAMS: u32 = 256;

/// What a connection speaks that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What makes connections of each kind.
#[derive(Clone)]
pub struct Protocols {
    any: Arc<Builder<TokioExecutor>>,
    http1: Arc<http1::Builder>,
    http2: Arc<Builder<TokioExecutor>>,
}

/// What makes a connection.
pub enum Maker {
    /// For who may speak either, which is told by how it begins.
    Any(Arc<Builder<TokioExecutor>>),
    /// For who has said that it speaks HTTP/1.1. The one for any would look at how it begins
    /// all the same, where a connection may change its protocol.
    Http1(Arc<http1::Builder>),
    /// For who has said that it speaks HTTP/2.
    Http2(Arc<Builder<TokioExecutor>>),
}

impl Protocols {
    /// All of them.
    pub fn new() -> Protocols {
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LARGEST_HEAD);
        Protocols { any: Arc::new(bounded()), http1: Arc::new(http1), http2: Arc::new(bounded().http2_only()) }
    }

    /// For who may speak either.
    pub fn any(&self) -> Maker {
        Maker::Any(self.any.clone())
    }

    /// For who has said what it speaks.
    pub fn of(&self, protocol: Protocol) -> Maker {
        match protocol {
            Protocol::Http1 => Maker::Http1(self.http1.clone()),
            Protocol::Http2 => Maker::Http2(self.http2.clone()),
        }
    }
}

fn bounded() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // How long a head may take is for `Patience` to say.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(LARGEST_HEAD_OF_HTTP2);
    builder
}
