//! The delivery that a call is, or was made in: what a subscriber may ask of it, and what
//! the events that it emits are told to come from.

use std::sync::Arc;

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
