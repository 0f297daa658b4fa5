//! The columns that a put of given LSNs takes from the files of its collection.

use coldpress::StoredObject;
use coldpress_core::{Encoder, LsnRange, NewFields, ObjectKey, Schema, Settings};

use super::failure::Failure;
use super::option_names::in_our_words;
use super::put_args::PutArgs;
use super::store::Store;

/// A file whose columns the rows must not contradict.
pub struct Neighbour {
    pub key: ObjectKey,
    pub schema: Schema,
}

impl PutArgs {
    /// Gives the rows the columns of the file before them, of these files of the collection. If
    /// there is none, returns the last of the files behind them: those rows were put without
    /// knowing these.
    pub(super) fn take_columns(
        &self,
        store: &Store,
        files: &[StoredObject],
        settings: &mut Settings,
    ) -> Result<Option<Neighbour>, Failure> {
        if settings.schema.is_some() || self.new_schema {
            return Ok(None);
        }
        let first = self.lsn.map_or(0, LsnRange::min);
        let (mut before, mut behind): (Option<&StoredObject>, Option<&StoredObject>) = (None, None);
        // Listed in the order of their LSNs.
        for file in files {
            match file.key.lsns() {
                Some(held) if held.max() < first => before = Some(file),
                // Stored already, so the rows agreed with those behind; or there is no place left.
                Some(held) if held.min() <= first => return keep(store, before, settings),
                _ => behind = Some(file),
            }
        }
        match (before, behind) {
            (None, Some(behind)) => {
                let schema = columns_of(store, behind)?;
                Ok(Some(Neighbour { key: behind.key.clone(), schema }))
            }
            _ => keep(store, before, settings),
        }
    }
}

fn keep(
    store: &Store,
    before: Option<&StoredObject>,
    settings: &mut Settings,
) -> Result<Option<Neighbour>, Failure> {
    if let Some(before) = before {
        settings.schema = Some(columns_of(store, before)?);
        settings.new_fields = NewFields::Column;
        Encoder::new(settings.clone()).map_err(|error| {
            Failure::run(format_args!(
                "{}: {}; these columns are kept from this object; give the same --id as for it, or \
                 --schema, or have the columns inferred anew (--new-schema)",
                before.key,
                in_our_words(&error)
            ))
        })?;
    }
    Ok(None)
}

fn columns_of(store: &Store, file: &StoredObject) -> Result<Schema, Failure> {
    store.run(store.storage().schema_of(file))?.map_err(|error| Failure::run(in_our_words(&error)))
}
