//! Reads of single keys: the statements, and what is pending laid over what they find.

use rusqlite::{Connection, OptionalExtension};

use super::log::Log;
use super::reader::Reader;
use crate::store::Watermark;

/// The value of a key.
pub fn get(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT value FROM entries WHERE bucket = ?1 AND key = ?2")?
        .query_row([bucket, key], |row| row.get(0))
        .optional()
}

/// Whether a key has a value.
pub fn exists(connection: &Connection, bucket: &str, key: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM entries WHERE bucket = ?1 AND key = ?2")?.exists([bucket, key])
}

/// None if the value has more than `most` bytes. It is then not read: the length
/// is in the row, the bytes of a large value are in pages of their own.
pub fn get_within(
    connection: &Connection,
    bucket: &str,
    key: &str,
    most: usize,
) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let value = connection
        .prepare_cached("SELECT iif(length(value) <= ?3, value, NULL) FROM entries WHERE bucket = ?1 AND key = ?2")?
        .query_row((bucket, key, most), |row| row.get::<_, Option<Vec<u8>>>(0))
        .optional()?;
    Ok(match value {
        None => Some(None),
        Some(value) => value.map(Some),
    })
}

/// The value of each key; none if keys and values have more than `most` bytes.
pub fn get_many(
    reader: &mut Reader,
    log: &Log,
    bucket: &str,
    keys: &[String],
    most: usize,
    seen: &Watermark,
) -> rusqlite::Result<Option<Vec<Option<Vec<u8>>>>> {
    let (snapshot, pending) = reader.snapshot(log, |place| log.get_many(place, bucket, keys, seen))?;
    let mut pending = pending.into_iter().flatten();
    let (mut values, mut room) = (Vec::with_capacity(keys.len()), most);
    for key in keys {
        let value = match pending.next().flatten() {
            Some(value) => value.map(Vec::from),
            None => {
                let Some(value) = get_within(snapshot, bucket, key, room)? else { return Ok(None) };
                value
            }
        };
        let bytes = value.as_ref().map_or(0, |value| key.len() + value.len());
        let Some(left) = room.checked_sub(bytes) else { return Ok(None) };
        room = left;
        values.push(value);
    }
    Ok(Some(values))
}

/// Whether keys and values have `most` bytes at most.
pub fn fits(keys: &[String], values: &[Option<Vec<u8>>], most: usize) -> bool {
    let bytes = |(key, value): (&String, &Option<Vec<u8>>)| value.as_ref().map_or(0, |value| key.len() + value.len());
    keys.iter().zip(values).map(bytes).sum::<usize>() <= most
}
