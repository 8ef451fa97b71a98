//! Where a server is, and what it takes to be let in: `SCHEME://USER@HOST:PORT/PATH`. There is
//! no place for a password, which stands in a file of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Invalid, percent_decoded, percent_encoded};

/// How URLs of a kind look.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    /// One of them, for messages.
    pub text: &'static str,
    /// The scheme without TLS, and with it.
    pub schemes: [&'static str; 2],
    /// Where such a server listens if nothing else is said: without TLS, and with it.
    pub ports: [u16; 2],
    /// Whether several hosts may be named, with commas, of which any will do.
    pub is_list: bool,
}

/// A server, or several of which any will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    form: &'static Form,
    /// Who logs in.
    pub user: Option<String>,
    /// Names or addresses, and ports: at least one.
    pub hosts: Vec<(String, u16)>,
    /// What follows the slash, without percent encoding.
    pub path: String,
    /// TLS with a server that has the name's certificate.
    pub tls: bool,
    /// `sslrootcert`: who may vouch for the server, in PEM, instead of those that the system
    /// trusts.
    pub root: Option<PathBuf>,
    /// `passfile`: the file that holds the password and nothing else.
    pub passfile: Option<PathBuf>,
}

impl ServerUrl {
    /// Reads what follows the scheme and its colon; the scheme says whether there is TLS.
    pub(super) fn parse(rest: &str, tls: bool, form: &'static Form) -> Result<ServerUrl, Invalid> {
        let help = || format!("write \"{}\"", form.text);
        let rest = rest.strip_prefix("//").ok_or_else(|| Invalid::new("has no `//` before its host", help()))?;
        let (address, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, server) = address.rsplit_once('@').unwrap_or(("", address));
        if user.contains(':') {
            return Err(has_password());
        }
        let (hosts, path) = server.split_once('/').unwrap_or((server, ""));
        let each = hosts.split(',').map(|host| host_and_port(host, form, form.ports[usize::from(tls)]));
        let hosts = each.collect::<Result<Vec<_>, _>>()?;
        if hosts.len() > 1 && !form.is_list {
            return Err(Invalid::new("names several hosts", help()));
        }
        let user = if user.is_empty() { None } else { Some(decoded(user)?) };
        let mut url = ServerUrl { form, user, hosts, path: decoded(path)?, tls, root: None, passfile: None };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            url.take(parameter)?;
        }
        if url.root.is_some() && !tls {
            let help = format!("write \"{}://…\", or leave it out", form.schemes[1]);
            return Err(Invalid::new("has `sslrootcert`, but no TLS", help));
        }
        if url.user.is_some() && url.passfile.is_none() {
            return Err(Invalid::new("names a user without a password", "add `?passfile=FILE`, or leave the user out"));
        }
        Ok(url)
    }

    fn take(&mut self, parameter: &str) -> Result<(), Invalid> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let file = || match value {
            "" => Err(Invalid::new(format!("has an empty `{name}`"), "give it a value, or leave it out")),
            value => decoded(value).map(PathBuf::from),
        };
        match name {
            "passfile" => self.passfile = Some(file()?),
            "sslrootcert" => self.root = Some(file()?),
            "password" => return Err(has_password()),
            // It is not repeated: it might be the rest of a password.
            _ => return Err(Invalid::new("has an unknown parameter", "known are `passfile` and `sslrootcert`")),
        }
        Ok(())
    }

    /// The same with its relative paths taken to start at `folder`.
    pub(super) fn relative_to(self, folder: &Path) -> ServerUrl {
        let from = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        ServerUrl { root: from(self.root), passfile: from(self.passfile), ..self }
    }

    /// Its scheme.
    pub fn scheme(&self) -> &'static str {
        self.form.schemes[usize::from(self.tls)]
    }

    /// The servers, as `HOST:PORT`, with commas between them.
    pub fn authority(&self) -> String {
        let shown = self.hosts.iter().map(|(host, port)| match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{}:{port}", percent_encoded(host)),
        });
        shown.collect::<Vec<_>>().join(",")
    }

    /// Scheme and servers, for messages: without the user, since the admin API shows it.
    pub fn place(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme())?;
        if let Some(user) = &self.user {
            write!(f, "{}@", percent_encoded(user))?;
        }
        f.write_str(&self.authority())?;
        if !self.path.is_empty() {
            write!(f, "/{}", percent_encoded(&self.path))?;
        }
        let files = [("passfile", &self.passfile), ("sslrootcert", &self.root)];
        let said = files.iter().filter_map(|(name, path)| Some((name, path.as_ref()?)));
        for (number, (name, path)) in said.enumerate() {
            write!(f, "{}{name}={}", if number == 0 { '?' } else { '&' }, path.display())?;
        }
        Ok(())
    }
}

fn has_password() -> Invalid {
    let help = "leave it out, write it into a file of its own, `chmod 600` the file, and name it by `?passfile=FILE`";
    Invalid::new("has a password, which others could read here", help)
}

fn host_and_port(text: &str, form: &Form, default: u16) -> Result<(String, u16), Invalid> {
    // An IPv6 address has colons of its own, and stands in brackets.
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let name = decoded(name)?;
    if name.is_empty() {
        return Err(Invalid::new("names no host", format!("write \"{}\"", form.text)));
    }
    let port = match port {
        "" => Some(default),
        port => port.parse().ok().filter(|port| *port != 0),
    };
    let wrong = || Invalid::new("has a port that is no number from 1 to 65535", format!("write \"{}\"", form.text));
    Ok((name, port.ok_or_else(wrong)?))
}

fn decoded(text: &str) -> Result<String, Invalid> {
    let help = "write %25 for a percent sign, and no control characters";
    percent_decoded(text).ok_or_else(|| Invalid::new("has a percent sign or a character that means nothing", help))
}
