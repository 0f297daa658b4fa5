//! The Parquet field ids that a schema states.

use std::collections::BTreeMap;

use super::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN, Schema};
use crate::{Error, Result};

/// Checks that ids are at least 1, and that no two are the same.
pub(super) fn check(schema: &Schema) -> Result<()> {
    let mut seen = Seen::default();
    seen.note(schema.own_ids.id, ID_COLUMN)?;
    seen.note(schema.own_ids.rescued, RESCUED_COLUMN)?;
    seen.fields(&schema.columns)
}

/// Who has which id.
#[derive(Default)]
struct Seen<'s>(BTreeMap<i32, &'s str>);

impl<'s> Seen<'s> {
    fn note(&mut self, field_id: Option<i32>, name: &'s str) -> Result<()> {
        let Some(field_id) = field_id else { return Ok(()) };
        if field_id < 1 {
            return Err(Error::settings(format!(
                "column {name:?} of the schema has the field id {field_id}; ids begin at 1"
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
