//! The Parquet field ids that a schema states.

use std::collections::BTreeMap;

use super::column::{Column, ColumnType, ID_COLUMN, OwnFieldIds, RESCUED_COLUMN};
use crate::{Error, Result};

/// Checks that all ids are at least 1, and that no two columns have the same.
pub(super) fn check(columns: &[Column], own_ids: OwnFieldIds) -> Result<()> {
    let mut seen = Seen::default();
    seen.note(own_ids.id, ID_COLUMN)?;
    seen.note(own_ids.rescued, RESCUED_COLUMN)?;
    seen.fields(columns)
}

/// The name of the column that has each id.
#[derive(Default)]
struct Seen<'s>(BTreeMap<i32, &'s str>);

impl<'s> Seen<'s> {
    fn note(&mut self, field_id: Option<i32>, name: &'s str) -> Result<()> {
        let Some(field_id) = field_id else { return Ok(()) };
        if field_id < 1 {
            return Err(Error::settings(format!(
                "column {name:?} of the schema has the field id {field_id}; it must be at least 1"
            )));
        }
        match self.0.insert(field_id, name) {
            None => Ok(()),
            Some(other) => Err(Error::settings(format!(
                "columns {other:?} and {name:?} of the schema have the same field id, {field_id}; \
                 give each an id of its own"
            ))),
        }
    }

    fn fields(&mut self, fields: &'s [Column]) -> Result<()> {
        for field in fields {
            self.note(field.field_id, &field.name)?;
            self.below(&field.column_type, &field.name)?;
        }
        Ok(())
    }

    fn below(&mut self, column_type: &'s ColumnType, name: &'s str) -> Result<()> {
        match column_type {
            ColumnType::Struct(fields) => self.fields(fields),
            ColumnType::List(element) => {
                self.note(element.field_id, name)?;
                self.below(&element.column_type, name)
            }
            _ => Ok(()),
        }
    }
}
