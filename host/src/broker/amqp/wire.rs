//! A connection to RabbitMQ and its one channel. It is never mended: whoever finds it broken
//! opens another.

use std::{error::Error, sync::Arc, time::Duration};

use amqprs::{
    channel::{Channel, ExchangeDeclareArguments, ExchangeType},
    connection::{Connection, OpenConnectionArguments},
    security::SecurityCredentials,
    tls::TlsAdaptor,
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::heard::{Ear, Heard};
use crate::{
    broker::{Address, BrokerError, login},
    manifest::Transport,
};

/// How long it may take to connect, and to be answered.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Why nobody knows what became of something.
pub const LOST: &str = "the connection was lost";

/// The longest name in AMQP, in bytes.
pub const LONGEST: usize = 255;

/// A server that says nothing for twice as many seconds is gone.
const HEARTBEAT: u16 = 10;

/// Who logs in if the URL names nobody, and their password: RabbitMQ lets them in from its own
/// machine.
const GUEST: &str = "guest";

/// A connection, its channel, and what is heard of them.
pub struct Wire {
    pub channel: Channel,
    pub heard: UnboundedReceiver<Heard>,
    pub connection: Connection,
    transport: Transport,
}

impl Wire {
    /// Connect, log in, and see to it that there is an exchange for the event.
    pub async fn open(transport: &Transport, address: &Address) -> Result<Wire, BrokerError> {
        let opened = timeout(PATIENCE, async {
            let mut wire = Wire::connect(transport).await?;
            wire.declare(&address.to_string()).await?;
            Ok(wire)
        });
        opened.await.unwrap_or_else(|late| Err(BrokerError::new(transport, "be connected to", late)))
    }

    async fn connect(transport: &Transport) -> Result<Wire, BrokerError> {
        let failed = |error| BrokerError::new(transport, "be connected to", unwelcome(error));
        let connection = Connection::open(&arguments(transport)?).await.map_err(failed)?;
        let (ear, heard) = mpsc::unbounded_channel();
        connection.register_callback(Ear(ear.clone())).await.map_err(failed)?;
        let channel = connection.open_channel(None).await.map_err(failed)?;
        channel.register_callback(Ear(ear)).await.map_err(failed)?;
        Ok(Wire { channel, heard, connection, transport: transport.clone() })
    }

    async fn declare(&mut self, exchange: &str) -> Result<(), BrokerError> {
        self.ensure_name(exchange)?;
        let arguments = ExchangeDeclareArguments::of_type(exchange, ExchangeType::Topic).durable(true).finish();
        let declared = self.channel.exchange_declare(arguments).await;
        declared.map_err(|error| self.failed("keep an exchange of the event", error))
    }

    /// See to it that this can be a name.
    pub fn ensure_name(&self, name: &str) -> Result<(), BrokerError> {
        if name.len() <= LONGEST {
            return Ok(());
        }
        let why = format!("`{name}` is longer than a name of AMQP, which has up to {LONGEST} bytes");
        Err(BrokerError::new(&self.transport, "keep a name", why))
    }

    /// What the broker did not do, with the reason that it gave, if it gave one.
    pub fn failed(&mut self, what: &'static str, error: impl Into<Box<dyn Error + Send + Sync>>) -> BrokerError {
        while let Ok(heard) = self.heard.try_recv() {
            if let Heard::Closed(why) = heard {
                return BrokerError::new(&self.transport, what, why);
            }
        }
        BrokerError::new(&self.transport, what, error)
    }
}

fn arguments(transport: &Transport) -> Result<OpenConnectionArguments, BrokerError> {
    let server = &transport.server;
    let wrong = |why: &str| BrokerError::new(transport, "be connected to", why.to_owned());
    let (host, port) = server.hosts.first().ok_or_else(|| wrong("its URL names no host"))?;
    if server.path.len() > LONGEST {
        return Err(wrong("the name of its virtual host is too long"));
    }
    let password = login::password(transport)?;
    let (user, password) = (server.user.as_deref().unwrap_or(GUEST), password.as_deref().unwrap_or(GUEST));
    let mut arguments = OpenConnectionArguments::default();
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    arguments.host(&bracketed).port(*port).virtual_host(&server.path).connection_name("dovetail").heartbeat(HEARTBEAT);
    arguments.credentials(SecurityCredentials::new_plain(user, password));
    if let Some(tls) = login::tls(transport)? {
        arguments.tls_adaptor(TlsAdaptor::new(TlsConnector::from(Arc::new(tls)), host.clone()));
    }
    Ok(arguments)
}

/// RabbitMQ closes the connection of those whom it does not know, and says nothing.
fn unwelcome(error: amqprs::error::Error) -> Box<dyn Error + Send + Sync> {
    let said = error.to_string();
    if ["peer shutdown", "reset by peer"].iter().any(|closed| said.contains(closed)) {
        return "it closed the connection: user and password may be wrong, or `guest` comes from another machine"
            .into();
    }
    error.into()
}
