//! The same call over REST: two native services with axum, each a process, and a
//! connection between them that is kept alive.

use std::{
    env,
    io::BufRead,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
    serve::ListenerExt,
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Mutex};

use crate::{client::Client, folder::Folder, process::Process};

/// What it serves.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the users are, unless they are here
    #[arg(long)]
    users: Option<SocketAddr>,
}

/// Both services.
pub struct Rest {
    /// Where the one is that asks the other.
    pub gateway: SocketAddr,
    services: [Process; 2],
}

#[derive(Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
}

impl Rest {
    /// Start them.
    pub fn up() -> Result<Rest> {
        let (users, address) = start(None)?;
        let (asking, gateway) = start(Some(address))?;
        Ok(Rest { gateway, services: [asking, users] })
    }

    /// The processes.
    pub fn pids(&self) -> Vec<u32> {
        self.services.iter().map(Process::pid).collect()
    }
}

/// Serve on a free port, which is printed, until the end of the process.
pub async fn serve(arguments: &Arguments) -> Result<()> {
    let app = match arguments.users {
        None => Router::new().route("/users/{id}", get(user)),
        Some(users) => {
            let client = Arc::new(Mutex::new(Client::connect(users).await?));
            Router::new().route("/get-user/{calls}", get(ask)).with_state(client)
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it an answer may wait for an acknowledgement, and is right all the same.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

fn start(users: Option<SocketAddr>) -> Result<(Process, SocketAddr)> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("rest");
    if let Some(users) = users {
        command.args(["--users", &users.to_string()]);
    }
    let (process, mut output) = Process::start(&mut command, Arc::new(Folder::new()?))?;
    let mut address = String::new();
    output.read_line(&mut address)?;
    let address = address.trim().parse();
    let address = address.with_context(|| format!("a native service ended before it served: {}", process.said()))?;
    Ok((process, address))
}

async fn user(Path(id): Path<u64>) -> Json<User> {
    Json(User { id, name: "Alice".to_owned() })
}

/// As often as is said, one after the other; the sum of the ids that came.
async fn ask(State(client): State<Arc<Mutex<Client>>>, Path(calls): Path<u64>) -> Result<String, StatusCode> {
    let mut client = client.lock().await;
    let mut sum = 0;
    for id in 1..=calls {
        let answer = client.get(&format!("/users/{id}")).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let user: User = serde_json::from_slice(answer.body()).map_err(|_| StatusCode::BAD_GATEWAY)?;
        sum += user.id;
    }
    Ok(sum.to_string())
}
