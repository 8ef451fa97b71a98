//! What goes wrong with a broker.

use std::{error::Error, sync::Arc};

use thiserror::Error;

use crate::manifest::Transport;

/// The cause of an error.
type Cause = Box<dyn Error + Send + Sync>;

/// A broker that cannot be reached, or does not do what is asked. It is had by each message that
/// was to be sent.
#[derive(Clone, Debug, Error)]
#[error("the broker {place} could not {what}")]
pub struct BrokerError {
    place: String,
    what: &'static str,
    source: Arc<dyn Error + Send + Sync>,
}

/// Why a message is not known to be kept by a broker.
#[derive(Debug, Error)]
pub enum NotSent {
    /// The broker is away, or says nothing: it is to be sent again.
    #[error(transparent)]
    Away(#[from] BrokerError),
    /// The broker does not take it.
    #[error("the broker does not take it")]
    Refused(#[source] Cause),
}

impl BrokerError {
    /// The broker of this transport could not do what is said.
    pub fn new(transport: &Transport, what: &'static str, source: impl Into<Cause>) -> BrokerError {
        BrokerError { place: transport.server.place(), what, source: source.into().into() }
    }
}
