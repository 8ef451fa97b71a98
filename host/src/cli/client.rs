//! Talking to a running host, through its admin API.
//!
//! One request, one connection: a verb makes few. Every error says what was
//! tried, and what to do about it.

use std::{
    fmt,
    io::{self, ErrorKind},
    time::Duration,
};

use anyhow::{Context, Error, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use self::secure::Secure;
pub use self::target::Target;
use crate::{
    admin::Token,
    manifest::{Manifest, NoService},
};

mod agent;
mod secure;
mod target;

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(5);

/// How long an answer may take that only says how things are.
const READING: Duration = Duration::from_secs(10);

/// How long an answer may take that waits for something to be done. The host
/// ends what takes it too long; this is for one that hangs.
const DOING: Duration = Duration::from_secs(3600);

/// The longest answer that is read, in bytes.
const LARGEST: usize = 16 << 20;

/// What an error begins with that says that an event is not there.
const NO_EVENT: &str = "there is no event ";

/// A running host.
pub struct Client {
    address: Authority,
    /// What begins TLS with it, if it speaks that.
    tls: Option<TlsConnector>,
    token: Option<Token>,
    meant: Option<Meant>,
    runtime: Runtime,
}

/// The app that is meant.
pub struct Meant {
    /// Its name.
    pub app: String,
    /// Whether only the app's manifest says where the host is. A host that was named is
    /// asked whatever it serves, but not without a word: that its app is another than that
    /// of the folder may be a slip.
    pub is_found_by_it: bool,
}

/// The services that the host has.
#[derive(Deserialize)]
struct Told {
    services: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// The host did not do what was asked, because of how things are.
#[derive(Debug, Deserialize)]
pub struct Refused {
    error: String,
    #[serde(default)]
    problems: Vec<String>,
}

/// Whose host it is.
#[derive(Deserialize)]
struct Served {
    app: String,
}

impl Client {
    /// A client of the host of a manifest's app, where the manifest says that it is.
    pub fn of(manifest: &Manifest) -> Result<Client> {
        let meant = Meant { app: manifest.app.clone(), is_found_by_it: true };
        let tls = manifest.admin.tls.as_ref().map(|_| Secure::default().connector()).transpose()?;
        Client::new((target::listens(&manifest.admin.listen)?, tls), Token::of(manifest)?, Some(meant))
    }

    fn new(
        (address, tls): (Authority, Option<TlsConnector>),
        token: Option<Token>,
        meant: Option<Meant>,
    ) -> Result<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Client { address, tls, token, meant, runtime: runtime.context("the runtime could not be started")? })
    }

    /// The services, of the app that is meant.
    pub fn services(&self) -> Result<Bytes> {
        let answer = self.read("/v1/services")?;
        let Some(Meant { app: meant, is_found_by_it }) = &self.meant else { return Ok(answer) };
        let Served { app } = self.values(&answer)?;
        let differs = || format!("the host at {} serves the app `{}`, not `{meant}`", self.url(), printable(&app));
        match (app == *meant, is_found_by_it) {
            (true, _) => {}
            (false, true) => bail!("{}; say with --admin where the host of `{meant}` is", differs()),
            (false, false) => tracing::warn!("{} of the manifest here", differs()),
        }
        Ok(answer)
    }

    /// See that the host serves the app that is meant.
    pub fn meet(&self) -> Result<()> {
        if self.meant.is_some() { self.services().map(drop) } else { Ok(()) }
    }

    /// The same, if there is a host.
    pub fn meet_if_up(&self) -> Result<bool> {
        let refused = |error: &Error| error.root_cause().downcast_ref().map(io::Error::kind);
        match self.meet() {
            Ok(()) => Ok(true),
            Err(error) if refused(&error) == Some(ErrorKind::ConnectionRefused) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the host says that it cannot be used for, if it says so.
    pub fn unready(&self) -> Option<String> {
        let why = self.read("/readyz").err()?.downcast::<Refused>().ok()?;
        Some(why.to_string())
    }

    /// Ask how things are.
    pub fn read(&self, path: &str) -> Result<Bytes> {
        self.ask(Method::GET, path, Bytes::new(), READING)
    }

    /// Wait until something is done.
    pub fn wait(&self, path: &str) -> Result<Bytes> {
        self.ask(Method::GET, path, Bytes::new(), DOING)
    }

    /// Have something done.
    pub fn act(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
        self.ask(method, path, body, DOING)
    }

    /// Ask whether the host has a service.
    pub fn knows(&self, service: &str) -> Result<()> {
        let told: Told = self.values(&self.services()?)?;
        if told.services.iter().any(|it| it.name == service) {
            return Ok(());
        }
        let names: Vec<_> = told.services.iter().map(|service| printable(&service.name)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Err(NoService::new(service, format!("the host at {}", self.url()), &names).into())
    }

    /// The values in an answer.
    pub fn values<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T> {
        let values = serde_json::from_slice(answer);
        values.with_context(|| format!("{}; is it of another version than this command?", self.no_host()))
    }

    /// Ask for an event, or have something done with it, if it is there.
    pub fn if_there(&self, method: Method, path: &str) -> Result<Option<Bytes>> {
        let tried = tried(&method, path);
        let patience = if method == Method::GET { READING } else { DOING };
        let answer = self.answer(method, path, Bytes::new(), patience)?;
        let told = || serde_json::from_slice::<Refused>(answer.body()).is_ok_and(|it| it.error.starts_with(NO_EVENT));
        match answer.status() {
            status if status.is_success() => Ok(Some(answer.into_body())),
            StatusCode::NOT_FOUND if told() => Ok(None),
            status => Err(self.refused(&tried, status, answer.body())),
        }
    }

    fn ask(&self, method: Method, path: &str, body: Bytes, patience: Duration) -> Result<Bytes> {
        let tried = tried(&method, path);
        let answer = self.answer(method, path, body, patience)?;
        match answer.status() {
            status if status.is_success() => Ok(answer.into_body()),
            status => Err(self.refused(&tried, status, answer.body())),
        }
    }

    fn answer(&self, method: Method, path: &str, body: Bytes, patience: Duration) -> Result<Response<Bytes>> {
        let request = self.request(method, path, body)?;
        self.runtime.block_on(self.exchange(request, patience))
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let request = Request::builder().method(method).uri(path).header(header::HOST, self.address.as_str());
        let mut request = request.header(header::USER_AGENT, agent::agent()).body(Full::new(body))?;
        if let Some(token) = &self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.secret()))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, patience: Duration) -> Result<Response<Bytes>> {
        let stream = self.connect().await.with_context(|| {
            format!("no host answers at {}; start it with `dovetail up`, or say where with --admin", self.url())
        })?;
        let answer = async {
            match &self.tls {
                None => answer(stream, request).await,
                Some(tls) => answer(secure::connect(tls, &self.address, stream).await?, request).await,
            }
        };
        let answer = timeout(patience, answer).await;
        let answer = answer.map_err(|_| anyhow!("the host at {} did not answer in time", self.url()))?;
        answer.map_err(|error| self.broken_off(error))
    }

    /// Why there is no answer, though somebody listens. That a certificate is missing is told
    /// by a host after it has heard the request.
    fn broken_off(&self, error: Error) -> Error {
        match secure::why(&error) {
            Some(why) => error.context(format!("TLS with the host at {} fails: {why}", self.url())),
            None => error.context(format!("{}, or stopped before it had answered", self.no_host())),
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let host = self.address.host().trim_matches(['[', ']']);
        let port = self.address.port_u16().unwrap_or_default();
        match timeout(CONNECTING, TcpStream::connect((host, port))).await {
            Ok(connected) => connected,
            Err(_) => Err(ErrorKind::TimedOut.into()),
        }
    }

    /// Why the host did not do what was tried.
    fn refused(&self, tried: &str, status: StatusCode, answer: &[u8]) -> Error {
        let url = self.url();
        let Ok(refused) = serde_json::from_slice::<Refused>(answer) else {
            return anyhow!(
                "{}: it answers `{tried}` with {status}; say where the host is with --admin",
                self.no_host()
            );
        };
        let told = printable(&refused.error);
        match status {
            StatusCode::UNAUTHORIZED if self.token.is_none() => anyhow!(
                "the host at {url} asks for a token; name its file with --token-file, or as `token_file` in `[admin]` \
                 of the manifest"
            ),
            StatusCode::UNAUTHORIZED => {
                anyhow!("the host at {url} does not take this token; name the file that it has with --token-file")
            }
            StatusCode::NOT_FOUND if told.starts_with("there is no ") => anyhow!("{told} (at {url})"),
            StatusCode::NOT_FOUND => anyhow!(
                "there is no admin API at {url}, which answers `{tried}` with 404: {told}; say with --admin where it is: not \
                 where the app is served"
            ),
            // What the host says of itself: how it was asked for is of no use to people.
            StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => refused.into(),
            _ => anyhow!("the host at {url} answers `{tried}` with {}: {told}", status.as_u16()),
        }
    }

    fn no_host(&self) -> String {
        format!("what answers at {} is no Dovetail host", self.url())
    }

    fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

impl Refused {
    /// Whether it is the component that was sent that is not taken.
    pub fn is_of_component(&self) -> bool {
        !self.problems.is_empty()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", printable(&self.error))?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n\n{}", printable(problem.trim_end())))
    }
}

impl std::error::Error for Refused {}

/// The answer to a request over this stream.
async fn answer<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, LARGEST).collect().await.map_err(Error::from_boxed)?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// What was asked, to be told.
fn tried(method: &Method, path: &str) -> String {
    format!("{method} {}", path.split('?').next().unwrap_or(path))
}

/// Text of others without what would steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test fails by a panic that says what was expected")]
mod tests {
    use super::*;

    fn refused(status: u16, answer: &str) -> String {
        let client = Client::new((Authority::from_static("127.0.0.1:9090"), None), None, None).expect("a runtime");
        let status = StatusCode::from_u16(status).expect("a status");
        client.refused("PUT /v1/services/user/component", status, answer.as_bytes()).to_string()
    }

    #[test]
    fn a_conflict_is_told_with_every_problem() {
        let answer =
            r#"{"error":"the component does not fit","problems":["`a` differs:\n  func()\n","`b` is\u001b[2J gone"]}"#;
        assert_eq!(
            refused(409, answer),
            "the component does not fit\n\n`a` differs:\n  func()\n\n`b` is\u{fffd}[2J gone"
        );
        assert_eq!(refused(409, r#"{"error":"there is no revision before this"}"#), "there is no revision before this");
    }

    #[test]
    fn other_refusals_say_what_was_tried() {
        assert_eq!(
            refused(413, r#"{"error":"The component is too large"}"#),
            "the host at http://127.0.0.1:9090 answers `PUT /v1/services/user/component` with 413: The component is too \
             large"
        );
        assert!(
            refused(404, r#"{"error":"Not found"}"#).starts_with("there is no admin API at http://127.0.0.1:9090, ")
        );
        assert!(refused(401, r#"{"error":"A token"}"#).contains("asks for a token; name its file with --token-file"));
        assert!(refused(404, "<html>").contains("is no Dovetail host: it answers `PUT /v1/services/user/component`"));
    }
}
