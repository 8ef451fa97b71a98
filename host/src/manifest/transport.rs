//! The server that carries an event between apps, and to and from programs of others.

use std::fmt;
use std::path::Path;

use super::server_url::Form;
use super::{Invalid, ServerUrl};

/// What the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// NATS, with JetStream.
    Nats,
    /// AMQP 0-9-1, as RabbitMQ has it.
    Amqp,
    /// Kafka's.
    Kafka,
}

static NATS: Form =
    Form { text: "nats://HOST:PORT", schemes: ["nats", "nats+tls"], ports: [4222, 4222], is_list: true };
static AMQP: Form =
    Form { text: "amqp://HOST:PORT/VHOST", schemes: ["amqp", "amqps"], ports: [5672, 5671], is_list: false };
static KAFKA: Form =
    Form { text: "kafka://HOST:PORT", schemes: ["kafka", "kafka+tls"], ports: [9092, 9092], is_list: true };

const PROTOCOLS: [Protocol; 3] = [Protocol::Nats, Protocol::Amqp, Protocol::Kafka];

/// A `transport` of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// What is spoken.
    pub protocol: Protocol,
    /// Where, and as whom. The path is the virtual host of AMQP, and empty elsewhere.
    pub server: ServerUrl,
}

impl Transport {
    /// Reads `nats://…`, `amqp://…`, `kafka://…`, or one of them with TLS.
    pub fn parse(text: &str) -> Result<Transport, Invalid> {
        let help = || {
            let [nats, amqp, kafka] = PROTOCOLS.map(|protocol| protocol.form().text);
            format!("write \"{nats}\", \"{amqp}\" or \"{kafka}\"; with TLS \"nats+tls\", \"amqps\" or \"kafka+tls\"")
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| Invalid::new("is no URL of a broker", help()))?;
        let known = PROTOCOLS.iter().find_map(|protocol| {
            let place = protocol.form().schemes.iter().position(|known| *known == scheme)?;
            Some((*protocol, place == 1))
        });
        let (protocol, tls) =
            known.ok_or_else(|| Invalid::new(format!("names the broker `{scheme}`, which is not known"), help()))?;
        if !protocol.is_built() {
            let help = format!("build it with `--features {}`, or take a release, which has all", protocol.name());
            return Err(Invalid::new("is of a protocol that this dovetail was built without", help));
        }
        let mut server = ServerUrl::parse(rest, tls, protocol.form())?;
        match (protocol, server.path.as_str()) {
            (Protocol::Amqp, "") => server.path = "/".to_owned(),
            (Protocol::Amqp, _) | (_, "") => {}
            _ => return Err(Invalid::new("has a path", format!("write \"{}\"", protocol.form().text))),
        }
        Ok(Transport { protocol, server })
    }

    /// The same with its relative paths taken to start at `folder`.
    pub(super) fn relative_to(self, folder: &Path) -> Transport {
        Transport { server: self.server.relative_to(folder), ..self }
    }
}

impl Protocol {
    /// As it is called in URLs without TLS, in names of queues and in AsyncAPI.
    pub fn name(self) -> &'static str {
        self.form().schemes[0]
    }

    /// Whether this program speaks it: each is a cargo feature.
    fn is_built(self) -> bool {
        match self {
            Protocol::Nats => cfg!(feature = "nats"),
            Protocol::Amqp => cfg!(feature = "amqp"),
            Protocol::Kafka => cfg!(feature = "kafka"),
        }
    }

    fn form(self) -> &'static Form {
        match self {
            Protocol::Nats => &NATS,
            Protocol::Amqp => &AMQP,
            Protocol::Kafka => &KAFKA,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}
