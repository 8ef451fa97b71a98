//! A table and the sealed log behind it become the next table.
//!
//! Neither ever changes, so whoever merges them writes the same bytes, and two
//! who do so at once are in nobody's way. Whoever is ended in the middle leaves a
//! draft, which the next merge removes.

use std::collections::BTreeMap;

use crate::Error;
use crate::changes::{Changes, Numbered};
use crate::disk::{File, Folder};
use crate::log::Log;
use crate::names;
use crate::table::{Draft, Entry, Table};

/// Make the table of this number of the one before and the log of this number,
/// and remove what it replaces.
pub fn merge<D: Folder>(
    folder: &D,
    number: u64,
    table: Option<&mut Table<D::File>>,
    mut log: Log<D::File>,
) -> Result<(), Error> {
    let mut changes = Changes::after(table.as_ref().map_or(0, |table| table.last()));
    log.read_on(|record| changes.apply(record.bytes))?;
    let draft = names::draft(number, folder.nonce());
    write(Draft::new(folder.create(&draft)?), table, &changes)?;
    folder.rename(&draft, &names::table(number))?;
    folder.sync()?;
    tidy(folder, number)
}

fn write<F: File>(mut draft: Draft<F>, table: Option<&mut Table<F>>, changes: &Changes) -> Result<(), Error> {
    // What the table has of the keys that were changed since.
    let mut kept = BTreeMap::new();
    let before = table.as_ref().map_or(0, |table| table.last());
    if let Some(table) = table {
        let mut offset = 0;
        while let Some((mut entry, next)) = table.entry(offset)? {
            offset = next;
            if changes.has(&entry.key) {
                let base = Numbered { number: entry.number, value: std::mem::take(&mut entry.value) };
                kept.insert(entry.key.clone(), base.clone());
                match changes.resolve(&entry.key, Some(base)) {
                    Some(now) if now.number == entry.number => entry.value = now.value,
                    // It is gone, or came again later.
                    _ => continue,
                }
            }
            draft.push(&entry)?;
        }
    }
    let new = changes.keys().filter_map(|key| {
        let now = changes.resolve(key, kept.remove(key))?;
        (now.number > before).then(|| Entry { number: now.number, key: key.to_owned(), value: now.value })
    });
    let mut new: Vec<Entry> = new.collect();
    new.sort_unstable_by_key(|entry| entry.number);
    new.iter().try_for_each(|entry| draft.push(entry))?;
    draft.finish(changes.last())
}

/// Remove what the table of this number holds.
fn tidy<D: Folder>(folder: &D, number: u64) -> Result<(), Error> {
    for name in folder.names()? {
        if names::parse(&name).is_some_and(|(of, kind)| of < number || (of == number && kind != names::Kind::Table)) {
            folder.remove(&name)?;
        }
    }
    Ok(())
}
