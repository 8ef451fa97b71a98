//! Why something cannot be pulled or pushed.

use std::{error::Error, io, path::PathBuf};

use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};

use super::credentials::Login;
use crate::manifest::{Digest, Reference};

/// The most that is shown of what a registry says.
const SAID: usize = 300;

/// Why something cannot be pulled or pushed. [`RegistryError::help`] says what to
/// do about it.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Its name leads nowhere.
    #[error("there is no host for the registry {registry}")]
    NoHost {
        /// Host and port.
        registry: String,
    },
    /// Nothing listens there.
    #[error("the registry {registry} refuses connections")]
    Refused {
        /// Host and port.
        registry: String,
    },
    /// It takes too long.
    #[error("the registry {registry} does not answer in time")]
    Silent {
        /// Host and port.
        registry: String,
    },
    /// The connection cannot be trusted, or what is there speaks no TLS.
    #[error("there is no TLS with the registry {registry}: {why}")]
    NoTls {
        /// Host and port.
        registry: String,
        /// Whether it is its certificate.
        is_untrusted: bool,
        /// What TLS says.
        why: String,
    },
    /// It knows us not well enough.
    #[error("the registry {registry} {}", told(.login, *.is_known))]
    Denied {
        /// Host and port.
        registry: String,
        /// Whether it took who we are, and refuses what we want.
        is_known: bool,
        /// Who we are.
        login: Login,
    },
    /// It has no such thing.
    #[error("there is no {reference}")]
    Missing {
        /// What was asked for.
        reference: Box<Reference>,
        /// The tags that it has there.
        tags: Vec<String>,
    },
    /// It answers in some other way than it should.
    #[error("the registry {registry} fails: {why}")]
    Failed {
        /// Host and port.
        registry: String,
        /// In its words, or in those of the connection.
        why: String,
    },
    /// An artifact is of another kind.
    #[error("the artifact {} holds no component: {what}", artifact.short())]
    NoComponent {
        /// Its digest.
        artifact: Digest,
        /// What it is.
        what: String,
    },
    /// What is to be pushed is of another kind.
    #[error("this cannot be pushed: {why}")]
    NotPushed {
        /// What it is.
        why: String,
    },
    /// A component is larger than those that the host takes.
    #[error("the component has {size} bytes, a component may have {limit}")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// What it may have.
        limit: usize,
    },
    /// More or less comes than was announced.
    #[error("the component does not have the {size} bytes that its artifact tells")]
    Size {
        /// Bytes that were announced.
        size: u64,
    },
    /// Something is not what its digest says.
    #[error("what the registry {registry} sends has the digest {found}, not {expected}")]
    Digest {
        /// Host and port.
        registry: String,
        /// What was asked for.
        expected: String,
        /// What came.
        found: String,
    },
    /// The file of credentials cannot be used.
    #[error("the credentials in `{}` cannot be read: {why}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong, without what is secret.
        why: String,
    },
}

impl RegistryError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            RegistryError::NoHost { .. } => "write the registry's host as others reach it".to_owned(),
            RegistryError::Refused { .. } => "start the registry, or mend its host and port".to_owned(),
            RegistryError::Silent { .. } => "try again when it does, or look at what is between".to_owned(),
            RegistryError::NoTls { is_untrusted: true, .. } => {
                "have this machine trust its certificate, or name it with SSL_CERT_FILE".to_owned()
            }
            RegistryError::NoTls { .. } => {
                "if it speaks plain HTTP, and the network there is trusted, write \"oci+http://\"".to_owned()
            }
            RegistryError::Denied { registry, is_known: false, login: Login::Helper { .. } } => {
                format!("credentials that a program keeps are not read; write the `auth` of {registry} into that file")
            }
            RegistryError::Denied { registry, is_known: false, .. } => {
                format!("run `docker login {registry}`, or write what it would into that file")
            }
            RegistryError::Denied { .. } => "ask its owner for access, or name another repository".to_owned(),
            RegistryError::Missing { tags, .. } if tags.is_empty() => {
                "mend the repository and the tag, or push the component there".to_owned()
            }
            RegistryError::Missing { tags, .. } => format!("the tags there are {}", quoted(tags)),
            RegistryError::Failed { .. } => "try again, or look into the registry's log".to_owned(),
            RegistryError::NoComponent { .. } => {
                "name an artifact that `dovetail push`, `wkg oci push` or `wash oci push` made of a component"
                    .to_owned()
            }
            RegistryError::NotPushed { .. } => {
                "build it as a component, for example with `--target wasm32-wasip2`".to_owned()
            }
            RegistryError::TooLarge { .. } => "make the component smaller, for example by stripping it".to_owned(),
            RegistryError::Size { .. } | RegistryError::Digest { .. } => {
                "it was damaged or replaced there; do not use it, push it again or name another".to_owned()
            }
            RegistryError::Credentials { .. } => "mend that file, or run `docker login` again".to_owned(),
        }
    }

    /// What the client says, in our words.
    pub(super) fn of(error: OciDistributionError, reference: &Reference, login: &Login) -> RegistryError {
        let registry = reference.registry().to_owned();
        let denied = |is_known| RegistryError::Denied { registry: registry.clone(), is_known, login: login.clone() };
        let missing = || RegistryError::Missing { reference: Box::new(reference.clone()), tags: Vec::new() };
        let failed = |why: &str| RegistryError::Failed { registry: registry.clone(), why: plain(why) };
        match &error {
            OciDistributionError::RequestError(error) => unreachable(registry, error),
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                denied(false)
            }
            OciDistributionError::ServerError { code: 401, .. } => denied(false),
            OciDistributionError::ServerError { code: 403, .. } => denied(true),
            OciDistributionError::ServerError { code: 404, .. }
            | OciDistributionError::ImageManifestNotFoundError(_) => missing(),
            OciDistributionError::ServerError { code, message, .. } => failed(&format!("{code} {message}")),
            OciDistributionError::RegistryError { envelope, .. } => {
                let has = |codes: &[OciErrorCode]| envelope.errors.iter().any(|error| codes.contains(&error.code));
                let said = || envelope.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(", ");
                match () {
                    _ if has(&[OciErrorCode::Unauthorized]) => denied(false),
                    _ if has(&[OciErrorCode::Denied]) => denied(true),
                    _ if has(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::NotFound]) => {
                        missing()
                    }
                    _ => failed(&said()),
                }
            }
            OciDistributionError::DigestError(DigestError::VerificationError { expected, actual }) => {
                RegistryError::Digest { registry, expected: plain(expected), found: plain(actual) }
            }
            error => failed(&chain(error)),
        }
    }
}

/// A connection that was not made, or broke.
fn unreachable(registry: String, error: &(dyn Error + 'static)) -> RegistryError {
    let causes = || std::iter::successors(Some(error), source);
    let kind =
        |kind: io::ErrorKind| causes().any(|it| it.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == kind));
    let tls = causes().find_map(|it| it.downcast_ref::<rustls::Error>());
    match tls {
        Some(error) => {
            let is_untrusted = matches!(error, rustls::Error::InvalidCertificate(_));
            RegistryError::NoTls { registry, is_untrusted, why: plain(&error.to_string()) }
        }
        None if kind(io::ErrorKind::ConnectionRefused) => RegistryError::Refused { registry },
        None if causes().any(|it| it.to_string().starts_with("dns error")) => RegistryError::NoHost { registry },
        None if causes().any(|it| it.to_string() == "operation timed out") || kind(io::ErrorKind::TimedOut) => {
            RegistryError::Silent { registry }
        }
        None => RegistryError::Failed { registry, why: plain(&chain(error)) },
    }
}

/// What is behind an error. One of the system tells the source of what it wraps in
/// place of that itself.
fn source<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => (*error).source(),
    }
}

fn told(login: &Login, is_known: bool) -> String {
    match login {
        Login::User { name, .. } if is_known => format!("does not let {name} do this"),
        Login::User { path, name } => format!("does not take the credentials of {name} in `{}`", path.display()),
        _ if is_known => "does not let everybody do this".to_owned(),
        Login::Nobody { path } => format!("asks for credentials, and `{}` has none for it", path.display()),
        Login::Helper { path, helper } => {
            format!("asks for credentials, and `{}` leaves them to `docker-credential-{helper}`", path.display())
        }
    }
}

/// An error with its causes; some repeat the next one.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{}\"", plain(name))).collect::<Vec<_>>().join(", ")
}

/// Text of others, short and without what would steer a terminal.
fn plain(text: &str) -> String {
    let shown = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(SAID).collect()
}
