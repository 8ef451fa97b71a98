//! The tutorial's move: a service that is a process in Python is behind the gateway, and its
//! routes are given to a component under load.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use http::StatusCode;

use crate::support::{Host, Load, SHOP, app, root, tools, until, up, write_manifest};

/// The user service of `examples/tutorial`, which ends with the test.
struct Tutorial {
    running: Child,
    address: String,
}

impl Tutorial {
    fn start() -> Option<Tutorial> {
        let mut command = Command::new(tools::find("python3")?);
        command.arg(root().join("examples/tutorial/user_service.py")).arg("127.0.0.1:0");
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("python3 starts");
        let mut line = String::new();
        BufReader::new(running.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it is");
        let (_, address) = line.trim().split_once("http://").expect("an address");
        Some(Tutorial { address: address.to_owned(), running })
    }
}

impl Drop for Tutorial {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

const ROUTES: &str = "routes = [\"/users\", \"/users/{id}\"]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_moves_in_under_load_and_back_and_no_request_fails() {
    let Some(python) = Tutorial::start() else { return };
    let component = SHOP.to_owned();
    let upstream = format!("[upstream.python]\nurl = \"http://{}\"\n{ROUTES}", python.address);
    let process = format!("{}{upstream}", SHOP.replace(ROUTES, ""));
    let folder = app(&process);
    let host = Host::start(up(folder.path()).args(["--watch", "--store", "memory:"]).stderr(Stdio::piped()));
    let asked = async || {
        let upstreams = host.admin("/v1/services").await.json()["upstreams"].clone();
        upstreams[0]["addresses"][0]["requests"].as_u64()
    };
    assert_eq!(host.post("/users", r#"{"name":"Carol"}"#).await.status, StatusCode::CREATED);
    let load = Load::start(&host).await;
    assert!(asked().await.is_some_and(|requests| requests > 1));
    for _ in 0..3 {
        write_manifest(folder.path(), &component);
        until("the component has the routes", async || asked().await.is_none()).await;
        load.more().await;
        write_manifest(folder.path(), &process);
        until("the process has them again", async || asked().await.is_some()).await;
        load.more().await;
        assert!(asked().await.is_some_and(|requests| requests > 0));
    }
    write_manifest(folder.path(), &component);
    until("the component has the routes", async || asked().await.is_none()).await;
    drop(python);
    let answered = load.stop().await;
    assert!(answered.users > 0 && answered.users == answered.orders);
    assert!(!host.output().iter().any(|line| line.contains("an upstream did not answer")));
}
