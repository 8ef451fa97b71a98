//! How a connection is made: to which server, as whom, and what is said when it
//! is refused.

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::driver::Driver;
use super::{passfile, tls};
use crate::manifest::{PostgresHost, PostgresUrl};
use crate::store::StoreError;

/// How long it may take to connect to one address.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a server that accepts may take to let us in.
const LOGIN: Duration = Duration::from_secs(5);

/// When a connection on which nothing comes is asked whether it is still there,
/// and how long what is sent may go without a sign that it came.
const SILENCE: Duration = Duration::from_secs(10);

/// What it takes to be let in.
pub struct Login {
    url: PostgresUrl,
    tls: MakeRustlsConnect,
}

impl Login {
    /// The login of a URL, whose certificates are read here.
    pub fn new(url: &PostgresUrl) -> Result<Login, StoreError> {
        let unusable = |error| StoreError::server(url.place(), "look at the store url", error);
        let tls = tls::connector(url).map_err(unusable)?;
        Ok(Login { url: url.clone(), tls })
    }

    /// The server and the database, for messages.
    pub fn place(&self) -> String {
        self.url.place()
    }

    /// A connection to the first server that lets us in and takes writes. The error
    /// is that of the last.
    pub async fn connect(&self) -> Result<(Client, Driver), StoreError> {
        let mut failed = None;
        for host in &self.url.hosts {
            match self.connect_to(host).await {
                Ok(connected) => return Ok(connected),
                Err(error) => failed = Some(error),
            }
        }
        let none = || StoreError::server(self.place(), "name a host", io::Error::other("there is none"));
        Err(failed.unwrap_or_else(none))
    }

    async fn connect_to(&self, host: &PostgresHost) -> Result<(Client, Driver), StoreError> {
        let unreadable = |error| StoreError::server(self.place(), "put the password file right", error);
        let password = passfile::password(&self.url, host).map_err(unreadable)?;
        let has_password = password.is_some();
        let config = self.config(host, password);
        match timeout(LOGIN, config.connect(self.tls.clone())).await {
            Ok(Ok((client, connection))) => Ok((client, Driver::start(connection))),
            Ok(Err(error)) => Err(StoreError::server(self.place(), self.advice(&error, has_password), error)),
            Err(late) => Err(StoreError::server(self.place(), "see whether its server is well", late)),
        }
    }

    fn config(&self, host: &PostgresHost, password: Option<String>) -> Config {
        let mut config = Config::new();
        config
            .application_name("dovetail")
            .host(&host.name)
            .port(host.port)
            .user(&self.url.user)
            .dbname(&self.url.database)
            .connect_timeout(CONNECT)
            .keepalives_idle(SILENCE)
            .keepalives_interval(SILENCE / 4)
            .keepalives_retries(3)
            .tcp_user_timeout(SILENCE)
            // One that was left behind by a failover takes no writes.
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            // There is nobody between the ends of a local socket.
            .ssl_mode(tls::ssl_mode(self.url.tls));
        if host.name.starts_with('/') {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        }
        if let Some(password) = password {
            config.password(password);
        }
        config
    }

    /// What would be right, as far as the error tells.
    fn advice(&self, error: &tokio_postgres::Error, has_password: bool) -> String {
        let PostgresUrl { user, database, .. } = &self.url;
        let password = || match has_password {
            true => {
                format!("look at the user {user:?}, its password in the password file, and the server's pg_hba.conf")
            }
            false => format!(
                "write HOST:PORT:{database}:{user}:PASSWORD into ~/.pgpass, or into the file that PGPASSFILE or \
                 passfile= names"
            ),
        };
        match error.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => password(),
            Some(&SqlState::INVALID_CATALOG_NAME) => {
                format!("create the database {database:?} (createdb -O {user} {database}), or name another")
            }
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => format!("grant CONNECT on {database:?} to {user:?}"),
            Some(&SqlState::TOO_MANY_CONNECTIONS) => "let the server take more connections".to_owned(),
            Some(&SqlState::CANNOT_CONNECT_NOW) => "try again when the server has started".to_owned(),
            Some(_) => "see what the server says".to_owned(),
            None if !has_password && chain(error).any(|cause| cause.to_string() == "password missing") => password(),
            None if chain(error).any(|cause| cause.is::<rustls::Error>()) => {
                "trust the server's certificate by sslrootcert=, or say sslmode= as you trust the network".to_owned()
            }
            None if chain(error).any(|cause| cause.to_string().contains("does not support TLS")) => {
                "let the server speak TLS, or say sslmode=disable if you trust the network".to_owned()
            }
            None if chain(error).any(|cause| cause.to_string().contains("does not allow writes")) => {
                "name the server that takes writes, or let this one take them".to_owned()
            }
            None => "start its server, or correct host and port in the store url".to_owned(),
        }
    }
}

/// An error and what it came of.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

/// What an error came of. An [`io::Error`] does not call its source what it wraps.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
