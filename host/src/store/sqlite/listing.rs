//! Pages of keys: those of the database, less what is pending to be deleted, and then
//! those that are pending to be set.

use std::collections::HashMap;

use rusqlite::Connection;

use super::batch::Pending;
use super::log::Log;
use super::read::exists;
use super::reader::Reader;
use super::schema;
use crate::store::{KEYS_PER_PAGE, KeyPage, Watermark};

/// The page after `cursor`, and what it depends on. It is of one moment, and the next page of
/// another, so that no listing holds up the end of the WAL.
pub fn page(
    reader: &mut Reader,
    log: &Log,
    bucket: &str,
    cursor: Option<u64>,
) -> rusqlite::Result<(KeyPage, Watermark)> {
    // No id is above `i64::MAX`, so a cursor that is (a component may make one
    // up) has nothing after it.
    let after = i64::try_from(cursor.unwrap_or(0)).unwrap_or(i64::MAX);
    let seen = Watermark::default();
    let (snapshot, pending) = reader.snapshot(log, |place| log.keys(place, bucket, &seen))?;
    let pending: HashMap<String, Pending> = pending.into_iter().flatten().collect();
    let mut found = stored(snapshot, bucket, after, &pending)?;
    let full = found.len() > KEYS_PER_PAGE;
    for (key, change) in pending {
        let Pending::Set { id, anew, .. } = change else { continue };
        // A key that the database does not have yet comes after all that it has.
        let listed = anew || (!full && !exists(snapshot, bucket, &key)?);
        if listed && i64::try_from(id).is_ok_and(|id| id > after) {
            found.push((id, key));
        }
    }
    found.sort_unstable();
    found.truncate(KEYS_PER_PAGE + 1);
    Ok((KeyPage::new(found), seen))
}

/// What the database has after `after` and will keep in its place: a page, and one
/// more if there is.
fn stored(
    snapshot: &Connection,
    bucket: &str,
    after: i64,
    pending: &HashMap<String, Pending>,
) -> rusqlite::Result<Vec<(u64, String)>> {
    let stays = |key: &String| !matches!(pending.get(key), Some(Pending::Deleted | Pending::Set { anew: true, .. }));
    let most = (KEYS_PER_PAGE + 1 + pending.len()) as i64;
    let mut list = snapshot.prepare_cached(schema::LIST_KEYS)?;
    let rows = list.query_map((bucket, after, most), |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)))?;
    let stays = rows.filter(|row| row.as_ref().map_or(true, |(_, key)| stays(key)));
    stays.take(KEYS_PER_PAGE + 1).collect()
}
