//! Clients that have events emitted, and see what becomes of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use http::{Method, StatusCode};
use tokio::{sync::watch, task::JoinSet};

use super::{
    checker::{Emitted, End, faults},
    signals::had_in,
};
use crate::support::{Client, Host, request, until};

/// Clients that have events emitted all the time, until they are stopped or cannot.
pub struct Emitters {
    stop: Arc<AtomicBool>,
    /// Whether they rest.
    rest: watch::Sender<bool>,
    /// How many were emitted so far.
    pub emitted: Arc<AtomicU64>,
    clients: JoinSet<Vec<Emitted>>,
    keys: Vec<String>,
}

/// Two clients share each key.
const KEYS: usize = 4;
const CLIENTS: usize = 2 * KEYS;

impl Emitters {
    /// Start them. `refused` is what has become of what is answered with 503.
    pub async fn start(host: &Host, refused: End) -> Emitters {
        let (moments, stop, emitted) = (Arc::<AtomicU64>::default(), Arc::default(), Arc::default());
        let keys: Vec<_> = (0..KEYS).map(|key| format!("k{key}")).collect();
        let rest = watch::Sender::new(false);
        let mut emitters = Emitters { stop, rest, emitted, clients: JoinSet::new(), keys };
        for number in 0..CLIENTS {
            let client = host.connect().await;
            let key = emitters.keys[number % KEYS].clone();
            let (stop, emitted) = (emitters.stop.clone(), emitters.emitted.clone());
            let (first, rest) = (1_000_000 * number as u64, emitters.rest.subscribe());
            let work = Work { key, first, refused, moments: moments.clone(), stop, rest, emitted };
            emitters.clients.spawn(work.until_stopped(client));
        }
        emitters
    }

    /// Wait until so many more were emitted.
    pub async fn more(&self, more: u64) {
        let far = self.emitted.load(Ordering::Relaxed) + more;
        until("more was emitted", async || {
            tokio::task::yield_now().await;
            self.emitted.load(Ordering::Relaxed) >= far
        })
        .await;
    }

    /// Have them do nothing more until they are woken: what takes long is not to be waited for by
    /// thousands of events.
    pub fn rest(&self) {
        self.rest.send_replace(true);
    }

    /// Have them go on after [`rest`](Self::rest).
    pub fn wake(&self) {
        self.rest.send_replace(false);
    }

    /// Stop them, wait until all is had in this bucket, and see that it is as it should be.
    pub async fn assert_had(self, host: &Host, buckets: &[&str]) {
        let Emitters { stop, rest, clients, keys, .. } = self;
        stop.store(true, Ordering::Relaxed);
        let emitted = clients.join_all().await.concat();
        drop(rest);
        assert!(emitted.iter().any(|event| matches!(event.end, End::Well(_))), "nothing was emitted");
        for bucket in buckets {
            until("all are had", async || {
                let found = faults(&emitted, &had_in(host, bucket, &keys).await);
                !found.iter().any(|fault| fault.ends_with("was lost"))
            })
            .await;
            assert_eq!(faults(&emitted, &had_in(host, bucket, &keys).await), Vec::<String>::new(), "in {bucket}");
        }
    }
}

/// What one client does.
struct Work {
    key: String,
    /// Its numbers come after this one.
    first: u64,
    refused: End,
    moments: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    rest: watch::Receiver<bool>,
    emitted: Arc<AtomicU64>,
}

impl Work {
    /// Have one or several emitted at a time.
    async fn until_stopped(self, mut client: Client) -> Vec<Emitted> {
        let Work { key, first, refused, moments, stop, mut rest, emitted: count } = self;
        let mut emitted: Vec<Emitted> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            rest.wait_for(|rest| !rest).await.expect("who started them is there");
            let begin = moments.fetch_add(1, Ordering::SeqCst);
            let (from, many) = (first + emitted.len() as u64 + 1, 1 + begin % 3);
            let asked = request(Method::POST, &format!("/emit?key={key}&from={from}&count={many}"), "");
            let end = match client.try_send(asked).await.expect("an answer").status {
                StatusCode::OK => End::Well(moments.fetch_add(1, Ordering::SeqCst)),
                StatusCode::SERVICE_UNAVAILABLE => refused,
                status => panic!("{status}"),
            };
            emitted.extend((from..from + many).map(|number| Emitted { key: key.clone(), number, begin, end }));
            if matches!(end, End::Well(_)) {
                count.fetch_add(many, Ordering::Relaxed);
            }
        }
        emitted
    }
}
