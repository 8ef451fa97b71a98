//! What becomes of events: other hosts keep no messages, so there is nobody to deliver
//! them. A composition can only call the subscriber at once.

use super::ComposeError;
use crate::{
    link::{InterfaceName, is_meant},
    manifest::EventManifest,
};

/// The events of an app.
#[derive(Clone, Copy)]
pub struct Events<'a> {
    /// What the manifest says of them.
    pub named: &'a [EventManifest],
    /// Whether each is to be a plain call of its subscriber. Otherwise no service that
    /// emits one is composed.
    pub are_calls: bool,
}

impl Events<'_> {
    /// Whether this import of a service is an event.
    pub(super) fn has(&self, import: &str) -> bool {
        self.find(import).is_some()
    }

    /// The service that is called where `importer` emits this; `None` if it is no event.
    pub(super) fn callee(&self, importer: &str, import: &str) -> Result<Option<&str>, ComposeError> {
        let Some(event) = self.find(import) else { return Ok(None) };
        match &event.subscribers[..] {
            [subscriber] if self.are_calls => Ok(Some(subscriber)),
            [subscriber] => Err(ComposeError::event(importer, import, subscriber)),
            subscribers => Err(ComposeError::subscribers(importer, import, subscribers)),
        }
    }

    /// The event that an import is.
    fn find(&self, import: &str) -> Option<&EventManifest> {
        let import: InterfaceName = import.parse().ok()?;
        self.named.iter().find(|event| is_meant(&event.interface, &import))
    }
}
