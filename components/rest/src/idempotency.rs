//! Requests that may be sent again: `Idempotency-Key`, as in the draft of the IETF's
//! HTTPAPI working group (draft-ietf-httpapi-idempotency-key-header).
//!
//! What was made for a key is kept under `key/{key}`: the time, and the JSON that was
//! answered. It is written in one step with what was made, so neither is there
//! without the other, whatever dies when. A request whose key has such a record is
//! answered from it, if it asks for the same; otherwise it is refused.
//!
//! Of those who come before there is a record one may make it. Each adds one to the
//! counter that is its mark of this [`Turn`], and whoever makes it 1 goes on, if no
//! neighbouring turn has a mark and there is no record still. The others are told
//! that the first is at it (409): they could not wait here but by asking the store
//! over and over. A refused request takes its mark back and leaves the key free. The
//! mark of a guest that died, or whose store failed in the midst of a write, binds until
//! its turn and the next are over: a key is stuck for 40 seconds at most, and two never
//! make something for it.
//!
//! On a host whose calls are units of work the mark is seen at once, for it is a counter,
//! and is gone at the end of the call, in one step with the record and what was made: who
//! looks finds the mark or the record, and where the call fails the mark stays. Such a
//! host lets no call count what it took back before; so who had the claim to a key does
//! not claim it again in the same call, as [`expiry`] might.
//!
//! A record counts for as long as the service's environment says in
//! `IDEMPOTENCY_SECONDS`; 0 keeps none. Records are numbered as they are written
//! (`keys/{n}` has the time and the key), and each eighth that is written removes
//! some of the oldest, if they expired: see [`expiry`].

use std::cell::Cell;

use crate::turn::{self, Turn};
use crate::{Bucket, Error};

mod expiry;
mod key;

pub use key::IdempotencyKey;

/// A day, in seconds.
const DEFAULT_LIFETIME: u64 = 24 * 60 * 60;

/// Goes with what is made for a key, and is kept in the same step.
#[derive(Debug)]
pub struct Receipt<'a>(Option<Claim<'a>>);

impl Receipt<'_> {
    /// What to keep beside what is made; `json` is the answer.
    pub fn entries(&self, json: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let Some(claim) = &self.0 else { return Ok(Vec::new()) };
        let number = claim.bucket.next(expiry::COUNTER)?;
        let time = turn::now();
        let record = [format!("{time} ").as_bytes(), json].concat();
        let entries =
            vec![(record_key(claim.key), record), (expiry::key(number), format!("{time} {}", claim.key).into_bytes())];
        claim.turn.check()?;
        claim.unsure.set(true);
        Ok(entries)
    }
}

impl Receipt<'_> {
    fn is_kept(&self) {
        if let Some(claim) = &self.0 {
            claim.unsure.set(false);
        }
    }
}

/// Make something once for a key, and any number of times without one. `is_same` tells
/// whether an answer is one to this request; `make` keeps the receipt's entries in
/// one step with what it makes, and answers with its JSON.
pub fn once(
    bucket: &Bucket,
    key: Option<IdempotencyKey>,
    is_same: impl Fn(&[u8]) -> bool,
    make: impl FnOnce(&Receipt) -> Result<Vec<u8>, Error>,
) -> Result<Vec<u8>, Error> {
    let lifetime = lifetime()?;
    let Some(IdempotencyKey(key)) = key.filter(|_| lifetime > 0) else { return make(&Receipt(None)) };
    let json = match claim(bucket, &key, lifetime)? {
        Claimed::Answered(json) if is_same(&json) => return Ok(json),
        Claimed::Answered(_) => return Err(Error::unprocessable("Idempotency-Key was used for another request")),
        Claimed::Busy => return Err(Error::conflict("A request with this Idempotency-Key is being answered")),
        Claimed::Mine(claim) => {
            let receipt = Receipt(Some(claim));
            let json = make(&receipt)?;
            receipt.is_kept();
            json
        }
    };
    // What was asked for is done; what expired can wait for another request.
    let _ = expiry::sweep(bucket, lifetime, key);
    Ok(json)
}

enum Claimed<'a> {
    Answered(Vec<u8>),
    Busy,
    Mine(Claim<'a>),
}

/// The right to write or remove the record of a key. Given back when dropped, but for
/// one whose write may still be done.
#[derive(Debug)]
struct Claim<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    turn: Turn,
    /// Whether a write is begun that may be done though it fails: a server that went
    /// away in the middle of it tells nobody. Then the mark stays until its turn is over.
    unsure: Cell<bool>,
}

/// The record is read once more after the mark was left: who had the right before may
/// have written it, and taken its mark back, in between.
fn claim<'a>(bucket: &'a Bucket, key: &'a str, lifetime: u64) -> Result<Claimed<'a>, Error> {
    let turn = Turn::now();
    let name = mark_name(key);
    let mark = turn.mark(&name);
    let keys: Vec<String> = [record_key(key)].into_iter().chain(turn.marks(&name)).collect();
    let read = || -> Result<_, Error> {
        let mut found = bucket.get_many(&keys)?.into_iter();
        Ok((found.next().flatten().and_then(|record| alive(record, lifetime)), found.collect::<Vec<_>>()))
    };
    let (record, marks) = read()?;
    if let Some(json) = record {
        return Ok(Claimed::Answered(json));
    }
    if marks.iter().any(Option::is_some) || bucket.next(&mark)? != 1 {
        return Ok(Claimed::Busy);
    }
    let claim = Claim { bucket, key, turn, unsure: Cell::new(false) };
    let (record, marks) = read()?;
    let alone = keys[1..].iter().zip(&marks).all(|(key, found)| *key == mark || found.is_none());
    Ok(match record {
        Some(json) => Claimed::Answered(json),
        None if alone => Claimed::Mine(claim),
        None => Claimed::Busy,
    })
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.unsure.get() {
            return;
        }
        // Where this fails the mark binds until its turn is over, and no longer.
        let _ = self.bucket.delete(&self.turn.mark(&mark_name(self.key)));
    }
}

/// The JSON in a record, while it counts.
fn alive(mut record: Vec<u8>, lifetime: u64) -> Option<Vec<u8>> {
    let space = record.iter().position(|byte| *byte == b' ')?;
    let time: u64 = str::from_utf8(&record[..space]).ok()?.parse().ok()?;
    (turn::now() < time.saturating_add(lifetime)).then(|| record.split_off(space + 1))
}

fn lifetime() -> Result<u64, Error> {
    match std::env::var("IDEMPOTENCY_SECONDS") {
        Err(_) => Ok(DEFAULT_LIFETIME),
        Ok(text) => text.parse().map_err(|_| {
            Error::internal(
                "The service is misconfigured",
                format_args!("IDEMPOTENCY_SECONDS is {text:?}, and must be a whole number of seconds"),
            )
        }),
    }
}

fn record_key(key: &str) -> String {
    format!("key/{key}")
}

fn mark_name(key: &str) -> String {
    format!("making/{key}")
}
