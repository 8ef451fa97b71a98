//! Who emits what: all that the messages of one function have in common.

use std::sync::Arc;

use wasmtime::component::Val;

use super::{Key, KeyPath, Message, MessageId, Moment, NoKey, Params, StableHash};

/// Who calls which function of an event.
pub struct Origin {
    kind: Arc<str>,
    source: String,
    params: Params,
    schema: StableHash,
    key: Option<Key>,
}

impl Origin {
    /// That of the calls of `kind`, an interface with a function, by `source`; `key` says what
    /// keeps them in order.
    pub fn new(kind: &str, source: &str, params: Params, key: Option<&str>) -> Result<Origin, NoKey> {
        let key = key.map(|key| key.parse::<KeyPath>()?.resolve(&params)).transpose()?;
        Ok(Origin { kind: kind.into(), source: source.to_owned(), schema: params.schema(), params, key })
    }

    /// What is called.
    pub fn kind(&self) -> &Arc<str> {
        &self.kind
    }

    /// Who calls.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it takes.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// A call with these arguments, made now.
    pub fn message(&self, arguments: &[Val]) -> serde_json::Result<Message> {
        Ok(Message {
            id: MessageId::fresh(),
            kind: self.kind.to_string(),
            source: self.source.clone(),
            time: Moment::now(),
            key: self.key.as_ref().map(|key| key.of(arguments)),
            schema: Some(self.schema),
            trail: Vec::new(),
            not_before: None,
            data: self.params.encode(arguments)?,
        })
    }
}
