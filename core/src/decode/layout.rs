//! What the footer of a file says: all that a reader knows before it has a page.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::damage::corrupt;
use super::id::IdPlace;
use super::integers::IntegerBounds;
use super::limits::Terms;
use super::page_index::FileIndexes;
use crate::format::metadata::OwnId;
use crate::schema::facts::Facts;
use crate::schema::names::folded;
use crate::schema::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN};
use crate::{Error, KeyTarget, LsnRange, ObjectKey, Result, Schema};

/// A footer that has been read and checked. Reading it takes only the last bytes of the file.
pub(crate) struct Layout {
    pub(super) terms: Terms,
    pub(super) metadata: ParquetMetaData,
    /// Empty until they are taken.
    pub(super) indexes: FileIndexes,
    pub(super) footer: Footer,
    /// Of each column of the schema, each field and each element, in order.
    pub(super) facts: Vec<Facts>,
    /// Whether rows have values that fit no column.
    pub(super) has_rescued: bool,
    pub(super) id: IdPlace,
}

/// What the footer of a Coldpress file says. Reading it takes only the last bytes of the file.
///
/// The columns are checked against the schema. The pages are not checked: they can be damaged even
/// if the footer is not.
#[derive(Debug, Clone)]
pub struct Footer {
    pub(super) schema: Schema,
    pub(super) tenant_id: u64,
    pub(super) collection: String,
    pub(super) lsns: LsnRange,
    pub(super) rows_count: u64,
    pub(super) columns_count: usize,
    pub(super) append: Option<(String, u64)>,
    pub(super) id_field: Option<Vec<String>>,
    pub(super) integers: Vec<IntegerBounds>,
}

impl Footer {
    /// The columns of the documents, with those that had only nulls.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The bounds of each leaf column of [`Footer::schema`], depth first. Columns with only nulls
    /// are no leaves.
    pub fn integer_bounds(&self) -> &[IntegerBounds] {
        &self.integers
    }

    /// How many rows the file holds.
    pub fn rows_count(&self) -> u64 {
        self.rows_count
    }

    /// How many columns the top of the file has, `_id` and `_rescued_data` among them. As in
    /// [`Summary::columns`](crate::Summary::columns).
    pub fn columns_count(&self) -> usize {
        self.columns_count
    }

    /// The tenant whose rows they are.
    pub fn tenant_id(&self) -> u64 {
        self.tenant_id
    }

    /// The collection they belong to.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The LSNs they have.
    pub fn lsns(&self) -> LsnRange {
        self.lsns
    }

    /// The id of the append of the rows, and how many rows of that append come before them; `None`
    /// if the append had no id.
    pub fn append(&self) -> Option<(&str, u64)> {
        self.append.as_ref().map(|(id, row)| (id.as_str(), *row))
    }

    /// The names down to the field of the documents that holds the ids; `None` if the column `_id`
    /// holds them. See [`IdSource::Field`](crate::IdSource::Field).
    pub fn id_field(&self) -> Option<&[String]> {
        self.id_field.as_deref()
    }

    /// An error of kind `Corrupt` if the file was made for another key. Otherwise a moved file
    /// would give the rows of one tenant or collection as those of another.
    pub fn check_key(&self, key: &ObjectKey) -> Result<()> {
        let KeyTarget::Data { tenant_id, collection, lsns } = key.target() else {
            return Err(Error::corrupt(
                "the key is that of a segment of a log, but a file of rows lies there",
            ));
        };
        if (self.tenant_id, &self.collection, self.lsns) == (*tenant_id, collection, *lsns) {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the file was made for tenant {}, collection {:?}, LSNs {}, but it lies at {key}; move \
             it to its own key",
            self.tenant_id, self.collection, self.lsns
        )))
    }
}

/// Where the values of a field lie. Rescued values lie elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldPlace<'l> {
    /// In this leaf, which has this type.
    Leaf(usize, &'l ColumnType),
    /// Nowhere: no column has any.
    Nothing,
    /// In more than one leaf, in a list, or in the texts of a JSON column.
    Many,
}

impl Layout {
    pub(crate) fn footer(&self) -> &Footer {
        &self.footer
    }

    pub(crate) fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    /// See [`ParquetFile::stop_when`](crate::ParquetFile::stop_when).
    pub(crate) fn stop_when(&mut self, stop: Arc<AtomicBool>) {
        self.terms.stop = Some(stop);
    }

    /// The chunk of the leaf in the row group.
    pub(crate) fn chunk(&self, group: usize, leaf: usize) -> Result<&ColumnChunkMetaData> {
        let group = self.metadata.row_groups().get(group);
        let chunk = group.and_then(|group| group.columns().get(leaf));
        chunk.ok_or_else(|| corrupt("a row group has too few columns"))
    }

    /// Whether a column holds the field at this path: one of its own, or one of JSON texts.
    pub(crate) fn has_column<N: AsRef<str>>(&self, path: &[N]) -> bool {
        self.without_column(path).is_none()
    }

    /// Whether a column holds the field of this name, or it may have been rescued for its name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let Some(columns) = self.without_column(&[name]) else { return true };
        let names = columns.iter().map(|column| column.name.as_str());
        let mut names = names.chain([ID_COLUMN, RESCUED_COLUMN]);
        self.has_rescued && (name.is_empty() || names.any(|other| folded(other) == folded(name)))
    }

    /// The columns among which there is none for the next name of the path; `None` if a column
    /// holds the field.
    fn without_column<N: AsRef<str>>(&self, path: &[N]) -> Option<&[Column]> {
        let mut columns = self.footer.schema.columns();
        for (depth, name) in path.iter().map(AsRef::as_ref).enumerate() {
            if depth == 0 && name == ID_COLUMN {
                return None;
            }
            let column = columns.iter().find(|column| column.name == name);
            match column.map(|column| &column.column_type) {
                None => return Some(columns),
                Some(ColumnType::Struct(fields)) => columns = fields,
                // Anything may be in its texts.
                Some(ColumnType::Json) => return None,
                Some(_) => columns = &[],
            }
        }
        None
    }

    /// Where the column of the field at this path lies.
    pub(crate) fn field(&self, path: &[String]) -> FieldPlace<'_> {
        let mut fields = self.footer.schema.columns();
        let mut leaf = self.id.own_leaves();
        let mut names = path.iter();
        if path.first().is_some_and(|name| name == ID_COLUMN) && !self.id.is_field() {
            return FieldPlace::Many;
        }
        while let Some(name) = names.next() {
            let Some(at) = fields.iter().position(|field| field.name == *name) else {
                return FieldPlace::Nothing;
            };
            leaf += fields[..at].iter().map(|field| field.column_type.leaves()).sum::<usize>();
            match &fields[at].column_type {
                ColumnType::Null => return FieldPlace::Nothing,
                ColumnType::Struct(below) => fields = below,
                ColumnType::List(_) | ColumnType::Json => return FieldPlace::Many,
                // A value has no fields.
                _ if names.next().is_some() => return FieldPlace::Nothing,
                column_type => return FieldPlace::Leaf(leaf, column_type),
            }
        }
        FieldPlace::Many
    }

    /// The leaf that holds the ids, and its type.
    pub(crate) fn ids(&self) -> FieldPlace<'_> {
        match &self.id {
            IdPlace::Own(_) => FieldPlace::Leaf(0, &ColumnType::String),
            IdPlace::Field(path) => self.field(path),
        }
    }

    /// How the documents have their own `_id`; `None` where a field of another name is the id.
    pub(crate) fn own_id(&self) -> Option<OwnId> {
        self.id.own()
    }

    /// Whether a rescued value can be an id.
    pub(crate) fn rescues_ids(&self) -> bool {
        self.id.is_field()
    }

    /// The leaf `_rescued_data`, if the file has it: the last one.
    pub(crate) fn rescued_leaf(&self) -> Option<usize> {
        let leaves = self.metadata.file_metadata().schema_descr().num_columns();
        leaves.checked_sub(1).filter(|_| self.has_rescued)
    }

    /// The rows of the row group.
    pub(crate) fn group_rows(&self, group: usize) -> Result<usize> {
        usize::try_from(self.metadata.row_group(group).num_rows()).map_err(corrupt)
    }
}
