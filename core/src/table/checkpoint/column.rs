//! The columns of a checkpoint by Delta's names, whatever their writer calls what is below them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::ParquetMetaData;

use super::budget::Budget;
use super::leaf::{Kind, Leaf, damaged};
use crate::Result;
use crate::decode::foreign::PageTerms;

/// A column that holds one value a row, or that the file does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct One(Option<usize>);

/// A list of texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct List(Option<usize>);

/// A map of texts: its keys and its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map(Option<(usize, usize)>);

/// The columns of one row group that are read.
pub(super) struct Leaves<'f> {
    file: &'f Bytes,
    metadata: &'f ParquetMetaData,
    group: usize,
    terms: &'f Arc<PageTerms>,
    budget: &'f mut Budget,
    open: Vec<Leaf>,
}

impl<'f> Leaves<'f> {
    pub(super) fn new(
        file: &'f Bytes,
        metadata: &'f ParquetMetaData,
        group: usize,
        terms: &'f Arc<PageTerms>,
        budget: &'f mut Budget,
    ) -> Self {
        Leaves { file, metadata, group, terms, budget, open: Vec::new() }
    }

    /// Opens a column of one value a row.
    pub(super) fn one(&mut self, path: &[&str], kind: Kind) -> Result<One> {
        match self.below(path).as_slice() {
            [] => Ok(One(None)),
            [leaf] => Ok(One(Some(self.open(*leaf, kind, false)?))),
            _ => Err(other_form(path)),
        }
    }

    /// The same for a column without which the action that it belongs to would not be seen. An
    /// error if the file has other columns of that action.
    pub(super) fn mark(&mut self, path: &[&str], kind: Kind) -> Result<One> {
        let column = self.one(path, kind)?;
        if column.0.is_none() && !self.below(path.get(..1).unwrap_or_default()).is_empty() {
            return Err(damaged(format!("it has no column {}", path.join("."))));
        }
        Ok(column)
    }

    /// Opens a list of texts. Names of the levels below it differ by writer.
    pub(super) fn list(&mut self, path: &[&str]) -> Result<List> {
        match self.below(path).as_slice() {
            [] => Ok(List(None)),
            [leaf] => Ok(List(Some(self.open(*leaf, Kind::Text, true)?))),
            _ => Err(other_form(path)),
        }
    }

    /// Opens a map of texts. The key comes before the value, whatever their names are (Parquet,
    /// "LogicalTypes.md", "Maps").
    pub(super) fn map(&mut self, path: &[&str]) -> Result<Map> {
        match self.below(path).as_slice() {
            [] => Ok(Map(None)),
            [keys, values] => {
                let keys = self.open(*keys, Kind::Text, true)?;
                let values = self.open(*values, Kind::Text, true)?;
                Ok(Map(Some((keys, values))))
            }
            _ => Err(other_form(path)),
        }
    }

    /// Decodes the next rows of all columns.
    pub(super) fn decode(&mut self, rows: usize) -> Result<()> {
        self.terms.begin_batch();
        self.open.iter_mut().try_for_each(|leaf| leaf.decode(rows))
    }

    /// Whether the next row has the action of this column.
    pub(super) fn is_in_action(&self, column: One) -> bool {
        column.0.and_then(|at| self.open.get(at)).is_some_and(Leaf::is_in_action)
    }

    /// The text of the next row.
    pub(super) fn text(&mut self, column: One) -> Result<Option<String>> {
        match column.0.and_then(|at| self.open.get_mut(at)) {
            Some(leaf) => leaf.text(self.budget),
            None => Ok(None),
        }
    }

    /// The number of the next row.
    pub(super) fn number(&mut self, column: One) -> Result<Option<i64>> {
        column.0.and_then(|at| self.open.get_mut(at)).map_or(Ok(None), Leaf::number)
    }

    /// The boolean of the next row.
    pub(super) fn boolean(&mut self, column: One) -> Result<Option<bool>> {
        column.0.and_then(|at| self.open.get_mut(at)).map_or(Ok(None), Leaf::boolean)
    }

    /// The texts of the list in the next row, without nulls.
    pub(super) fn texts(&mut self, column: List) -> Result<Vec<String>> {
        let Some(leaf) = column.0 else { return Ok(Vec::new()) };
        Ok(self.nullable_texts(leaf)?.into_iter().flatten().collect())
    }

    /// The entries of the map in the next row.
    pub(super) fn entries(&mut self, column: Map) -> Result<BTreeMap<String, Option<String>>> {
        let Some((keys, values)) = column.0 else { return Ok(BTreeMap::new()) };
        let (keys, values) = (self.nullable_texts(keys)?, self.nullable_texts(values)?);
        if keys.len() != values.len() {
            return Err(damaged("a map has another number of values than of keys"));
        }
        let mut entries = BTreeMap::new();
        for (key, value) in keys.into_iter().zip(values) {
            let key = key.ok_or_else(|| damaged("a map has an entry without a key"))?;
            entries.insert(key, value);
        }
        Ok(entries)
    }

    /// The entries of the map in the next row that have values.
    pub(super) fn values(&mut self, column: Map) -> Result<BTreeMap<String, String>> {
        let entries = self.entries(column)?.into_iter();
        Ok(entries.filter_map(|(key, value)| Some((key, value?))).collect())
    }

    /// Counts what an action takes in memory besides its texts.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<()> {
        self.budget.spend(bytes)
    }

    fn nullable_texts(&mut self, leaf: usize) -> Result<Vec<Option<String>>> {
        self.open.get_mut(leaf).map_or(Ok(Vec::new()), |leaf| leaf.texts(self.budget))
    }

    /// The numbers of the leaves at or below this path.
    fn below(&self, path: &[&str]) -> Vec<usize> {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        let leaves = columns.iter().enumerate().filter(|(_, column)| {
            let parts = column.path().parts();
            parts.len() >= path.len() && parts.iter().zip(path).all(|(part, name)| part == name)
        });
        leaves.map(|(leaf, _)| leaf).collect()
    }

    fn open(&mut self, leaf: usize, kind: Kind, repeated: bool) -> Result<usize> {
        let leaf = Leaf::open(self.file, self.metadata, self.group, leaf, kind, self.terms)?;
        if leaf.is_repeated() != repeated {
            let name = leaf.name();
            return Err(damaged(format!("column {name} has another form than Delta's")));
        }
        self.open.push(leaf);
        Ok(self.open.len() - 1)
    }
}

fn other_form(path: &[&str]) -> crate::Error {
    damaged(format!("column {} has another form than Delta's", path.join(".")))
}
