//! The actions of log entries, as values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One action of a log entry or of a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub enum LogAction {
    /// Which versions and features a reader and a writer must know.
    Protocol(Protocol),
    /// The table itself: its columns and properties.
    Metadata(Box<Metadata>),
    /// A file that the table has from this version on.
    Add(Box<Add>),
    /// A file that the table has no longer.
    Remove(Box<Remove>),
    /// How far an application has come.
    Transaction(Transaction),
    /// Who committed, and what.
    CommitInfo(CommitInfo),
    /// An action that changes nothing for us, such as `domainMetadata` or `cdc`; its name.
    Other(String),
}

/// Which versions and features a reader and a writer must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// The reader version.
    pub reader_version: u32,
    /// The writer version.
    pub writer_version: u32,
    /// The features of reader version 3.
    pub reader_features: Vec<String>,
    /// The features of writer version 7.
    pub writer_features: Vec<String>,
}

/// The table itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The id of the table, a UUID.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The form of its files: `parquet`.
    pub format_provider: String,
    /// The columns, as the JSON text of a Delta struct.
    pub schema_string: String,
    /// The columns that partition it; we have none.
    pub partition_columns: Vec<String>,
    /// Properties.
    pub configuration: BTreeMap<String, String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<i64>,
}

/// A file that the table has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Add {
    /// Where it lies: relative to the collection's folder, percent-decoded.
    pub path: String,
    /// The values of the partition columns.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub modified_ms: i64,
    /// Whether it brings or takes away rows; a compaction does not.
    pub data_change: bool,
    /// Its statistics, as JSON text.
    pub stats: Option<String>,
    /// Facts of the writer's own.
    pub tags: BTreeMap<String, String>,
    /// Which of its rows are deleted; another writer's, because we write none.
    pub deletion_vector: Option<DeletionVector>,
}

/// A file that the table has no longer: a tombstone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remove {
    /// Where it lies, as in [`Add::path`].
    pub path: String,
    /// When it was removed, in milliseconds since 1970.
    pub deleted_ms: Option<i64>,
    /// Whether rows went with it.
    pub data_change: bool,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Facts of the writer's own.
    pub tags: BTreeMap<String, String>,
    /// Which of its rows were deleted before.
    pub deletion_vector: Option<DeletionVector>,
}

/// Which rows of a file are deleted. Two files of one path with different vectors are two files for
/// the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionVector {
    /// `storageType`, `pathOrInlineDv` and `offset`, which together name it.
    pub unique_id: String,
}

/// How far an application has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The application.
    pub app_id: String,
    /// Its number for what it did last.
    pub version: i64,
    /// When, in milliseconds since 1970.
    pub updated_ms: Option<i64>,
}

/// Who committed, and what: any JSON object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitInfo(pub Map<String, Value>);

impl CommitInfo {
    /// When it was committed by the writer's clock, in milliseconds since 1970.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.0.get("timestamp").and_then(Value::as_i64)
    }

    /// What kind of commit it is, such as `WRITE`.
    pub fn operation(&self) -> Option<&str> {
        self.0.get("operation").and_then(Value::as_str)
    }

    /// The mark by which a writer of ours knows its own entry again.
    pub fn own_id(&self) -> Option<&str> {
        self.0.get(CommitInfo::OWN_ID).and_then(Value::as_str)
    }

    /// The field of [`CommitInfo::own_id`].
    pub const OWN_ID: &str = "coldpressCommit";
}
