//! AMQP 0-9-1, as RabbitMQ has it: a topic exchange of the event's, and a quorum queue of each
//! subscriber's.
//!
//! A [`Publisher`] waits until the broker confirms what it sent. A task of its own has its
//! connection and ends with that; who sends next begins another. A [`Consumer`] acknowledges
//! what is kept, and the broker remembers that: there are no places. What was not acknowledged
//! comes again, in its order. One consumer of a queue is active at a time, so that the order
//! holds while two hosts believe to be the one that reads.

mod clerk;
mod consumer;
mod heard;
mod ledger;
mod publisher;
mod wire;

pub use self::{consumer::Consumer, publisher::Publisher};
