//! The Parquet field ids that a schema states.

use super::column::{Column, ColumnType, ID_COLUMN, OwnFieldIds, RESCUED_COLUMN};
use crate::sort::sort_by;
use crate::{Error, Result};

/// Checks that all ids are at least 1, and that no two columns have the same.
pub(super) fn check(columns: &[Column], own_ids: OwnFieldIds) -> Result<()> {
    let mut stated = Stated::default();
    stated.note(own_ids.id, ID_COLUMN);
    stated.note(own_ids.rescued, RESCUED_COLUMN);
    stated.fields(columns);
    let mut ids = stated.0;
    sort_by(&mut ids, |(one, _), (other, _)| one.cmp(other));
    if let Some((field_id, name)) = ids.first().filter(|(field_id, _)| *field_id < 1) {
        return Err(Error::settings(format!(
            "column {name:?} of the schema has the field id {field_id}; it must be at least 1"
        )));
    }
    match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(Error::settings(format!(
            "columns {:?} and {:?} of the schema have the same field id, {}; give each an id of \
             its own",
            pair[0].1, pair[1].1, pair[0].0
        ))),
    }
}

/// Every id that is stated, and the name of its column, in the order of the schema.
#[derive(Default)]
struct Stated<'s>(Vec<(i32, &'s str)>);

impl<'s> Stated<'s> {
    fn note(&mut self, field_id: Option<i32>, name: &'s str) {
        self.0.extend(field_id.map(|field_id| (field_id, name)));
    }

    fn fields(&mut self, fields: &'s [Column]) {
        for field in fields {
            self.note(field.field_id, &field.name);
            self.below(&field.column_type, &field.name);
        }
    }

    fn below(&mut self, column_type: &'s ColumnType, name: &'s str) {
        match column_type {
            ColumnType::Struct(fields) => self.fields(fields),
            ColumnType::List(element) => {
                self.note(element.field_id, name);
                self.below(&element.column_type, name);
            }
            _ => {}
        }
    }
}
