//! The delivery that a call is, or was made in: what a subscriber may ask of it, and what
//! the events that it emits are told to come from.

use std::sync::Arc;

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::dovetail::events::delivery::{Event, Host, add_to_linker};
use crate::message::Message;

/// An attempt to give an event to a subscriber.
#[derive(Debug)]
pub struct Delivery {
    /// The event.
    pub message: Arc<Message>,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

impl Delivery {
    /// The kinds of the messages that led to what is emitted in it, first things first.
    pub fn trail(&self) -> Vec<String> {
        let before = self.message.trail.iter();
        before.chain([&self.message.kind]).cloned().collect()
    }
}

struct Current;

impl HasData for Current {
    type Data<'a> = Option<&'a Delivery>;
}

/// Offer `dovetail:events/delivery` to components whose state knows the delivery that their
/// call is.
pub fn link<T: 'static>(linker: &mut Linker<T>, current: fn(&mut T) -> Option<&Delivery>) -> Result<()> {
    add_to_linker::<T, Current>(linker, current)
}

impl Host for Option<&Delivery> {
    fn current(&mut self) -> Result<Option<Event>> {
        let event = self.map(|Delivery { message, attempt }| Event {
            id: message.id.to_string(),
            kind: message.kind.clone(),
            source: message.source.clone(),
            key: message.key.clone(),
            time: message.time.millis(),
            attempt: *attempt,
        });
        Ok(event)
    }
}
