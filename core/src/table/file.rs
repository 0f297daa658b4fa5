//! What the footer of a file says for the log of its table.

use std::collections::BTreeMap;

use super::lsns;
use super::place::TablePlace;
use super::stats::{LeafStats, of_leaf};
use crate::decode::Layout;
use crate::format::metadata::OwnId;
use crate::schema::{ID_COLUMN, RESCUED_COLUMN};
use crate::{Column, ColumnType, Error, LsnRange, ObjectKey, ReadLimits, Result, Schema};

/// A file of ours that a commit adds to its table: what its footer says for the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFile {
    path: String,
    bytes: u64,
    modified_ms: i64,
    rows: u64,
    lsns: Vec<LsnRange>,
    schema: Schema,
    id_field: Option<Vec<String>>,
    /// Whether a document's own `_id` is a text, wherever `_id` is no rescued value.
    ids_are_texts: bool,
    /// The leaves that are in no list, and what the file says of each; `None` if not all of it.
    leaves: BTreeMap<Vec<String>, Option<LeafStats>>,
}

impl NewFile {
    /// Reads the footer of a file of `bytes` bytes that lies at this key; `tail` is the end of that
    /// file ([`Footer::bytes_needed`](crate::Footer::bytes_needed) says how much of it).
    /// `modified_ms`: when the object was made, in milliseconds since 1970.
    ///
    /// An error of kind `Misuse` if the key is not one of the table, of kind `Corrupt` if the file
    /// is damaged, not ours, or made for another key, and of kind `Limit` if the footer is larger
    /// than the default of [`ReadLimits`].
    pub fn read(
        place: &TablePlace,
        key: &ObjectKey,
        tail: &[u8],
        bytes: u64,
        modified_ms: i64,
    ) -> Result<Self> {
        let Some(path) = place.path_of(key) else {
            return Err(Error::misuse(format!(
                "{key} cannot be in the table at {}; only data files of that folder can",
                place.folder()
            )));
        };
        let layout = Layout::read(tail, bytes, &ReadLimits::default())?;
        let footer = layout.footer();
        footer.check_key(key)?;
        let mut file = NewFile {
            path: path.to_owned(),
            bytes,
            modified_ms,
            rows: footer.rows_count(),
            lsns: vec![footer.lsns()],
            schema: footer.schema().clone(),
            id_field: footer.id_field().map(<[String]>::to_vec),
            ids_are_texts: layout.own_id() != Some(OwnId::Number),
            leaves: BTreeMap::new(),
        };
        let mut walk = Walk { layout: &layout, leaf: 0, path: Vec::new(), found: BTreeMap::new() };
        walk.columns(&file.columns(layout.rescued_leaf().is_some()));
        file.leaves = walk.found;
        Ok(file)
    }

    /// The same file with these LSNs, where not every LSN of its range is one of its rows: a
    /// compaction puts several files into one.
    ///
    /// An error of kind `Misuse` unless they are sorted and apart, and the first and the last one
    /// are those of the key.
    pub fn with_lsns(self, lsns: Vec<LsnRange>) -> Result<Self> {
        lsns::check(&lsns)?;
        let span = |ranges: &[LsnRange]| Some(((*ranges.first()?).min(), (*ranges.last()?).max()));
        if span(&lsns) != span(&self.lsns) {
            return Err(Error::misuse(format!(
                "the LSNs {} are not those of {}; give the LSNs of the files that it replaces",
                lsns::write(&lsns),
                self.path
            )));
        }
        Ok(NewFile { lsns, ..self })
    }

    /// Where it lies, relative to the folder of the table.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When it was made, in milliseconds since 1970.
    pub fn modified_ms(&self) -> i64 {
        self.modified_ms
    }

    /// How many rows it holds.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The LSNs of its rows: sorted, and no LSN is in two ranges.
    pub fn lsns(&self) -> &[LsnRange] {
        &self.lsns
    }

    /// The columns of its documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The names down to the field that holds the ids; `None` if the column `_id` holds them.
    pub fn id_field(&self) -> Option<&[String]> {
        self.id_field.as_deref()
    }

    /// Whether a document's own `_id` is a text, wherever `_id` is no rescued value.
    pub(super) fn ids_are_texts(&self) -> bool {
        self.ids_are_texts
    }

    /// Its columns with our own two, as a table has them.
    pub(super) fn table_columns(&self) -> Vec<Column> {
        self.columns(true)
    }

    /// What it says of this leaf; `None` if it has no such leaf outside a list, and `Some(None)` if
    /// it does not say all of it.
    pub(super) fn leaf(&self, path: &[String]) -> Option<Option<&LeafStats>> {
        self.leaves.get(path).map(Option::as_ref)
    }

    fn columns(&self, rescued: bool) -> Vec<Column> {
        let own = |name: &str, column_type| Column::new(name, column_type);
        let id = self.id_field.is_none().then(|| own(ID_COLUMN, ColumnType::String));
        let rescued = rescued.then(|| own(RESCUED_COLUMN, ColumnType::Json));
        id.into_iter().chain(self.schema.columns().iter().cloned()).chain(rescued).collect()
    }
}

#[cfg(test)]
impl NewFile {
    /// A file that says the same of its columns, but lies elsewhere and has other rows.
    pub(super) fn modelled(
        &self,
        path: &str,
        bytes: u64,
        modified_ms: i64,
        rows: u64,
        lsns: Vec<LsnRange>,
    ) -> Self {
        NewFile { path: path.to_owned(), bytes, modified_ms, rows, lsns, ..self.clone() }
    }
}

/// Walks over the columns in the order of the leaves of the file.
struct Walk<'l> {
    layout: &'l Layout,
    /// The number of the next leaf.
    leaf: usize,
    path: Vec<String>,
    found: BTreeMap<Vec<String>, Option<LeafStats>>,
}

impl Walk<'_> {
    fn columns(&mut self, columns: &[Column]) {
        for column in columns {
            self.path.push(column.name.clone());
            match &column.column_type {
                ColumnType::Null => {}
                ColumnType::Struct(fields) => self.columns(fields),
                list @ ColumnType::List(_) => self.leaf += list.leaves(),
                column_type => {
                    let stats = of_leaf(self.layout, self.leaf, column_type);
                    self.found.insert(self.path.clone(), stats);
                    self.leaf += 1;
                }
            }
            self.path.pop();
        }
    }
}
