//! Where a PostgreSQL store is, and how its server is to be believed.
//!
//! There is no place for a password: what is in a manifest or among a process's
//! arguments is read by others. Nothing that may be one is quoted in a refusal.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Invalid, percent};

/// How a URL of this kind looks.
pub const FORM: &str = "postgres://USER@HOST:PORT/DATABASE";

const DEFAULT_PORT: u16 = 5432;

/// A database of a PostgreSQL server, all of which is one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresUrl {
    /// Who logs in.
    pub user: String,
    /// The servers, of which the first that takes writes is used; at least one.
    pub hosts: Vec<PostgresHost>,
    /// The database's name.
    pub database: String,
    /// What is asked of the connection; the default of its hosts if not said.
    pub tls: TlsMode,
    /// `sslrootcert`: who may vouch for the server, in PEM, instead of those that
    /// the system trusts.
    pub root: Option<PathBuf>,
    /// `passfile`: where the password is, instead of where libpq looks for it.
    pub passfile: Option<PathBuf>,
}

/// A server, by a name or address, or by the folder of its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresHost {
    /// A folder begins with `/`.
    pub name: String,
    /// Part of the socket's name, too.
    pub port: u16,
}

/// `sslmode`, with libpq's meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Plain TCP.
    Disable,
    /// TLS if the server has it, whoever the server is.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS with a server that somebody trusted vouches for.
    VerifyCa,
    /// TLS with that server, and under the name it was asked for by.
    VerifyFull,
}

const MODES: [(&str, TlsMode); 5] = [
    ("disable", TlsMode::Disable),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
];

impl PostgresUrl {
    /// Reads what follows `postgres:`, with the name of the `app` in place of
    /// `{app}`.
    pub(super) fn parse(rest: &str, app: &str) -> Result<PostgresUrl, Invalid> {
        let help = || format!("write \"{FORM}\"");
        let rest = rest.strip_prefix("//").ok_or_else(|| Invalid::new("has no `//` before its user", help()))?;
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, server) = address.rsplit_once('@').unwrap_or(("", address));
        if user.contains(':') {
            return Err(has_password());
        }
        let (hosts, database) = server.split_once('/').unwrap_or((server, ""));
        if user.is_empty() {
            return Err(Invalid::new("names no user", help()));
        }
        let parameters = Parameters::parse(parameters)?;
        let hosts = match (hosts, &parameters.socket) {
            ("", Some(folder)) => vec![PostgresHost { name: folder.clone(), port: DEFAULT_PORT }],
            (_, Some(_)) => return Err(Invalid::new("names its host twice", "leave `host=` out")),
            ("", None) => return Err(Invalid::new("names no host", help())),
            (hosts, None) => hosts.split(',').map(host).collect::<Result<_, _>>()?,
        };
        if database.is_empty() {
            return Err(Invalid::new("names no database", help()));
        }
        let Parameters { tls, root, passfile, socket: _ } = parameters;
        let tls = tls.unwrap_or_else(|| TlsMode::default_of(&hosts));
        if root.is_some() && !tls.verifies() {
            let help = "add sslmode=verify-full, or leave `sslrootcert` out";
            return Err(Invalid::new("has `sslrootcert`, but does not verify the server by it", help));
        }
        let (user, database) = (decoded(user)?, decoded(&database.replace("{app}", app))?);
        Ok(PostgresUrl { user, hosts, database, tls, root, passfile })
    }

    /// The same with its relative paths taken to start at `folder`.
    pub(super) fn relative_to(self, folder: &Path) -> PostgresUrl {
        let from = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        PostgresUrl { root: from(self.root), passfile: from(self.passfile), ..self }
    }

    /// The server and the database, for messages: without the user, since the
    /// admin API shows it.
    pub fn place(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        format!("postgres://{}/{}", hosts.join(","), percent::encode(&self.database))
    }
}

impl TlsMode {
    /// Whether the server's certificate is looked at.
    pub fn verifies(self) -> bool {
        matches!(self, TlsMode::VerifyCa | TlsMode::VerifyFull)
    }

    /// A network is not trusted unless the URL says so.
    fn default_of(hosts: &[PostgresHost]) -> TlsMode {
        if hosts.iter().all(PostgresHost::is_here) { TlsMode::Prefer } else { TlsMode::VerifyFull }
    }

    fn name(self) -> &'static str {
        MODES.iter().find(|(_, tls)| *tls == self).map_or("", |(name, _)| name)
    }
}

impl PostgresHost {
    fn is_here(&self) -> bool {
        let address = self.name.parse::<std::net::IpAddr>();
        self.name.starts_with('/') || self.name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// What may follow `?`.
#[derive(Default)]
struct Parameters {
    socket: Option<String>,
    tls: Option<TlsMode>,
    root: Option<PathBuf>,
    passfile: Option<PathBuf>,
}

impl Parameters {
    fn parse(text: &str) -> Result<Parameters, Invalid> {
        let mut parameters = Parameters::default();
        for parameter in text.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decoded(value)?;
            let filled = |value: String| match value.as_str() {
                "" => Err(Invalid::new(format!("has an empty `{name}`"), "give it a value, or leave it out")),
                _ => Ok(value),
            };
            match name {
                "sslmode" => parameters.tls = Some(mode(&value)?),
                "sslrootcert" => parameters.root = Some(filled(value)?.into()),
                "passfile" => parameters.passfile = Some(filled(value)?.into()),
                "host" if value.starts_with('/') => parameters.socket = Some(value),
                "host" => return Err(Invalid::new("has `host=` without a folder", format!("write \"{FORM}\""))),
                "password" | "sslpassword" => return Err(has_password()),
                _ => return Err(unknown(name)),
            }
        }
        Ok(parameters)
    }
}

fn has_password() -> Invalid {
    let help = "leave it out, and write HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass, or into another file that \
                PGPASSFILE or `?passfile=FILE` names; `chmod 600` the file";
    Invalid::new("has a password, which others could read here", help)
}

/// A name is quoted only if it is one: it might be the rest of a password.
fn unknown(name: &str) -> Invalid {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let name = if plain { format!("the parameter `{name}`") } else { "a parameter".to_owned() };
    let help = "known are `host`, `passfile`, `sslmode` and `sslrootcert`";
    Invalid::new(format!("has {name}, which is not known"), help)
}

fn mode(value: &str) -> Result<TlsMode, Invalid> {
    let known = MODES.iter().find(|(name, _)| *name == value);
    let modes = MODES.map(|(name, _)| format!("`{name}`")).join(", ");
    known
        .map(|(_, tls)| *tls)
        .ok_or_else(|| Invalid::new("has an `sslmode` that is not known", format!("known are {modes}")))
}

fn host(text: &str) -> Result<PostgresHost, Invalid> {
    // An IPv6 address has colons of its own, and stands in brackets.
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let name = decoded(name)?;
    if name.is_empty() {
        return Err(Invalid::new("names no host", format!("write \"{FORM}\"")));
    }
    let port =
        match port {
            "" => DEFAULT_PORT,
            port => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                Invalid::new("has a port that is no number from 1 to 65535", format!("write \"{FORM}\""))
            })?,
        };
    Ok(PostgresHost { name, port })
}

fn decoded(text: &str) -> Result<String, Invalid> {
    let help = "write %25 for a percent sign, and no control characters";
    percent::decode(text).ok_or_else(|| Invalid::new("has a percent sign or a character that means nothing", help))
}

impl fmt::Display for PostgresHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            name if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            name => write!(f, "{}:{}", percent::encode(name), self.port),
        }
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        let server = place.strip_prefix("postgres://").unwrap_or(&place);
        write!(f, "postgres://{}@{server}?sslmode={}", percent::encode(&self.user), self.tls.name())?;
        for (name, path) in [("sslrootcert", &self.root), ("passfile", &self.passfile)] {
            if let Some(path) = path {
                write!(f, "&{name}={}", path.display())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
