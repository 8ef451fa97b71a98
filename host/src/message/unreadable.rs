//! Why a document is no message.

/// What is wrong with a document that is to be a message.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each has its text")]
pub enum Unreadable {
    #[error("it is no CloudEvent in JSON")]
    NotJson(#[from] serde_json::Error),
    #[error("it has no `{0}`, which every CloudEvent has")]
    Missing(&'static str),
    #[error("its `specversion` is {0:?}, and has to be \"1.0\"")]
    Version(String),
    #[error("its `{attribute}` is {text:?}: a time has the form of RFC 3339, 2026-11-23T12:00:00.000Z")]
    Time { attribute: &'static str, text: String },
    #[error("it has `data_base64`: an event is JSON, and comes in `data`")]
    Binary,
}
