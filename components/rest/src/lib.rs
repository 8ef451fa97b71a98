//! JSON resources over `wasi:http`, kept in a `wasi:keyvalue` bucket: what the
//! services of the shop have in common.
//!
//! A request goes through here as it goes through a service: [`serve`] takes it
//! in, [`target`] tells which resource it means, [`fields`] and [`Query`] read
//! what it says, a [`Bucket`] holds what is kept, [`Page`] lists it, and a
//! [`Reply`] or an [`Error`] answers. [`once`] makes a thing once however often it is
//! asked for.
//!
//! Each host call costs more than what a service does between two of them, so
//! everything here is shaped to make few: only those headers are read that the
//! method has a use for, those of the answer are set in one call, and a body leaves in one write where the host takes it whole.

mod bucket;
mod error;
mod etag;
mod fields;
mod idempotency;
mod page;
mod query;
mod reply;
mod request;
mod target;
mod turn;
mod whole;

pub use bucket::{Bucket, keyvalue};
pub use error::Error;
pub use etag::etag;
pub use fields::{Field, fields};
pub use idempotency::{IdempotencyKey, Receipt, once};
pub use page::{Page, Paging};
pub use query::Query;
pub use reply::Reply;
pub use request::{Request, serve};
pub use target::{Target, target};
pub use turn::Turn;
pub use whole::id;
