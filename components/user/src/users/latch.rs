//! Between a user's first order and the user's deletion.
//!
//! The orders are another service's, which this one cannot ask: links form no circle.
//! So that service has each user admitted before it takes an order, and whoever was
//! admitted once is kept for good: `ordered/{id}` says so. An admission and a
//! deletion that meet are told apart thus, with marks of a [`Turn`]:
//!
//! - An admission leaves the mark `ordering/{id}`, then looks for the user and for
//!   marks of deletions. Only if there are none does it write `ordered/{id}`.
//! - A deletion leaves the mark `deleting/{id}`, then looks for the user, for
//!   `ordered/{id}` and for marks of admissions and of other deletions. Only if there
//!   are none of these does it delete the user.
//!
//! Each leaves its mark before it looks, so of two that meet one sees the other at
//! least, and gives way; both may, and be asked again. Admissions share a mark, and
//! take it back when `ordered/{id}` is there, which says as much. A deletion has the
//! mark of its turn alone (whoever makes it 1 has it), so it takes it back when it knows
//! how it ended. A mark that is left over means nothing two turns later.
//!
//! Marks are counters, for a host whose calls are units of work: there a counter counts
//! at once, for all to see, while what else a call writes is kept until it ends. So a
//! mark is seen before its call looks, as where all is written at once. It is gone at
//! the very end, in one step with what it was left for: nobody finds neither, and where
//! the call fails the mark stays. No call counts a mark that it took back: who takes one
//! back does it last, and finds at its next look that the user is gone or has ordered.
//!
//! - No order is left of a deleted user: what follows `ordered/{id}` is seen by every
//!   deletion. That the order itself is written late, or slowly, does not matter.
//! - Nobody is kept out for ever: an admission that gave way may be asked for again,
//!   and once there is `ordered/{id}`, which every order after the first finds in the
//!   same read as the user, no deletion is waited for.
//! - A user whose first order failed after the admission is kept, too, for this
//!   service cannot know: a new order makes it true, a deletion is refused.

use rest::{Error, Turn};

use super::{DELETED, USERS, key, present, seed};

/// Whether there is such a user, who is kept from now on.
pub fn admit(id: u64) -> Result<bool, Error> {
    let (there, ordered, _) = read(id, Vec::new())?;
    if ordered || !there {
        return Ok(there);
    }
    let turn = Turn::now();
    let mark = turn.mark(&ordering(id));
    USERS.next(&mark)?;
    let (there, ordered, deleting) = read(id, turn.marks(&deleting(id)).into())?;
    if there && !ordered {
        if deleting {
            return Err(Error::unavailable("The user is being deleted", format_args!("user {id} cannot order now")));
        }
        turn.check()?;
        USERS.set(&ordered_key(id), b"")?;
    }
    USERS.delete(&mark)?;
    Ok(there)
}

/// Leave no such user; whether there was one, which of several deletions is told to one.
/// Refused for one that was admitted.
pub fn delete(id: u64) -> Result<bool, Error> {
    let has_orders = || Error::conflict("User has orders");
    if read(id, Vec::new())?.1 {
        return Err(has_orders());
    }
    let turn = Turn::now();
    let mark = turn.mark(&deleting(id));
    if USERS.next(&mark)? != 1 {
        return Err(Error::conflict("User is being deleted"));
    }
    let mut marks = turn.marks(&ordering(id)).to_vec();
    marks.extend(turn.marks(&deleting(id)).into_iter().filter(|other| *other != mark));
    let (there, ordered, marked) = read(id, marks)?;
    if there && !ordered && !marked {
        turn.check()?;
        // Where this fails the mark stays: the user may still go.
        remove(id)?;
    }
    USERS.delete(&mark)?;
    match (ordered, there && marked) {
        (true, _) => Err(has_orders()),
        (_, true) => Err(Error::conflict("User may be about to order or to be deleted; try again")),
        _ => Ok(there),
    }
}

fn remove(id: u64) -> Result<(), Error> {
    match seed(id) {
        Some(_) => USERS.set(&key(id), DELETED),
        None => USERS.delete(&key(id)),
    }
}

/// Whether there is the user, whether one that was admitted, and whether there is one
/// of the marks: all at one time.
fn read(id: u64, marks: Vec<String>) -> Result<(bool, bool, bool), Error> {
    let keys = [vec![key(id), ordered_key(id)], marks].concat();
    let mut found = USERS.get_many(&keys)?.into_iter();
    let user = present(id, found.next().flatten());
    let ordered = found.next().flatten();
    Ok((user.is_some(), ordered.is_some(), found.any(|mark| mark.is_some())))
}

fn ordered_key(id: u64) -> String {
    format!("ordered/{id}")
}

fn ordering(id: u64) -> String {
    format!("ordering/{id}")
}

fn deleting(id: u64) -> String {
    format!("deleting/{id}")
}
