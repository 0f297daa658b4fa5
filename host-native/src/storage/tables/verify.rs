//! Checks the log of a table against the store, both ways.

use std::collections::BTreeMap;
use std::sync::Arc;

use coldpress_core::table::{
    Add, NewFile, Table, TableColumns, TablePlace, history_begin, lsns_of,
};
use coldpress_core::{LsnRange, ObjectKey};
use futures_util::{StreamExt, stream};

use crate::error::{ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::list::found::StoredObject;
use crate::storage::tables::columns_of;
use crate::storage::tables::compact::rows_of;
use crate::time::system_time;

/// How many footers are read at a time.
const FOOTERS_AT_ONCE: usize = 8;

/// What [`ColdStorage::verify_table`] has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableVerified {
    /// The version that was checked.
    pub version: Option<u64>,
    /// How many files of ours the table has.
    pub files: u64,
    /// How many rows they have by the log.
    pub rows: u64,
    /// How many files of other engines it has. Only the log knows them, so they are not checked.
    pub foreign: u64,
    /// What is wrong.
    pub damage: Vec<TableDamage>,
    /// Data files that no commit has. They are no damage: a put may be about to commit them.
    pub uncommitted: Vec<ObjectKey>,
    /// How many objects of removed files lie there, until a vacuum.
    pub removed: u64,
}

/// Something about a table that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableDamage {
    /// The object that it is about.
    pub path: String,
    /// What is wrong, and what to do.
    pub why: String,
}

impl ColdStorage {
    /// Checks the log of a collection's table against the store: each file of the table is there,
    /// with the size, the rows, the LSNs and the columns that the log says; no LSN is in two files;
    /// and the entries of the log give the same table as its newest checkpoint.
    ///
    /// Reads the footer of each file, and not its rows: [`ColdStorage::verify`] does that.
    ///
    /// An error means that the table could not be checked: of kind `NotFound` if the collection has
    /// no log, `Corrupt` if the log itself is damaged.
    pub async fn verify_table(&self, tenant_id: u64, collection: &str) -> Result<TableVerified> {
        let place = self.table_place(tenant_id, collection)?;
        let (table, objects) = self.table_and_objects(&place).await?;
        let mut found = TableVerified { version: table.version(), ..TableVerified::default() };
        self.verify_history(&place, &table, &mut found).await?;
        let mut there: BTreeMap<String, StoredObject> = BTreeMap::new();
        for object in objects {
            there.insert(object.key.to_string(), object);
        }
        let columns = columns_of(&table)?;
        let mut ranges: Vec<(LsnRange, String)> = Vec::new();
        let check = |add: Add| self.verify_file(&place, &columns, &there, add);
        let adds: Vec<Add> = table.adds().cloned().collect();
        let mut checks = stream::iter(adds.iter().cloned().map(check)).buffered(FOOTERS_AT_ONCE);
        while let Some(damage) = checks.next().await {
            found.damage.extend(damage?);
        }
        drop(checks);
        for add in &adds {
            let Some(key) = place.key_of(&add.path) else {
                found.foreign += 1;
                continue;
            };
            found.files += 1;
            found.rows += rows_of(add.stats.as_deref()).unwrap_or(0);
            there.remove(key.as_str());
            if let Ok(lsns) = lsns_of(&place, add) {
                ranges.extend(lsns.into_iter().map(|range| (range, key.to_string())));
            }
        }
        found.damage.extend(overlaps(ranges));
        for (_, object) in there {
            let path = place.path_of(&object.key);
            match path.is_some_and(|path| table.removal(path).is_some()) {
                true => found.removed += 1,
                false => found.uncommitted.push(object.key),
            }
        }
        Ok(found)
    }

    /// Reads the log entry by entry, as far back as it goes, and compares.
    async fn verify_history(
        &self,
        place: &TablePlace,
        table: &Arc<Table>,
        found: &mut TableVerified,
    ) -> Result<()> {
        let log = self.listed_in(&place.log_folder()).await?;
        let Some(begin) = history_begin(&log) else { return Ok(()) };
        let Some(replayed) = self.tables().with_history(place, begin).await? else { return Ok(()) };
        let Some(fresh) = self.tables().fresh(place).await? else { return Ok(()) };
        let paths = |table: &Table| -> Vec<(String, u64)> {
            table.adds().map(|add| (add.path.clone(), add.bytes)).collect()
        };
        let is_same = |one: &Table, other: &Table| {
            one.version() != other.version() || paths(one) == paths(other)
        };
        if !is_same(&replayed, &fresh) || !is_same(table, &fresh) {
            let why = "its entries and its newest checkpoint say different files; delete the \
                checkpoints and _last_checkpoint if all entries from the first one on are there"
                .to_owned();
            found.damage.push(TableDamage { path: place.log_folder(), why });
        }
        Ok(())
    }

    /// What is wrong with one file of the table.
    async fn verify_file(
        &self,
        place: &TablePlace,
        columns: &TableColumns,
        there: &BTreeMap<String, StoredObject>,
        add: Add,
    ) -> Result<Option<TableDamage>> {
        let Some(key) = place.key_of(&add.path) else { return Ok(None) };
        let damage = |why: String| Ok(Some(TableDamage { path: key.to_string(), why }));
        let bytes = match there.get(key.as_str()) {
            Some(object) => object.bytes,
            // It may have been stored after the listing.
            None => match self.facts_of(&key).await {
                Ok((bytes, _)) => bytes,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return damage(
                        "the table has this file, and no object lies there; restore it from a \
                         backup, or remove it from the table with `coldpress rm`"
                            .to_owned(),
                    );
                }
                Err(error) => return Err(error),
            },
        };
        if bytes != add.bytes {
            return damage(format!(
                "the object has {bytes} bytes, and the log says {}; restore it from a backup",
                add.bytes
            ));
        }
        let object = StoredObject { key: key.clone(), bytes, modified: system_time(0) };
        match self.file_of(place, &object).await {
            Ok(file) => match difference(place, columns, &add, &file) {
                Some(why) => damage(why),
                None => Ok(None),
            },
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit) => {
                damage(error.message().to_owned())
            }
            Err(error) => Err(error),
        }
    }
}

/// What the log says otherwise than the file itself.
fn difference(
    place: &TablePlace,
    columns: &TableColumns,
    add: &Add,
    file: &NewFile,
) -> Option<String> {
    let rows = rows_of(add.stats.as_deref());
    if rows.is_some_and(|rows| rows != file.rows()) {
        let rows = rows.unwrap_or_default();
        return Some(format!("the file has {} rows, and the log says {rows}", file.rows()));
    }
    let ends = |lsns: &[LsnRange]| Some(((*lsns.first()?).min(), (*lsns.last()?).max()));
    match lsns_of(place, add) {
        Ok(lsns) if ends(&lsns) == ends(file.lsns()) => {}
        Ok(_) => return Some("the log says other LSNs than the file".to_owned()),
        Err(error) => return Some(error.to_string()),
    }
    match columns.with_file(file) {
        Ok(None) => None,
        Ok(Some(_)) => Some("the file has columns that the table does not have".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The LSNs that two files have.
fn overlaps(mut ranges: Vec<(LsnRange, String)>) -> Vec<TableDamage> {
    ranges.sort_by_key(|(range, _)| ((*range).min(), (*range).max()));
    let mut damage = Vec::new();
    let mut highest: Option<(LsnRange, String)> = None;
    for (range, path) in ranges {
        if let Some((before, other)) = &highest
            && (*before).max() >= range.min()
        {
            let why = format!(
                "this file and {other} both have LSNs of {range}, so their rows may be twice in the \
                 table; compare them, and remove one with `coldpress rm`"
            );
            damage.push(TableDamage { path: path.clone(), why });
        }
        if highest.as_ref().is_none_or(|(before, _)| (*before).max() < range.max()) {
            highest = Some((range, path));
        }
    }
    damage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lsns_of_two_files_are_found_behind_others() {
        let range = |min, max, path: &str| (LsnRange::new(min, max).unwrap(), path.to_owned());
        assert_eq!(overlaps(vec![range(10, 19, "b"), range(0, 9, "a")]), []);
        let found = overlaps(vec![range(0, 99, "a"), range(5, 6, "b"), range(99, 120, "c")]);
        let paths: Vec<&str> = found.iter().map(|damage| damage.path.as_str()).collect();
        assert_eq!(paths, ["b", "c"]);
        assert!(found[1].why.contains("this file and a"), "{}", found[1].why);
    }
}
