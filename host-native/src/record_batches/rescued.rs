//! The rescued values of a row that a filter asks for.

use coldpress_core::filter::{ColumnPath, FilterRow, PickedRow, Seen};
use coldpress_core::json;

use crate::error::Result;
use crate::record_batches::cell::Cell;

/// What `_rescued_data` has for one row, as far as a filter asks for it.
pub(super) struct Rescued {
    picked: PickedRow,
}

impl Rescued {
    /// For columns with these paths, and what is around them.
    pub(super) fn new(columns: &[ColumnPath]) -> Self {
        let mut paths = Vec::new();
        for column in columns {
            paths.extend(parts(column));
        }
        Rescued { picked: PickedRow::new(&paths) }
    }

    /// Takes the text of a row.
    pub(super) fn take(&mut self, text: &str) -> Result<()> {
        self.picked.clear();
        Ok(json::read(text.as_bytes(), &mut self.picked)?)
    }

    /// Whether it has a value at this path.
    pub(super) fn has(&self, path: &ColumnPath) -> bool {
        self.picked.seen(path) != Seen::Nothing
    }

    /// The value at this path.
    pub(super) fn cell(&self, path: &ColumnPath) -> Cell<'static> {
        Cell::of(self.picked.seen(path))
    }
}

/// The paths from the first name down to the whole path.
pub(super) fn parts(path: &ColumnPath) -> Vec<ColumnPath> {
    let names = path.names();
    (1..=names.len())
        .filter_map(|length| ColumnPath::new(names[..length].iter().cloned()).ok())
        .collect()
}
