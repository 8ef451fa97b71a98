//! What holds of a store on a server, whichever it is: several hosts share it, and lose
//! nothing when it is lost.

use std::{
    path::Path,
    process::{Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use http::StatusCode;
use serde_json::json;
use tokio::{
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::{
    durability::{Orders, WRITERS, assert_kept},
    support::{
        Client, Host, PATIENCE,
        clock::{Clock, HOUR},
        daemon::Daemon,
        dovetail, load, plain, post, shop, shop_table, until, up,
    },
};

/// The shop is as with any store, also after a restart. The first of the hosts has
/// printed these, too.
pub async fn answers_as_with_any_store(url: &str, printed: &[&str]) {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", url]);
    let shown = host.wait_for_output("Store");
    assert!(shown.contains(url), "{shown}");
    assert_eq!(host.admin("/readyz").await.status, StatusCode::OK);
    shop_table::run(&mut host.connect().await).await;
    for text in printed {
        host.wait_for_output(text);
    }
    host.signal("TERM");
    assert_eq!(host.wait().code(), Some(0));

    let host = Host::up_with(folder.path(), &["--store", url]);
    assert_eq!(host.get("/orders/1").await.text(), r#"{"id":1,"user_id":1,"item":"Book"}"#);
}

/// A host whose clock is not the server's says so, for others go by theirs.
pub async fn a_clock_that_differs_is_told(url: &str) {
    for (ahead, told) in
        [(HOUR, "ahead of the clock of its store's server"), (-HOUR, "behind the clock of its store's")]
    {
        let (folder, clock) = (shop(), Clock::new());
        clock.set(ahead);
        let mut up = up(folder.path());
        let host = Host::start(clock.shown_to(up.args(["--store", url])).stderr(Stdio::piped()));
        host.wait_for_output(told);
    }
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", url]);
    host.wait_for_output("Serving");
    assert!(!host.output().iter().any(|line| line.contains("the clock of this host")), "{:?}", host.output());
}

/// Two hosts that start at once on a new database take orders with ids of their own, and
/// each has the other's.
pub async fn two_hosts_give_each_id_once(url: String) {
    let folders = [shop(), shop()];
    let hosts = spawn_blocking(move || {
        let up = |folder: &Path| Host::up_with(folder, &["--store", &url]);
        let hosts = thread::scope(|scope| {
            let starting = folders.each_ref().map(|folder| scope.spawn(|| up(folder.path())));
            starting.map(|started| started.join().expect("both serve"))
        });
        (hosts, folders)
    });
    let (hosts, _folders) = hosts.await.expect("both serve");
    let mut ordering = JoinSet::new();
    for client in 0..32 {
        let mut own = hosts[client % 2].connect().await;
        let mut other = hosts[1 - client % 2].connect().await;
        ordering.spawn(async move {
            let mut taken = Vec::new();
            for n in 0..10 {
                let (id, answer) = load::order(&mut own, 1 + n % 2, &format!("Book {client}.{n}")).await;
                assert_eq!(other.get(&format!("/orders/{id}")).await.json(), answer.json(), "the other host has it");
                taken.push((id, answer.json()));
            }
            taken
        });
    }
    let mut all = Orders::new();
    for (id, order) in ordering.join_all().await.concat() {
        assert_eq!(all.insert(id, order), None, "id {id} was given out twice");
    }
    assert_eq!(all.len(), 320);
    for host in &hosts {
        assert_kept(host, &all).await;
    }
}

/// A server is killed again and again while orders are taken. The host says which store
/// is away, and goes on when it is back.
pub async fn a_killed_server_has_lost_no_answered_order(server: &Daemon, url: &str, kills: u64) {
    let (folder, (scheme, _)) = (shop(), url.split_once(':').expect("a URL"));
    let place = format!("{scheme}://127.0.0.1:{}/", server.port());
    let host = Host::up_with(folder.path(), &["--store", url]);
    assert!(!host.output().iter().any(|line| line.contains("WARN")), "{:?}", host.output());
    let progress = Arc::<Progress>::default();
    let writers = progress.writers(&host, WRITERS).await;
    let far = 5 * WRITERS as u64;
    for _ in 0..kills {
        progress.until_more(&progress.taken, far).await;
        server.kill();
        until("the host says that it is not ready", async || {
            let answer = host.admin("/readyz").await;
            let why = answer.json()["error"].as_str().unwrap_or_default().to_owned();
            answer.status == StatusCode::SERVICE_UNAVAILABLE && why.contains(&place)
        })
        .await;
        // Each of them is told, and goes on.
        progress.until_more(&progress.refused, far).await;
        assert_eq!(host.admin("/healthz").await.status, StatusCode::OK);
        server.restart();
        until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    }
    progress.until_more(&progress.taken, far).await;
    let answered = progress.finish(writers).await;
    assert!(answered.len() as u64 >= (kills + 1) * far);
    assert_kept(&host, &answered).await;
}

/// A server that keeps its connections and answers nothing.
pub async fn a_silent_server_is_given_up_before_the_deadline(server: &Daemon, url: &str) {
    let folder = shop();
    let host = Host::up_with(folder.path(), &["--store", url]);
    let mut client = host.connect().await;
    let order = r#"{"user_id":1,"item":"Book"}"#;
    assert_eq!(client.post("/orders", order).await.status, StatusCode::CREATED);
    server.freeze();
    let (ordered, read) = tokio::join!(host.post("/orders", order), host.get("/users/1"));
    for answer in [ordered, read] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    }
    assert_eq!(host.admin("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.thaw();
    until("the host is ready again", async || host.admin("/readyz").await.status == StatusCode::OK).await;
    assert_eq!(client.post("/orders", order).await.status, StatusCode::CREATED);
}

/// Stores that cannot be used, and what is said of each; and one that can, but is not
/// there yet.
pub fn is_told_before_anything_is_served(wrong: &[(String, &str)], fresh: &str) {
    for (url, told) in wrong {
        let folder = plain(&format!("[store]\nurl = \"{url}\"\n"));
        for verb in ["up", "check"] {
            let (status, said) = run(folder.path(), &[verb]);
            assert_eq!(status, Some(1), "{said}");
            assert!(said.contains(told) && !said.contains("wr0ng") && !said.contains("Serving"), "{said}");
        }
    }
    let folder = plain(&format!("[store]\nurl = \"{fresh}\"\n"));
    let (status, said) = run(folder.path(), &["check"]);
    assert_eq!(status, Some(0), "{said}");
}

/// What clients have come to that order all the time, whatever they are answered.
#[derive(Default)]
pub struct Progress {
    stop: AtomicBool,
    answered: Mutex<Orders>,
    pub taken: watch::Sender<u64>,
    pub refused: watch::Sender<u64>,
}

impl Progress {
    /// Have so many clients of a host take orders.
    pub async fn writers(self: &Arc<Self>, host: &Host, count: usize) -> JoinSet<()> {
        let mut writers = JoinSet::new();
        for writer in 0..count {
            writers.spawn(self.clone().write(host.connect().await, format!("Book {writer}")));
        }
        writers
    }

    /// Orders for Alice and Bob, one after the other.
    async fn write(self: Arc<Self>, mut client: Client, item: String) {
        let mut number = 0;
        while !self.stop.load(Ordering::Relaxed) {
            number += 1;
            let mut order = json!({ "user_id": 1 + number % 2, "item": format!("{item}.{number}") });
            let answer = client.send(post("/orders", order.to_string())).await;
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                self.refused.send_modify(|refused| *refused += 1);
                continue;
            }
            assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
            let taken = answer.json();
            order["id"] = taken["id"].clone();
            assert_eq!(taken, order);
            let id = taken["id"].as_u64().expect("an id");
            let before = self.answered.lock().expect("no writer panics").insert(id, taken);
            assert_eq!(before, None, "id {id} was given out twice");
            self.taken.send_modify(|taken| *taken += 1);
        }
    }

    /// What was answered so far.
    pub fn answered(&self) -> Orders {
        self.answered.lock().expect("no writer panics").clone()
    }

    /// Wait until a counter has so many more.
    pub async fn until_more(&self, counter: &watch::Sender<u64>, more: u64) {
        let mut counter = counter.subscribe();
        let goal = *counter.borrow() + more;
        let waited = timeout(PATIENCE, counter.wait_for(|count| *count >= goal)).await;
        waited.expect("waited in vain until they went on").expect("they count");
    }

    /// Have them end; all that was answered.
    pub async fn finish(&self, writers: JoinSet<()>) -> Orders {
        self.stop.store(true, Ordering::Relaxed);
        writers.join_all().await;
        self.answered()
    }
}

/// How a command about a folder's manifest ended, and all that it printed.
pub fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        dovetail().args(arguments).current_dir(folder).output().expect("dovetail starts");
    (status.code(), [String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)].concat())
}
