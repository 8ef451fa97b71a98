//! A message as a JSON document of CloudEvents 1.0, in structured mode.
//!
//! | attribute | of CloudEvents | here |
//! |---|---|---|
//! | `specversion`, `id`, `source`, `type` | required | `1.0` and the message's |
//! | `time` | optional | when it was emitted; without it, now |
//! | `datacontenttype` | optional | `application/json`, never read |
//! | `dataschema` | optional | `wit:` and a hash; any other is ignored |
//! | `partitionkey` | extension of its own | the key |
//! | `trail` | ours | the kinds it came through, with spaces between |
//! | `notbefore` | ours | before when it is not delivered |
//!
//! Any other attribute is ignored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{Message, MessageId, Moment, Unreadable};

pub use self::schema::envelope_schema;

mod schema;
#[cfg(test)]
mod tests;

/// The version whose documents are read and written.
const VERSION: &str = "1.0";

/// What a schema of ours begins with: the scheme of its URI.
const SCHEMA: &str = "wit:";

impl Message {
    /// The document that it is kept and sent as. Writing into memory fails for no
    /// message.
    pub fn write(&self) -> serde_json::Result<Vec<u8>> {
        let text = |text| Some(Text(Cow::Borrowed(text)));
        let shown = |text| Some(Text(Cow::Owned(text)));
        serde_json::to_vec(&Document {
            specversion: text(VERSION),
            id: shown(self.id.to_string()),
            source: text(&self.source),
            kind: text(&self.kind),
            time: shown(self.time.to_string()),
            datacontenttype: Some("application/json"),
            dataschema: self.schema.and_then(|schema| shown(format!("{SCHEMA}{schema}"))),
            partitionkey: self.key.as_deref().and_then(text),
            trail: if self.trail.is_empty() { None } else { shown(self.trail.join(" ")) },
            notbefore: self.not_before.and_then(|time| shown(time.to_string())),
            data_base64: None,
            data: Some(&self.data),
        })
    }

    /// The message of such a document, from whomever it is.
    pub fn read(document: &[u8]) -> Result<Message, Unreadable> {
        let document: Document = serde_json::from_slice(document)?;
        if document.data_base64.is_some() {
            return Err(Unreadable::Binary);
        }
        let version = required("specversion", document.specversion)?;
        if version != VERSION {
            return Err(Unreadable::Version(version.into_owned()));
        }
        let id = required("id", document.id)?;
        let source = required("source", document.source)?;
        let schema = document.dataschema.and_then(|Text(schema)| schema.strip_prefix(SCHEMA)?.parse().ok());
        let trail = document.trail.iter().flat_map(|Text(kinds)| kinds.split_whitespace());
        Ok(Message {
            id: MessageId::of_foreign(&source, &id),
            kind: required("type", document.kind)?.into_owned(),
            source: source.into_owned(),
            time: moment("time", document.time)?.unwrap_or_else(Moment::now),
            key: document.partitionkey.map(|Text(key)| key.into_owned()),
            schema,
            trail: trail.map(Into::into).collect(),
            not_before: moment("notbefore", document.notbefore)?,
            data: document.data.unwrap_or(RawValue::NULL).to_owned(),
        })
    }
}

/// The document, with what may be missing. An attribute that is `null` is missing,
/// too.
#[derive(Serialize, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    specversion: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(skip_deserializing)]
    datacontenttype: Option<&'static str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    dataschema: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    partitionkey: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    trail: Option<Text<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    notbefore: Option<Text<'a>>,
    #[serde(skip_serializing)]
    data_base64: Option<IgnoredAny>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// A string, borrowed from the document where nothing in it is escaped.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn required<'a>(attribute: &'static str, text: Option<Text<'a>>) -> Result<Cow<'a, str>, Unreadable> {
    match text {
        Some(Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(Unreadable::Missing(attribute)),
    }
}

fn moment(attribute: &'static str, text: Option<Text>) -> Result<Option<Moment>, Unreadable> {
    let Some(Text(text)) = text else { return Ok(None) };
    match text.parse() {
        Ok(moment) => Ok(Some(moment)),
        Err(_) => Err(Unreadable::Time { attribute, text: text.into_owned() }),
    }
}
