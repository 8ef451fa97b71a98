//! The users, as they are kept: `user/{id}` holds the JSON that a GET answers,
//! and the counter `last` says how many ids were given out.
//!
//! Alice and Bob, whom every new store holds, are part of the service and not
//! written by it: one of them whose key is absent is as he was. So there is no
//! first request that would have to write them, and no race over who is it.
//! Where one of them is deleted an empty value says so. Every id that is given
//! out comes after theirs.
//!
//! Who has orders is not deleted: see [`latch`].

use std::borrow::Cow;

use rest::{Bucket, Error, IdempotencyKey, Page, Paging};
use serde::{Deserialize, Serialize};

pub use latch::{admit, delete};

mod latch;

static USERS: Bucket = Bucket::named("users");

/// The counter of ids given out.
const LAST: &str = "last";

/// Those whom every store holds, by id from 1.
const SEEDS: [&str; 2] = [r#"{"id":1,"name":"Alice"}"#, r#"{"id":2,"name":"Bob"}"#];

/// The value that says that a seed is deleted.
const DELETED: &[u8] = b"";

/// A user, with the names that the fields have in JSON.
#[derive(Serialize, Deserialize)]
pub struct User<'a> {
    pub id: u64,
    #[serde(borrow)]
    pub name: Cow<'a, str>,
}

/// The user's JSON; `None` if nobody has that id.
pub fn get(id: u64) -> Result<Option<Vec<u8>>, Error> {
    Ok(present(id, USERS.get(&key(id))?))
}

/// Take a user in, once for a key; the answer is the user's JSON.
pub fn create(key: Option<IdempotencyKey>, name: Cow<'_, str>) -> Result<Vec<u8>, Error> {
    let is_same = |json: &[u8]| parse(json).is_ok_and(|user| user.name == name);
    rest::once(&USERS, key, is_same, |receipt| {
        let id = USERS.next(LAST)?.saturating_add(SEEDS.len() as u64);
        let user = serde_json::to_vec(&User { id, name: Cow::Borrowed(&name) })
            .map_err(|error| Error::internal("The user could not be written", error))?;
        let mut entries = receipt.entries(&user)?;
        entries.push((self::key(id), user.clone()));
        USERS.set_many(&entries)?;
        Ok(user)
    })
}

/// A page of the users in order of id.
pub fn page(paging: Paging) -> Result<Page, Error> {
    let last = USERS.last(LAST)?.saturating_add(SEEDS.len() as u64);
    paging.read(last, |ids| {
        let keys: Vec<String> = ids.clone().map(key).collect();
        let kept = USERS.get_many(&keys)?;
        Ok(ids.zip(kept).map(|(id, kept)| present(id, kept)).collect())
    })
}

/// The user that is written in the JSON kept.
pub fn parse(json: &[u8]) -> serde_json::Result<User<'_>> {
    serde_json::from_slice(json)
}

/// The user's JSON, by what is kept under the key.
fn present(id: u64, kept: Option<Vec<u8>>) -> Option<Vec<u8>> {
    match kept {
        None => seed(id).map(|json| json.as_bytes().to_vec()),
        Some(json) => Some(json).filter(|json| json != DELETED),
    }
}

fn seed(id: u64) -> Option<&'static str> {
    let index = usize::try_from(id.checked_sub(1)?).ok()?;
    SEEDS.get(index).copied()
}

fn key(id: u64) -> String {
    format!("user/{id}")
}
