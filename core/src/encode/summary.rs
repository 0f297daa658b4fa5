//! What became of the rows of a file.

use bytes::Bytes;

use crate::format::metadata::OwnId;
use crate::resolve::Columns;
use crate::{Error, ErrorKind, ObjectKey, Rescued, Schema};

/// A finished file, not yet stored.
#[derive(Debug, Clone)]
pub struct EncodedFile {
    /// Where it belongs.
    pub key: ObjectKey,
    /// The whole file.
    pub bytes: Bytes,
    /// What it holds.
    pub summary: Summary,
}

/// What became of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Rows in the file.
    pub rows: u64,
    /// Columns at the top of the file, `_id` and `_rescued_data` among them.
    pub columns: usize,
    /// Values in `_rescued_data` by path, sorted.
    pub rescued: Vec<Rescued>,
    /// Keys that stood twice in one JSON object; the last value was kept, as JSON parsers do.
    pub duplicate_keys: u64,
    /// The columns, with those that had only nulls.
    pub schema: Schema,
}

impl Summary {
    /// Of one file of these columns.
    pub(super) fn of(columns: Columns) -> Self {
        Summary {
            rows: columns.rows as u64,
            columns: columns_in_file(&columns.schema, columns.own_id, columns.has_rescued),
            rescued: columns.rescued.into_list(),
            duplicate_keys: columns.duplicate_keys,
            schema: columns.schema,
        }
    }
}

/// How many columns the top of a file of this schema has, `_id` and `_rescued_data` among them.
pub(super) fn columns_in_file(schema: &Schema, own_id: OwnId, has_rescued: bool) -> usize {
    use crate::ColumnType::Null;
    let stored = schema.columns().iter().filter(|column| column.column_type != Null).count();
    usize::from(!own_id.is_named()) + stored + usize::from(has_rescued)
}

/// The error that a file without rows is.
pub(super) fn no_rows() -> Error {
    Error::new(ErrorKind::Row, "the file has no rows, but needs at least one")
}
