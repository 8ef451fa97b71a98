//! The shop as it would be written natively, with axum and without a host: in one
//! process, or as two services over REST. What a service on Dovetail costs is the
//! difference.
//!
//! It answers as the shop does.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Result;
use axum::{Router, body::Body, routing::post, serve::ListenerExt};
use tokio::net::TcpListener;

pub use self::{child::Child, relay::EXCHANGE, store::Commit};
use self::{
    directory::{Directory, Rest},
    durable::Durable,
    http::Services,
    kept::Kept,
    memory::Memory,
    outbox::Recipient,
    relay::Relay,
    store::Store,
};

mod child;
mod directory;
mod durable;
mod http;
mod kept;
mod memory;
mod notice;
mod outbox;
mod placed;
mod refusal;
mod relay;
mod store;

/// What it serves.
#[derive(clap::Subcommand)]
pub enum Shop {
    /// All of the shop, in SQLite
    Durable {
        /// The database, which is new
        file: PathBuf,
        /// What one transaction takes
        #[arg(long, value_enum)]
        commit: Commit,
        /// Keep a notice of each order for its user, by an outbox
        #[arg(long)]
        outbox: bool,
        /// Publish each order by RabbitMQ there, by an outbox
        #[arg(long, value_name = "ADDRESS", conflicts_with = "outbox")]
        broker: Option<SocketAddr>,
    },
    /// All of the shop, in memory
    Memory,
    /// All of the shop, without keeping what it takes
    Nothing,
    /// The user service alone, in memory
    User,
    /// The order service alone, in memory if it keeps what it takes
    Order {
        /// Where the user service is
        users: SocketAddr,
        /// Keep nothing
        #[arg(long)]
        forget: bool,
    },
}

/// Serve on a free port, which is printed, until the end of the process.
pub async fn serve(shop: &Shop) -> Result<()> {
    let kept = match shop {
        Shop::Durable { file, commit, outbox, broker } => {
            let to = match broker {
                Some(broker) => Some(Recipient::Broker(Relay::connect(*broker).await?)),
                None => outbox.then_some(Recipient::Notices),
            };
            Kept::Durable(Durable::new(Store::open(file, *commit)?, to).await?)
        }
        Shop::Nothing | Shop::Order { forget: true, .. } => Kept::Nothing,
        Shop::Memory | Shop::User | Shop::Order { .. } => Kept::Memory(Memory::new()),
    };
    let directory = match shop {
        Shop::Order { users, .. } => Directory::Elsewhere(Rest::new(*users)),
        _ => Directory::Here,
    };
    let routes = match shop {
        Shop::User => http::users(),
        Shop::Order { .. } => http::orders(),
        _ => http::users().merge(http::orders()),
    };
    // Sent back as it comes.
    let routes = routes.route("/echo", post(async |body: Body| body));
    run(routes.with_state(Arc::new(Services { kept, directory }))).await
}

async fn run(routes: Router) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // Without it an answer may wait for an acknowledgement, and is right all the same.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}
