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
    /// Rows whose id an earlier row of the file has. An [`Encoder`](crate::Encoder) counts exactly.
    /// A stream counts each row group exactly, and compares the row groups by 64 bits of each id. It
    /// keeps these bits only of row groups whose ids do not climb, and of 16,777,216 ids at most; so
    /// it may count too few, unless [`Settings::unique_ids`](crate::Settings::unique_ids) is on.
    pub duplicate_ids: u64,
    /// Keys that stood twice in one JSON object; the last value was kept, as JSON parsers do.
    pub duplicate_keys: u64,
    /// The columns, with those that had only nulls.
    pub schema: Schema,
}

impl Summary {
    /// Of one file of these columns.
    pub(super) fn of(columns: Columns, duplicate_ids: u64) -> Self {
        Summary {
            rows: columns.rows as u64,
            columns: columns_in_file(&columns.schema, columns.own_id, columns.has_rescued),
            rescued: columns.rescued.into_list(),
            duplicate_ids,
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
