//! The action by which a commit adds a file.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Add;
use super::columns::TableColumns;
use super::file::NewFile;
use super::stats::{LeafStats, StatsLeaf, rows_only, stats_text};
use super::{listed, lsns};
use crate::{Column, ColumnType};

/// The tag that says whether the file has the forms of values that the table's schema says.
pub(super) const FORMS_TAG: &str = "coldpress.forms";
/// Its value if so: statistics in the log then say of what kind the values are in the rows.
pub(super) const FORMS_OF_TABLE: &str = "table";

impl NewFile {
    /// The action that adds the file to a table of these columns, which have this file's
    /// ([`TableColumns::with_file`]). `data_change`: whether it brings rows; one that a compaction
    /// wrote does not.
    ///
    /// Its statistics name each leaf that the table's property `delta.dataSkippingStatsColumns`
    /// lists, also those that the file lacks. If the file does not state a bound of one of them,
    /// they say only the number of rows: engines lose rows where some listed leaves have statistics
    /// and others do not. Of other leaves, they say what the file states.
    pub fn to_add(&self, columns: &TableColumns, data_change: bool) -> Add {
        let mut tags = BTreeMap::new();
        tags.insert(lsns::LSNS_TAG.to_owned(), lsns::write(self.lsns()));
        let same = self.ids_are_texts() && same_forms(columns.all(), &self.table_columns());
        if same && columns.is_exact() {
            tags.insert(FORMS_TAG.to_owned(), FORMS_OF_TABLE.to_owned());
        }
        Add {
            path: self.path().to_owned(),
            bytes: self.bytes(),
            modified_ms: self.modified_ms(),
            data_change,
            stats: Some(self.stats(columns).unwrap_or_else(|| rows_only(self.rows()))),
            tags,
            ..Add::default()
        }
    }

    /// `None` if the file does not state all of it.
    fn stats(&self, columns: &TableColumns) -> Option<String> {
        let wanted = columns.with_statistics();
        let wanted: BTreeSet<&[String]> = wanted.iter().map(|(path, _)| path.as_slice()).collect();
        let eligible = listed::eligible(columns.all());
        let mut leaves = Vec::with_capacity(eligible.len());
        for (path, column_type) in &eligible {
            let stats = match (self.leaf(path), wanted.contains(path.as_slice())) {
                (Some(Some(stats)), _) => stats.clone(),
                (None, true) => LeafStats { nulls: self.rows(), ends: None },
                (Some(None), true) => return None,
                (_, false) => continue,
            };
            leaves.push(StatsLeaf { path, column_type, stats });
        }
        stats_text(self.rows(), &leaves)
    }
}

/// Whether each column of the file has the form that the table's has.
fn same_forms(table: &[Column], file: &[Column]) -> bool {
    file.iter().all(|column| {
        let there = table.iter().find(|there| there.name == column.name);
        there.is_none_or(|there| same_form(&there.column_type, &column.column_type))
    })
}

fn same_form(table: &ColumnType, file: &ColumnType) -> bool {
    use ColumnType::{Decimal, Struct, Timestamp};
    match (table, file) {
        (Struct(table), Struct(file)) => same_forms(table, file),
        (Timestamp { form: table, .. }, Timestamp { form: file, .. })
        | (Decimal { form: table, .. }, Decimal { form: file, .. }) => {
            table.as_ref().map(std::mem::discriminant) == file.as_ref().map(std::mem::discriminant)
        }
        _ => true,
    }
}

#[cfg(test)]
#[path = "added_tests.rs"]
mod tests;
