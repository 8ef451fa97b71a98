//! The signals that end a host: SIGTERM, SIGINT and SIGHUP, which a closed terminal
//! sends. Each of them lets what is in flight finish. Beside them SIGXFSZ, which ends none:
//! a file that may not grow (`ulimit -f`) is like a disk that is full.

use std::{future::poll_fn, io, task::Poll};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::telemetry;

/// The signals, as they come.
pub struct Signals(Vec<(SignalKind, Signal)>);

impl Signals {
    /// From now on they do nothing but be told here. SIGHUP is left ignored if it was,
    /// for then somebody wants the host to outlive its terminal, by `nohup` say.
    pub fn new() -> io::Result<Signals> {
        // Heard by nobody, it is an error of the write alone.
        let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
        let mut kinds = vec![SignalKind::terminate(), SignalKind::interrupt()];
        if !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        let signals = kinds.into_iter().map(|kind| Ok((kind, signal(kind)?)));
        signals.collect::<io::Result<_>>().map(Signals)
    }

    /// The next one.
    pub async fn next(&mut self) -> SignalKind {
        poll_fn(|context| {
            let come =
                self.0.iter_mut().find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
            come.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// End without waiting for anybody, with the code that shells have for it.
pub fn end_at_once(signal: SignalKind) -> ! {
    telemetry::finish();
    std::process::exit(128 + signal.as_raw_value());
}

/// Whether whoever started this process had it ignore a signal. Where the system does
/// not tell, nobody had.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    ignored & (1 << (signal.as_raw_value() - 1)) != 0
}
