//! The Parquet schema of our checkpoints, and the levels of one leaf of it.

use std::sync::Arc;

use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use crate::columns::{Blobs, Values};
use crate::resolve::Leaf;
use crate::{Error, Result};

/// Everything is nullable but the keys of maps, as in the checkpoints of Spark. Delta protocol,
/// "Checkpoint Schema".
pub(super) const SCHEMA: &str = "
    message checkpoint {
        optional group protocol {
            optional int32 minReaderVersion;
            optional int32 minWriterVersion;
            optional group readerFeatures (LIST) {
                repeated group list { optional binary element (STRING); }
            }
            optional group writerFeatures (LIST) {
                repeated group list { optional binary element (STRING); }
            }
        }
        optional group metaData {
            optional binary id (STRING);
            optional binary name (STRING);
            optional binary description (STRING);
            optional group format {
                optional binary provider (STRING);
                optional group options (MAP) {
                    repeated group key_value {
                        required binary key (STRING);
                        optional binary value (STRING);
                    }
                }
            }
            optional binary schemaString (STRING);
            optional group partitionColumns (LIST) {
                repeated group list { optional binary element (STRING); }
            }
            optional group configuration (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    optional binary value (STRING);
                }
            }
            optional int64 createdTime;
        }
        optional group txn {
            optional binary appId (STRING);
            optional int64 version;
            optional int64 lastUpdated;
        }
        optional group add {
            optional binary path (STRING);
            optional group partitionValues (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    optional binary value (STRING);
                }
            }
            optional int64 size;
            optional int64 modificationTime;
            optional boolean dataChange;
            optional binary stats (STRING);
            optional group tags (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    optional binary value (STRING);
                }
            }
        }
        optional group remove {
            optional binary path (STRING);
            optional int64 deletionTimestamp;
            optional boolean dataChange;
            optional boolean extendedFileMetadata;
            optional group partitionValues (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    optional binary value (STRING);
                }
            }
            optional int64 size;
            optional group tags (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    optional binary value (STRING);
                }
            }
        }
    }";

/// The schema of our checkpoints.
pub(super) fn schema() -> Result<TypePtr> {
    let schema = parse_message_type(SCHEMA).map(Arc::new);
    schema.map_err(|error| {
        Error::misuse(format!(
            "the schema of checkpoints is wrong; please report this bug: {error}"
        ))
    })
}

/// A leaf of some rows that grows row by row. Rows that nobody mentions have no action here.
pub(super) struct Growing {
    /// The definition level of a value, and of an entry of a list or map, if it is in one.
    value: i16,
    entry: Option<i16>,
    rows: usize,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
    values: Values,
}

impl Growing {
    /// A column of texts within so many groups, each of which may be absent.
    pub(super) fn texts(groups: i16) -> Self {
        Self::new(groups + 1, None, Values::Bytes(Blobs::default()))
    }

    pub(super) fn int32(groups: i16) -> Self {
        Self::new(groups + 1, None, Values::Int32(Vec::new()))
    }

    pub(super) fn int64(groups: i16) -> Self {
        Self::new(groups + 1, None, Values::Int64(Vec::new()))
    }

    pub(super) fn booleans(groups: i16) -> Self {
        Self::new(groups + 1, None, Values::Boolean(Vec::new()))
    }

    /// The keys of a map within so many groups.
    pub(super) fn keys(groups: i16) -> Self {
        Self::new(groups + 2, Some(groups + 2), Values::Bytes(Blobs::default()))
    }

    /// The values of a map, or the elements of a list, within so many groups.
    pub(super) fn nullable_entries(groups: i16) -> Self {
        Self::new(groups + 3, Some(groups + 2), Values::Bytes(Blobs::default()))
    }

    fn new(value: i16, entry: Option<i16>, values: Values) -> Self {
        let (definitions, repetitions) = (Vec::new(), Vec::new());
        Growing { value, entry, rows: 0, definitions, repetitions, values }
    }

    /// The text of this row, which has the action.
    pub(super) fn text(&mut self, row: usize, text: Option<&str>) {
        self.one(row, text.is_some());
        self.push_text(text);
    }

    /// The number of this row, which has the action, in a column of int64.
    pub(super) fn number(&mut self, row: usize, number: Option<i64>) {
        self.one(row, number.is_some());
        if let (Values::Int64(values), Some(number)) = (&mut self.values, number) {
            values.push(number);
        }
    }

    /// The number of this row, which has the action, in a column of int32.
    pub(super) fn int32_of(&mut self, row: usize, number: i32) {
        self.one(row, true);
        if let Values::Int32(values) = &mut self.values {
            values.push(number);
        }
    }

    /// The boolean of this row, which has the action.
    pub(super) fn boolean(&mut self, row: usize, value: Option<bool>) {
        self.one(row, value.is_some());
        if let (Values::Boolean(values), Some(value)) = (&mut self.values, value) {
            values.push(value);
        }
    }

    /// The entries of this row, which has the action; `None` for no list or map at all.
    pub(super) fn entries<'t>(
        &mut self,
        row: usize,
        entries: Option<impl Iterator<Item = Option<&'t str>>>,
    ) {
        self.reach(row);
        let entry = self.entry.unwrap_or(self.value);
        let Some(entries) = entries else { return self.level(entry - 2, 0) };
        let mut repetition = 0;
        for text in entries {
            self.level(if text.is_some() { self.value } else { entry }, repetition);
            self.push_text(text);
            repetition = 1;
        }
        if repetition == 0 {
            self.level(entry - 1, 0);
        }
    }

    /// The leaf of so many rows.
    pub(super) fn end(mut self, rows: usize) -> Leaf {
        self.reach(rows);
        Leaf {
            // Only the ids of a file of rows are told by their path.
            path: Vec::new(),
            definitions: self.definitions.into(),
            definition_max: self.value,
            repetitions: Arc::new(self.repetitions.into()),
            values: self.values,
        }
    }

    fn one(&mut self, row: usize, has_value: bool) {
        self.reach(row);
        self.level(if has_value { self.value } else { self.value - 1 }, 0);
    }

    /// Goes to this row: those before it, as far as nobody mentioned them, are null.
    fn reach(&mut self, row: usize) {
        while self.rows < row {
            self.level(0, 0);
        }
    }

    fn level(&mut self, definition: i16, repetition: i16) {
        self.definitions.push(definition);
        if self.entry.is_some() {
            self.repetitions.push(repetition);
        }
        self.rows += usize::from(repetition == 0);
    }

    fn push_text(&mut self, text: Option<&str>) {
        if let (Values::Bytes(values), Some(text)) = (&mut self.values, text) {
            values.push(text.as_bytes());
        }
    }
}
