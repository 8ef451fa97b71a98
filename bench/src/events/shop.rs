//! The shops that are measured: on the host, with the event or without it, and natively,
//! with an outbox or without one; each has a database of its own.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use hyper::{StatusCode, body::Bytes};

use super::look::Look;
use crate::{
    client::Client,
    components,
    host::{self, App, Host},
    load::Shot,
    native::{Child, Commit},
};

/// How many order. The events of one user are delivered one after the other.
pub const USERS: u64 = 100;

/// An order of any of them.
pub const ORDER: Shot = Shot::post("/orders", r##"{"user_id":#,"item":"Book"}"##).any_of(USERS);

/// The order service's component in the shop's manifest, and the table of the event.
const COMPONENT: &str = "/order.wasm\"";
const EVENT: &str = "[event.";

/// The line there that says who is told.
const SUBSCRIBERS: &str = "subscribers = [\"notices\"]";

/// The shop on the host, which announces its orders.
pub struct Telling {
    pub host: Host,
    pub look: Look,
}

impl Telling {
    /// Serve it, with room for so many events that wait.
    pub fn up(waiting: u64) -> Result<Telling> {
        let told = format!("{SUBSCRIBERS}\nlimits = {{ waiting = {waiting} }}");
        Telling::of(&told, "notices")
    }

    /// Serve it with nobody there who is told: RabbitMQ is.
    pub fn publishing(broker: SocketAddr) -> Result<Telling> {
        Telling::of(&format!("transport = \"amqp://{broker}\""), "@amqp")
    }

    /// Serve it where these lines say who is told, who has this name.
    fn of(told: &str, name: &str) -> Result<Telling> {
        let manifest = host::shop()?;
        ensure!(manifest.contains(SUBSCRIBERS), "the shop has no `{SUBSCRIBERS}`");
        let app = App::new(&manifest.replace(SUBSCRIBERS, told))?;
        let host = app.up(&app.file_store())?;
        Ok(Telling { host, look: Look::of_host(&app.database(), name)? })
    }

    /// Begin no delivery, or go on.
    pub async fn pause(&self, paused: bool) -> Result<()> {
        let path = if paused { "/v1/events/notices/pause" } else { "/v1/events/notices/resume" };
        let answer = Client::connect(self.host.admin).await?.post(path, Bytes::new()).await?;
        let said = String::from_utf8_lossy(answer.body());
        ensure!(answer.status() == StatusCode::OK, "{path} was answered with {} {said}", answer.status());
        Ok(())
    }

    /// How many events wait, as the host tells: it counts them.
    pub async fn waiting(&self) -> Result<u64> {
        let answer = Client::connect(self.host.admin).await?.get("/v1/events").await?;
        let said: serde_json::Value = serde_json::from_slice(answer.body())?;
        said["queues"][0]["waiting"].as_u64().with_context(|| format!("nobody is told of orders: {said}"))
    }
}

/// The shop on the host, of the same components but for the order service, which announces
/// nothing.
pub fn quiet() -> Result<Host> {
    let (manifest, quiet) = (host::shop()?, components::file("quiet_order"));
    let (services, _) = manifest.split_once(EVENT).context("the shop has no event")?;
    let component = services.lines().find(|line| line.ends_with(COMPONENT)).context("the shop takes no orders")?;
    let app = App::new(&services.replace(component, &format!("component = {quiet:?}")))?;
    app.up(&app.file_store())
}

/// The native shop with an outbox.
pub fn native() -> Result<(Child, Look)> {
    with_look(Child::telling(Commit::Group)?)
}

/// The native shop with an outbox whose events RabbitMQ has.
pub fn native_publishing(broker: SocketAddr) -> Result<(Child, Look)> {
    with_look(Child::publishing(Commit::Group, broker)?)
}

/// Order, by the first user.
pub async fn order(client: &mut Client) -> Result<()> {
    let answer = client.post("/orders", Bytes::from_static(br#"{"user_id":1,"item":"Book"}"#)).await?;
    ensure!(answer.status() == StatusCode::CREATED, "an order was answered with {}", answer.status());
    Ok(())
}

/// Have [`USERS`] users in a shop, which knows some.
pub async fn invite(gateway: SocketAddr, known: u64) -> Result<()> {
    let mut client = Client::connect(gateway).await?;
    for _ in known..USERS {
        let answer = client.post("/users", Bytes::from_static(br#"{"name":"Dora"}"#)).await?;
        ensure!(answer.status() == StatusCode::CREATED, "a user was answered with {}", answer.status());
    }
    let last = client.get(&format!("/users/{USERS}")).await?;
    ensure!(last.status() == StatusCode::OK, "there is no user {USERS}");
    Ok(())
}

fn with_look(child: Child) -> Result<(Child, Look)> {
    let look = Look::of_native(&child.file())?;
    Ok((child, look))
}
