//! Which host is meant, and with which token.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use http::uri::Authority;

use super::{Client, Meant, Secure};
use crate::{
    admin::Token,
    manifest::{Invalid, ListenAddress, Manifest},
};

/// Which running host to talk to.
#[derive(Args)]
pub struct Target {
    /// Where the host's admin API is, instead of at admin.listen; over TLS as https://HOST:PORT.
    #[arg(long, value_name = "HOST:PORT", value_parser = place)]
    admin: Option<Place>,
    /// Read the admin API's token from this file instead of admin.token_file.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    secure: Secure,
}

/// Where a host is to be.
#[derive(Clone, Debug)]
struct Place {
    address: Authority,
    /// Whether it is reached by TLS, if that was said.
    is_secure: Option<bool>,
}

impl Target {
    /// Whether it was said where the host is.
    pub fn is_named(&self) -> bool {
        self.admin.is_some()
    }

    /// A client of that host. The manifest is read for what was not given.
    pub fn client(self, path: &Path) -> Result<Client> {
        let given = self.token_file.as_deref().map(token).transpose()?;
        // A host that is named needs no manifest here, nor one that is right, but where there
        // is one it may know the token.
        let manifest = match &self.admin {
            Some(_) => Manifest::load(path).ok(),
            None if !path.exists() => bail!(
                "there is no manifest at `{}` to tell where the host is; name it with --manifest, or say where the host \
                 is with --admin HOST:PORT",
                path.display()
            ),
            None => Some(Manifest::load(path)?),
        };
        // Another app's host may have the manifest's port.
        let is_found_by_it = self.admin.is_none();
        let meant = manifest.as_ref().map(|manifest| Meant { app: manifest.app.clone(), is_found_by_it });
        let Place { address, is_secure } = match (self.admin, &manifest) {
            (Some(place), _) => place,
            (None, Some(manifest)) => Place { address: listens(&manifest.admin.listen)?, is_secure: None },
            (None, None) => bail!("say where the host is with --admin HOST:PORT"),
        };
        let speaks_tls = manifest.as_ref().is_some_and(|manifest| manifest.admin.tls.is_some());
        let is_secure = is_secure.unwrap_or(speaks_tls || self.secure.is_meant());
        let tls = is_secure.then(|| self.secure.connector()).transpose()?;
        let token = match (given, &manifest) {
            (None, Some(manifest)) => Token::of(manifest)?,
            (given, _) => given,
        };
        Client::new((address, tls), token, meant)
    }
}

/// Reads the host's token from a file. One that is made here would not be it.
fn token(file: &Path) -> Result<Token> {
    if !file.exists() {
        bail!(
            "--token-file: `{}` does not exist; name the file that the host has its token from, `admin.token_file` of its \
             manifest",
            file.display()
        );
    }
    let named = |Invalid { reason, help }| anyhow!("--token-file: `{}` {reason}; {help}", file.display());
    Token::read(file).map_err(named)
}

/// Reads `HOST:PORT`, also as `dovetail up` shows it.
fn place(text: &str) -> Result<Place, String> {
    let (bare, is_secure) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
        (Some(bare), _) => (bare, Some(false)),
        (_, Some(bare)) => (bare, Some(true)),
        (None, None) => (text, None),
    };
    let authority = bare.strip_suffix('/').unwrap_or(bare).parse::<Authority>();
    let authority = authority.ok().filter(|authority| {
        let port = authority.port_u16().is_some_and(|port| port > 0);
        port && !authority.host().is_empty() && !authority.as_str().contains('@')
    });
    let place = authority.map(|address| Place { address, is_secure });
    place.ok_or_else(|| "write a host and its port, as in \"127.0.0.1:9090\"".to_owned())
}

/// Where a host is reached that listens where the manifest says.
pub fn listens(address: &ListenAddress) -> Result<Authority> {
    if address.port() == 0 {
        bail!("the manifest leaves the port of the admin API to the host; give the one that it shows with --admin");
    }
    Ok(address.reached().parse()?)
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;
    use crate::manifest::listen_address;

    #[test]
    fn addresses_are_read_as_they_are_shown() {
        for text in ["127.0.0.1:9090", "http://127.0.0.1:9090", "http://[::1]:9090/", "admin.example.com:80"] {
            assert!(place(text).is_ok(), "{text}");
        }
        let is_secure = |text| place(text).map(|place| place.is_secure);
        assert_eq!(is_secure("https://a:1"), Ok(Some(true)));
        assert_eq!(is_secure("http://a:1"), Ok(Some(false)));
        assert_eq!(is_secure("a:1"), Ok(None));
        for text in ["", ":9090", "localhost", "127.0.0.1:0", "ftp://a:1", "a:1/x", "a:b", "user@a:1", "a:99999"] {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_reached_where_it_listens() {
        let address = |text: &str| listen_address(text).expect("an address");
        let reached = |text: &str| listens(&address(text)).map(|address| address.to_string());
        assert_eq!(reached("127.0.0.1:9090").ok().as_deref(), Some("127.0.0.1:9090"));
        assert_eq!(reached("0.0.0.0:9090").ok().as_deref(), Some("127.0.0.1:9090"));
        assert_eq!(reached("[::]:9090").ok().as_deref(), Some("[::1]:9090"));
        assert_eq!(reached("localhost:9090").ok().as_deref(), Some("localhost:9090"));
        assert!(reached("127.0.0.1:0").is_err_and(|error| error.to_string().contains("--admin")));
    }
}
