//! Removes the records of keys that expired, a few at a time.
//!
//! `keys/{n}` are in the order of their times, but for those that were written at
//! once, and the counter `keys` gave out the numbers; `keys/swept` is the number up to
//! which they are gone. Where a guest died between counting and writing there is a
//! gap. A record is removed by who has the claim to it, so none is that was written
//! anew. Two that sweep at once remove the same ones, which does no harm.
//!
//! A request claims a key once, be it its own or one that it removes: a host whose calls
//! are units of work refuses to count a mark that the same call took back.

use super::{Claimed, alive, claim, record_key};
use crate::{Bucket, Error};

/// The counter of records written.
pub(super) const COUNTER: &str = "keys";

/// Up to where the numbers are swept.
const SWEPT: &str = "keys/swept";

/// Who writes a record whose number is a multiple of this sweeps.
const EVERY: u64 = 8;

/// How many are removed at once, at most: twice as many as come in.
const MOST: usize = 16;

/// How far to look, so that the gaps that a killed host leaves are passed over.
const WINDOW: u64 = 128;

/// Where it is noted which key the record of this number is for.
pub(super) fn key(number: u64) -> String {
    format!("keys/{number}")
}

/// Remove some records that expired, if it is time to. `claimed` is the key that the
/// request has claimed before.
pub(super) fn sweep(bucket: &Bucket, lifetime: u64, claimed: String) -> Result<(), Error> {
    let last = bucket.last(COUNTER)?;
    if !last.is_multiple_of(EVERY) {
        return Ok(());
    }
    let swept = bucket.get(SWEPT)?.and_then(|text| str::from_utf8(&text).ok()?.parse().ok()).unwrap_or(0_u64);
    let numbers: Vec<u64> = (swept + 1..=last.min(swept + WINDOW)).collect();
    let found = bucket.get_many(&numbers.iter().map(|number| key(*number)).collect::<Vec<_>>())?;
    let noted: Vec<_> = numbers.iter().zip(found).filter_map(|(number, note)| Some((*number, note?))).collect();
    // Guests that died long ago, all of them: those that live are fewer.
    let mut up_to = if noted.is_empty() && last > swept + WINDOW { swept + WINDOW } else { swept };
    let mut claimed = vec![claimed];
    for (number, note) in noted.into_iter().take(MOST) {
        if alive(note.clone(), lifetime).is_some() || !remove(bucket, number, &note, lifetime, &mut claimed)? {
            break;
        }
        up_to = number;
    }
    match up_to == swept {
        true => Ok(()),
        false => bucket.set(SWEPT, up_to.to_string().as_bytes()),
    }
}

/// Remove the record that expired, and the note of it. `false` if somebody is at it, or
/// this request was.
fn remove(bucket: &Bucket, number: u64, note: &[u8], lifetime: u64, claimed: &mut Vec<String>) -> Result<bool, Error> {
    let only_the_note = || bucket.delete(&key(number)).map(|()| true);
    let name = str::from_utf8(note).ok().and_then(|note| note.split_once(' '));
    let Some((_, name)) = name else { return only_the_note() };
    let record = bucket.get(&record_key(name))?;
    if record.is_none_or(|record| alive(record, lifetime).is_some()) {
        // It was removed, or written anew, with a number of its own.
        return only_the_note();
    }
    if claimed.iter().any(|other| other == name) {
        return Ok(false);
    }
    claimed.push(name.to_owned());
    match claim(bucket, name, lifetime)? {
        Claimed::Answered(_) => only_the_note(),
        Claimed::Busy => Ok(false),
        Claimed::Mine(claim) => {
            claim.turn.check()?;
            claim.unsure.set(true);
            bucket.delete_many(&[record_key(name), key(number)])?;
            claim.unsure.set(false);
            Ok(true)
        }
    }
}
