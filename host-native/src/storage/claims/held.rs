//! What holds the LSNs of a collection: its files, and with a log also what lies there besides.

use std::sync::Arc;

use coldpress_core::table::{Table, lsns_of};
use coldpress_core::{HeldFile, ObjectKey};

use crate::error::{Error, Result};
use crate::storage::list::found::StoredObject;
use crate::threads::blocking;

/// What holds LSNs, and the objects again.
///
/// A file of a table holds exactly its LSNs. An object that is not in the table holds those of its
/// key for as long as it lies there: no put can have its key. And no append takes the LSNs of a
/// file that the table has removed.
pub(super) async fn held_files(
    table: Option<Arc<Table>>,
    objects: Vec<StoredObject>,
) -> Result<(Vec<HeldFile>, Vec<StoredObject>)> {
    let Some(table) = table else {
        let held = objects.iter().map(|object| HeldFile::of_key(object.key.clone())).collect();
        return Ok((held, objects));
    };
    blocking(move || {
        let mut held = of_table(&table)?;
        held.extend(
            objects
                .iter()
                .filter(|object| is_beside(&table, &object.key))
                .map(|object| HeldFile::of_key(object.key.clone())),
        );
        Ok((held, objects))
    })
    .await
}

/// The files of a table, and those that it has removed.
fn of_table(table: &Table) -> Result<Vec<HeldFile>> {
    let place = table.place();
    let mut held = Vec::new();
    for add in table.adds() {
        let Some(key) = place.key_of(&add.path) else { continue };
        let lsns = lsns_of(place, add).map_err(|e| Error::from(e).at(place.log_folder()))?;
        held.push(HeldFile { key, lsns, is_removed: false });
    }
    let removed = table.tombstones().filter_map(|remove| place.key_of(&remove.path));
    held.extend(removed.map(|key| HeldFile { is_removed: true, ..HeldFile::of_key(key) }));
    Ok(held)
}

/// Whether this object is a file as it was put, and not in the table. The LSNs of a rewritten file
/// are those of the files that it replaces, or is about to replace.
fn is_beside(table: &Table, key: &ObjectKey) -> bool {
    let is_live = table.place().path_of(key).is_some_and(|path| table.add(path).is_some());
    !is_live && key.generation() == Some(0)
}
