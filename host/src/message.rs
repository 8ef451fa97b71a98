//! An event as it is kept and sent: a message.
//!
//! A call of an event's function becomes a [`Message`]: its arguments as JSON
//! ([`json`]), with what is told about them in the form of CloudEvents 1.0
//! ([`envelope`]), so that a program in any language can read and write it. It
//! waits in the store under its [`RowKey`], and events of one key are delivered
//! in order ([`key`]).
//!
//! Nothing here waits, reads a file or knows who sends to whom. What is read may
//! be anybody's, and is answered with an error that says what is wrong.

pub use self::{
    envelope::envelope_schema,
    id::MessageId,
    json::{Json, Mismatch, decode},
    key::{Key, KeyPath, NoKey},
    moment::Moment,
    origin::Origin,
    params::{Params, Undecodable},
    queue::{Handed, Queue},
    row_key::RowKey,
    stable_hash::StableHash,
    unreadable::Unreadable,
    wit_type::{BoundToStore, Field, WitType},
};

mod envelope;
mod id;
mod json;
mod key;
mod moment;
mod origin;
mod params;
mod queue;
mod row_key;
mod stable_hash;
mod unreadable;
mod wit_type;

use serde_json::value::RawValue;

/// What was emitted, or came from elsewhere to be delivered.
#[derive(Clone, Debug)]
pub struct Message {
    /// By which it is known again when it comes twice.
    pub id: MessageId,
    /// Which event: interface and function, `shop:orders/events@0.1.0#placed`.
    pub kind: String,
    /// Who emitted it: `/APP/SERVICE`, or what others call themselves.
    pub source: String,
    /// When it was emitted.
    pub time: Moment,
    /// Those of one key are delivered in order.
    pub key: Option<String>,
    /// Of the types that its data was written by ([`Params::schema`]), if it was
    /// written here.
    pub schema: Option<StableHash>,
    /// The kinds of the messages whose delivery led to this one, first things
    /// first. Nothing in it has a space.
    pub trail: Vec<String>,
    /// Before when it is not delivered.
    pub not_before: Option<Moment>,
    /// The arguments, as [`Params::encode`] makes them.
    pub data: Box<RawValue>,
}
