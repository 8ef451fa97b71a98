//! How a connection is made: to which server, as whom, and what is said of how the
//! server is set up.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, ProtocolVersion,
    PushInfo, RedisConnectionInfo, RedisError, TlsCertificates, Value, cmd,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::manifest::{RedisUrl, ServerUrl};
use crate::store::clock::Asked;
use crate::store::{StoreError, secret};

/// The version of how buckets are kept, which the database holds under [`MARK`].
const VERSION: i32 = 1;
const MARK: &str = "dovetail:version";

const REPLICA: &str = "its server is a replica of another; name the one that takes writes";

/// How long it may take to connect, and until the server has let us in.
const CONNECT: Duration = Duration::from_secs(3);
const LOGIN: Duration = Duration::from_secs(5);

/// What it takes to be let in.
pub struct Login {
    url: RedisUrl,
}

/// Tells that its connection is gone.
pub type Gone = UnboundedReceiver<PushInfo>;

impl Login {
    /// The login of a URL.
    pub fn new(url: &RedisUrl) -> Result<Login, StoreError> {
        let login = Login { url: url.clone() };
        login.client().map(|_| login)
    }

    /// The server and the database, for messages.
    pub fn place(&self) -> String {
        self.url.place()
    }

    /// A connection to the server, and what tells its end.
    pub async fn connect(&self) -> Result<(MultiplexedConnection, Gone), StoreError> {
        let client = self.client()?;
        let (sender, gone) = unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            // Each caller has its own patience.
            .set_response_timeout(None)
            .set_push_sender(sender);
        match timeout(LOGIN, client.get_multiplexed_async_connection_with_config(&config)).await {
            Ok(Ok(connection)) => Ok((connection, gone)),
            Ok(Err(error)) => Err(self.refused(error)),
            Err(late) => Err(StoreError::server(self.place(), "see whether its server is well", late)),
        }
    }

    /// The client, with the password as it is now.
    fn client(&self) -> Result<Client, StoreError> {
        let unusable = |error: io::Error| StoreError::server(self.place(), "look at the store url", error);
        let RedisUrl { server: ServerUrl { user, hosts, tls, root, passfile, .. }, database } = &self.url;
        let [(host, port), ..] = &hosts[..] else { return Err(unusable(io::Error::other("it names no host"))) };
        let mut redis =
            RedisConnectionInfo::default().set_db(i64::from(*database)).set_protocol(ProtocolVersion::RESP3);
        if let Some(user) = user {
            redis = redis.set_username(user);
        }
        if let Some(path) = passfile {
            let text = secret::read(path)
                .map_err(|error| StoreError::server(self.place(), "put the password file right", error))?;
            redis = redis.set_password(text.trim_end_matches(['\r', '\n']));
        }
        let address = match tls {
            false => ConnectionAddr::Tcp(host.clone(), *port),
            true => ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info().map_err(|error| self.refused(error))?;
        let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        if !tls {
            return Client::open(info).map_err(|error| self.refused(error));
        }
        let named = |error| io::Error::other(format!("the file {root:?} of `sslrootcert` cannot be read: {error}"));
        let root_cert = root.as_ref().map(fs::read).transpose().map_err(named).map_err(unusable)?;
        let certificates = TlsCertificates { client_tls: None, root_cert };
        Client::build_with_tls(info, certificates).map_err(|error| self.refused(error))
    }

    /// Refuses a server that follows another: it takes no writes, and what it has is what
    /// that one had a while ago.
    pub async fn check_role(&self, connection: &MultiplexedConnection) -> Result<(), StoreError> {
        let mut connection = connection.clone();
        let role: Result<Vec<Value>, RedisError> = match timeout(LOGIN, cmd("ROLE").query_async(&mut connection)).await
        {
            Ok(role) => role,
            Err(late) => return Err(StoreError::server(self.place(), "see whether its server is well", late)),
        };
        let is_replica = match role.as_deref() {
            Ok([role, ..]) => String::from_redis_value_ref(role).is_ok_and(|role| role != "master"),
            // Those who rent a server may not ask it.
            _ => false,
        };
        match is_replica {
            true => Err(StoreError::server(self.place(), REPLICA, io::Error::other("it takes no writes"))),
            false => Ok(()),
        }
    }

    /// Whether the database is a store: of this version, or none yet. Changes nothing.
    pub async fn check(&self, connection: &MultiplexedConnection) -> Result<bool, StoreError> {
        self.check_role(connection).await?;
        let mut connection = connection.clone();
        let found: Option<String> = self.ask(cmd("GET").arg(MARK).query_async(&mut connection)).await?;
        match found.map(|text| text.parse().unwrap_or(0)) {
            None => Ok(false),
            Some(VERSION) => Ok(true),
            Some(found) => Err(StoreError::OtherVersion { place: self.place(), found, known: VERSION }),
        }
    }

    /// Marks the database as a store, unless it is one.
    pub async fn mark(&self, connection: &MultiplexedConnection) -> Result<(), StoreError> {
        if self.check(connection).await? {
            return Ok(());
        }
        let mut connection = connection.clone();
        self.ask(cmd("SET").arg(MARK).arg(VERSION).arg("NX").exec_async(&mut connection)).await?;
        self.check(&connection).await.map(drop)
    }

    /// Logs how the server is set up to lose what it acknowledged.
    pub async fn warn_of_losses(&self, connection: &MultiplexedConnection) {
        let place = self.place();
        for (setting, safe, loss) in [
            ("appendonly", "yes", "the server forgets what was answered since its last snapshot when it ends"),
            ("appendfsync", "always", "a crash of its machine loses what was answered last"),
            ("maxmemory-policy", "noeviction", "the server drops values when its memory is full"),
        ] {
            let mut connection = connection.clone();
            let asked = cmd("CONFIG").arg("GET").arg(setting).query_async(&mut connection).await;
            let found: Result<Vec<(String, String)>, RedisError> = asked;
            match found.as_deref() {
                Ok([(_, value)]) if value == safe => {}
                Ok([(_, value)]) => tracing::warn!(
                    store = place,
                    "the server has {setting} {value}: {loss}; set {setting} {safe} to keep it"
                ),
                // Those who rent a server may not ask it.
                Ok(_) | Err(_) => tracing::warn!(
                    store = place,
                    "the server does not tell its {setting}, which must be {safe} to keep what was answered"
                ),
            }
        }
    }

    /// Logs that the server's clock is another than this host's.
    pub async fn compare_clocks(&self, connection: &MultiplexedConnection) {
        let (mut connection, asked) = (connection.clone(), Asked::now());
        let told: Result<(u64, u32), _> = self.ask(cmd("TIME").query_async(&mut connection)).await;
        // Those who rent a server may not ask it.
        if let Ok((seconds, _)) = told {
            asked.answered(&self.place(), SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        }
    }

    async fn ask<T>(&self, asking: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
        match timeout(LOGIN, asking).await {
            Ok(answer) => answer.map_err(|error| self.refused(error)),
            Err(late) => Err(StoreError::server(self.place(), "see whether its server is well", late)),
        }
    }

    /// What would be right, as far as the error tells.
    fn refused(&self, error: RedisError) -> StoreError {
        let code = error.code().unwrap_or_default().to_owned();
        let advice = match (error.kind(), code.as_str()) {
            (ErrorKind::AuthenticationFailed, _) | (_, "NOAUTH" | "WRONGPASS") => {
                "write its password into a file, chmod 600 the file, and name it by ?passfile=FILE"
            }
            (_, "NOPERM") => "let its user run scripts on the keys dovetail:*",
            (_, "READONLY") => REPLICA,
            (_, "LOADING") => "wait until the server has read its data",
            (_, "MISCONF") => "let the server write to its disk again",
            (ErrorKind::Io, _) if error.to_string().contains("certificate") => {
                "name the server as its certificate does, and who vouches for it by ?sslrootcert=FILE"
            }
            (ErrorKind::Io, _) => "start its server, or correct host and port in the store url",
            (ErrorKind::RESP3NotSupported, _) => "use Redis 7 or newer",
            _ => "see what the server says",
        };
        StoreError::server(self.place(), advice, error)
    }
}
