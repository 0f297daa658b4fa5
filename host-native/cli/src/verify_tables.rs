//! What the logs of tables say otherwise than the store: for `coldpress verify`.

use std::collections::BTreeSet;
use std::io;
use std::io::Write;

use coldpress::{ErrorKind, StoredObject, TableDamage};
use coldpress_core::KeyTarget;
use serde_json::json;

use super::failure::{Failure, one_line};
use super::store::{Store, failed};

/// The tables among the checked files.
#[derive(Debug, Default)]
pub struct Tables {
    collections: BTreeSet<(u64, String)>,
    pub damage: Vec<TableDamage>,
    /// Logs that cannot be read, and why.
    pub unreadable: Vec<String>,
}

impl Tables {
    /// Checks the log of each collection of these files that has one.
    pub fn check(store: &Store, objects: &[StoredObject]) -> Result<Self, Failure> {
        let mut tables = Tables::default();
        let all: BTreeSet<(u64, &str)> = objects.iter().filter_map(collection_of).collect();
        for (tenant, collection) in all {
            let verifying = store.storage().verify_table(tenant, collection);
            match store.run(verifying)? {
                Ok(found) => tables.damage.extend(found.damage),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) if error.kind() == ErrorKind::Corrupt => {
                    tables.unreadable.push(error.to_string());
                }
                Err(error) => return Err(failed(&error)),
            }
            tables.collections.insert((tenant, collection.to_owned()));
        }
        Ok(tables)
    }

    /// Whether a file belongs to a table: its log says which LSNs it has.
    pub fn has(&self, object: &StoredObject) -> bool {
        collection_of(object).is_some_and(|(tenant, collection)| {
            self.collections.contains(&(tenant, collection.to_owned()))
        })
    }

    /// How many faults were found.
    pub fn faults(&self) -> usize {
        self.damage.len() + self.unreadable.len()
    }

    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for damage in &self.damage {
            let line = format!("{}: {}", damage.path, damage.why);
            writeln!(out, "{}", one_line(&line))?;
        }
        self.unreadable.iter().try_for_each(|why| writeln!(out, "{}", one_line(why)))
    }

    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        for damage in &self.damage {
            let line = json!({ "path": damage.path, "state": "table", "error": damage.why });
            writeln!(out, "{line}")?;
        }
        for why in &self.unreadable {
            writeln!(out, "{}", json!({ "state": "table", "error": why }))?;
        }
        Ok(())
    }
}

fn collection_of(object: &StoredObject) -> Option<(u64, &str)> {
    match object.key.target() {
        KeyTarget::Data { tenant_id, collection, .. } => Some((*tenant_id, collection)),
        KeyTarget::Wal { .. } => None,
    }
}
