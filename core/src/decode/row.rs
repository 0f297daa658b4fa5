//! One row that was read from a file, and the choice of its fields.

use serde_json::Value;

use super::document::Item;
use crate::Result;

/// Which fields of the documents to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Projection {
    /// All of them.
    #[default]
    All,
    /// The fields with these names. `_id` is the field of the document, if it has one. The id of a
    /// row is always read.
    Columns(Vec<String>),
}

impl Projection {
    pub(super) fn takes(&self, name: &str) -> bool {
        match self {
            Projection::All => true,
            Projection::Columns(names) => names.iter().any(|taken| taken == name),
        }
    }
}

/// One row of a file.
#[derive(Debug, Clone)]
pub struct StoredRow {
    pub(super) id: String,
    pub(super) document: Item,
}

impl StoredRow {
    /// The row's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Appends the document as compact JSON, with every number exactly as it was.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        self.document.write_json(out);
    }

    /// Appends the same text. Gives the row's id.
    pub(crate) fn append_json(self, out: &mut String) -> String {
        self.document.write(out);
        self.id
    }

    /// The document. An error of kind `Limit` if it has a number that a `Value` would round, or if
    /// it nests deeper than 1,000 levels. [`StoredRow::write_json`] can give such a document.
    pub fn to_value(&self) -> Result<Value> {
        self.document.to_value().map_err(|error| error.with_id(&self.id))
    }
}
