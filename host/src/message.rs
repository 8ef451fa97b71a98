//! An event as it is kept and sent: a message.
//!
//! A call of an event's function becomes a message: its arguments as JSON
//! ([`json`]). Events of one key are delivered in order ([`key`]).
//!
//! Nothing here waits, reads a file or knows who sends to whom. What is read may
//! be anybody's, and is answered with an error that says what is wrong.

pub use self::{
    id::MessageId,
    json::{Json, Mismatch, decode},
    key::{Key, KeyPath, NoKey},
    moment::Moment,
    params::{Params, Undecodable},
    stable_hash::StableHash,
    wit_type::{BoundToStore, Field, WitType},
};

mod id;
mod json;
mod key;
mod moment;
mod params;
mod stable_hash;
mod wit_type;
