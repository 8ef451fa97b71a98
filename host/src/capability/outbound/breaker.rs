//! Servers that cannot be reached are left alone for a while.
//!
//! Whoever asks such a server waits in vain, holds its instance meanwhile, and keeps the server
//! from coming back. So after some failures in a row requests to it fail at once. Then, one
//! request after a second, and after twice as long each time it fails, is let through to see
//! whether the server is back.
//!
//! A failure is that there was no connection, or no answer within the time that the component
//! gave it; whatever is answered is none. A request that is given up meanwhile says nothing.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hashlink::LruCache;
use wasmtime_wasi_http::Error;

/// How many servers that fail are known; the one that was not asked for longest is forgotten.
const SERVERS: usize = 256;

/// How long one is left alone first, and at most.
const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);

/// The servers of one service that failed last time.
pub struct Breaker {
    /// After so many failures in a row a server is left alone; never, if it is 0.
    most: u32,
    /// By scheme, host and port. Protects what is known of them; held to look and to write.
    servers: Mutex<LruCache<String, Failing>>,
}

/// What is known of a server that failed.
struct Failing {
    /// In a row.
    failures: u32,
    /// When it may be asked, once it is left alone.
    until: Instant,
    /// How long it is left alone.
    pause: Duration,
}

/// A request that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// As others are.
    Usual,
    /// To see whether a server is back that was left alone.
    Probe,
}

/// What the end of a request changes.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The server is left alone from now on.
    LeftAlone,
    /// The server was left alone, and is reached again.
    Back,
}

impl Breaker {
    /// One that leaves a server alone after so many failures, or never.
    pub fn new(most: u32) -> Breaker {
        Breaker { most, servers: Mutex::new(LruCache::new(SERVERS)) }
    }

    /// How a server may be asked now; none if it is left alone. Whoever comes first after a pause
    /// may ask, and nobody else before another, whatever becomes of the one.
    pub fn admit(&self, server: &str, now: Instant) -> Option<Try> {
        let mut servers = self.servers();
        let Some(failing) = servers.get_mut(server).filter(|failing| failing.failures >= self.most) else {
            return Some(Try::Usual);
        };
        let is_over = now >= failing.until;
        if is_over {
            failing.until = now + failing.pause;
        }
        is_over.then_some(Try::Probe)
    }

    /// A request of it ended so.
    pub fn ended<T>(&self, server: &str, tried: Try, result: &Result<T, Error>, now: Instant) -> Change {
        match result {
            Err(error) if is_failure(error) => self.failed(server, tried, now),
            _ => match self.servers().remove(server) {
                Some(failing) if failing.failures >= self.most => Change::Back,
                _ => Change::None,
            },
        }
    }

    fn failed(&self, server: &str, tried: Try, now: Instant) -> Change {
        if self.most == 0 {
            return Change::None;
        }
        let mut servers = self.servers();
        if !servers.contains_key(server) {
            servers.insert(server.to_owned(), Failing { failures: 0, until: now, pause: FIRST });
        }
        let Some(failing) = servers.get_mut(server) else { return Change::None };
        failing.failures = failing.failures.saturating_add(1);
        // Those that were sent before it was left alone mostly fail, too, and change nothing.
        if tried == Try::Probe {
            failing.pause = (failing.pause * 2).min(MOST);
            failing.until = now + failing.pause;
        } else if failing.failures == self.most {
            failing.until = now + failing.pause;
            return Change::LeftAlone;
        }
        Change::None
    }

    fn servers(&self) -> MutexGuard<'_, LruCache<String, Failing>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nobody was there, as far as can be told.
fn is_failure(error: &Error) -> bool {
    matches!(
        error,
        Error::Connect(_)
            | Error::Tls(_)
            | Error::DnsTimeout
            | Error::ConnectionTimeout
            | Error::ConnectionReadTimeout
            | Error::HttpResponseTimeout
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = "http://a.example";

    fn failure() -> Result<(), Error> {
        Err(Error::ConnectionTimeout)
    }

    /// One that knows of this many failures, of which the last was now.
    fn failed(most: u32, failures: u32, now: Instant) -> (Breaker, Vec<Change>) {
        let breaker = Breaker::new(most);
        let changes = (0..failures).map(|_| breaker.ended(SERVER, Try::Usual, &failure(), now)).collect();
        (breaker, changes)
    }

    #[test]
    fn a_server_is_left_alone_after_failures_in_a_row() {
        let now = Instant::now();
        let (breaker, changes) = failed(3, 4, now);
        assert_eq!(changes, [Change::None, Change::None, Change::LeftAlone, Change::None]);
        assert_eq!(breaker.admit(SERVER, now), None);
        assert_eq!(breaker.admit("http://b.example", now), Some(Try::Usual));

        let (breaker, _) = failed(3, 2, now);
        for answered in [Ok(()), Err(Error::HttpRequestDenied)] {
            assert_eq!(breaker.ended(SERVER, Try::Usual, &answered, now), Change::None);
            assert_eq!(breaker.ended(SERVER, Try::Usual, &failure(), now), Change::None, "they begin anew");
        }
    }

    #[test]
    fn one_request_sees_whether_it_is_back_and_the_pauses_grow() {
        let mut now = Instant::now();
        let (breaker, _) = failed(1, 1, now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            now += Duration::from_secs(seconds) - Duration::from_millis(1);
            assert_eq!(breaker.admit(SERVER, now), None, "{seconds}");
            now += Duration::from_millis(1);
            assert_eq!(breaker.admit(SERVER, now), Some(Try::Probe));
            assert_eq!(breaker.admit(SERVER, now), None, "one alone");
            assert_eq!(breaker.ended(SERVER, Try::Probe, &failure(), now), Change::None);
        }
        now += MOST;
        assert_eq!(breaker.admit(SERVER, now), Some(Try::Probe));
        // That one was given up.
        now += MOST;
        assert_eq!(breaker.admit(SERVER, now), Some(Try::Probe));
        assert_eq!(breaker.ended(SERVER, Try::Probe, &Ok(()), now), Change::Back);
        assert_eq!(breaker.admit(SERVER, now), Some(Try::Usual));
    }

    #[test]
    fn who_wants_none_has_none_and_many_servers_are_bounded() {
        let now = Instant::now();
        let (breaker, changes) = failed(0, 100, now);
        assert!(changes.iter().all(|change| *change == Change::None));
        assert_eq!(breaker.admit(SERVER, now), Some(Try::Usual));

        let (breaker, _) = failed(1, 1, now);
        for number in 0..1_000 {
            breaker.ended(&format!("http://{number}.example"), Try::Usual, &failure(), now);
        }
        assert_eq!(breaker.servers().len(), SERVERS);
        assert_eq!(breaker.admit(SERVER, now), Some(Try::Usual), "it is forgotten");
    }
}
