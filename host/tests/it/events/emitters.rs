//! Clients that have events emitted, and see what becomes of them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use http::{Method, StatusCode};
use tokio::task::JoinSet;

use super::{
    checker::{Emitted, End, faults},
    signals::had_in,
};
use crate::support::{Client, Host, request, until};

/// Clients that have events emitted all the time, until they are stopped or cannot.
pub struct Emitters {
    stop: Arc<AtomicBool>,
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
        let mut emitters = Emitters { stop, emitted, clients: JoinSet::new(), keys };
        for number in 0..CLIENTS {
            let client = host.connect().await;
            let key = emitters.keys[number % KEYS].clone();
            let (stop, emitted) = (emitters.stop.clone(), emitters.emitted.clone());
            let work = Work { key, first: 1_000_000 * number as u64, refused, moments: moments.clone(), stop, emitted };
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

    /// Stop them, wait until all is had in this bucket, and see that it is as it should be.
    pub async fn assert_had(self, host: &Host, buckets: &[&str]) {
        let Emitters { stop, clients, keys, .. } = self;
        stop.store(true, Ordering::Relaxed);
        let emitted = clients.join_all().await.concat();
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
    emitted: Arc<AtomicU64>,
}

impl Work {
    /// Have one or several emitted at a time.
    async fn until_stopped(self, mut client: Client) -> Vec<Emitted> {
        let Work { key, first, refused, moments, stop, emitted: count } = self;
        let mut emitted: Vec<Emitted> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
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
