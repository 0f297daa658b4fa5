//! Tests rows by the values of leaves, before their documents are made.

use super::condition::Condition;
use super::filter::{ColumnPath, Filter, FilterRow, Seen};
use super::numbers::regions;
use super::zone::is_own_id;
use crate::Result;
use crate::decode::{FieldPlace, Layout, LeafBatch, Plain, Regions, StoredValue, ValueTest, plain};
use crate::format::metadata::OwnId;
use crate::json::Number;
use crate::schema::ColumnType;

/// A test of a row by all the leaves that a filter reads.
pub(super) struct RowTest {
    row: Cells,
    /// Of each cell: the place of its leaf among those that are read, and the definition level of a
    /// value. `None`: no row has a value there.
    places: Vec<Option<(usize, i16)>>,
    /// The same of `_rescued_data`.
    rescued: Option<(usize, i16)>,
}

/// A test of a row by the one column that a filter reads.
pub(super) struct ColumnTest {
    filter: Filter,
    row: Cells,
    /// `None`: no row of the file has a value there.
    pub(super) leaf: Option<usize>,
    regions: Option<Regions>,
}

/// The values of a row at some paths.
struct Cells(Vec<Cell>);

struct Cell {
    path: ColumnPath,
    column_type: ColumnType,
    value: Plain,
    /// Of a string, and of a number that no machine number holds: its text.
    text: String,
}

/// The leaf that has the values at a path, and their type. The leaf is `None` if no row has a
/// value there, unless it is rescued. `None` if the documents have to be made to know the values.
fn place<'l>(layout: &'l Layout, path: &ColumnPath) -> Option<(Option<usize>, &'l ColumnType)> {
    let found = match is_own_id(layout, path.names()) {
        // Only some documents have an `_id` then, and those are rescued.
        true if matches!(layout.own_id(), Some(OwnId::String | OwnId::Absent)) => {
            FieldPlace::Leaf(0, &ColumnType::String)
        }
        true => return None,
        false => layout.field(path.names()),
    };
    match found {
        FieldPlace::Many => None,
        FieldPlace::Nothing => Some((None, &ColumnType::Null)),
        FieldPlace::Leaf(leaf, column_type) => Some((Some(leaf), column_type)),
    }
}

/// Whether leaves have all the values that the filter reads, of rows without rescued ones.
pub(super) fn tells(layout: &Layout, filter: &Filter) -> bool {
    filter.columns().iter().all(|path| place(layout, path).is_some())
}

impl ColumnTest {
    /// `None` if the filter reads other columns than one, or if no leaf has its values.
    pub(super) fn new(layout: &Layout, filter: Filter) -> Option<Self> {
        let [path] = filter.columns() else { return None };
        let (leaf, column_type) = place(layout, path)?;
        let row = Cells(vec![Cell::new(path, column_type)]);
        let mut test = ColumnTest { filter, row, leaf, regions: None };
        test.regions =
            regions(&test.filter.clone(), column_type, &mut |value| test.takes(Some(value)).ok());
        Some(test)
    }
}

impl ValueTest for ColumnTest {
    fn takes(&mut self, value: Option<StoredValue<'_>>) -> Result<bool> {
        for cell in &mut self.row.0 {
            cell.set(value.as_ref())?;
        }
        Ok(self.filter.matches(&self.row))
    }

    fn regions(&self) -> Option<&Regions> {
        self.regions.as_ref()
    }
}

impl RowTest {
    /// `None` if the filter can only be tested by the documents. `leaves`: those that are read.
    pub(super) fn new(layout: &Layout, filter: &Filter, leaves: &[usize]) -> Option<Self> {
        let among = |leaf: usize| {
            let at = leaves.iter().position(|read| *read == leaf)?;
            Some((at, layout.chunk(0, leaf).ok()?.column_descr().max_def_level()))
        };
        let (mut cells, mut places) = (Vec::new(), Vec::new());
        for path in filter.columns() {
            let (leaf, column_type) = place(layout, path)?;
            places.push(leaf.map(|leaf| among(leaf).ok_or(())).transpose().ok()?);
            cells.push(Cell::new(path, column_type));
        }
        let rescued = match layout.rescued_leaf() {
            Some(leaf) => Some(among(leaf)?),
            None => None,
        };
        Some(RowTest { row: Cells(cells), places, rescued })
    }

    /// Whether the filter of the condition takes the row at which the leaves stand; `None` if the
    /// document has to be made to know it.
    pub(super) fn takes(
        &mut self,
        condition: &Condition,
        leaves: &[LeafBatch],
    ) -> Result<Option<bool>> {
        if let Some((at, definition)) = self.rescued
            && leaves[at].peek_value(definition)?.is_some()
        {
            return Ok(None);
        }
        for (cell, place) in self.row.0.iter_mut().zip(&self.places) {
            if let Some((at, definition)) = place {
                cell.set(leaves[*at].peek_value(*definition)?.as_ref())?;
            }
        }
        Ok(condition.filter().map(|filter| filter.matches(&self.row)))
    }
}

impl Cell {
    fn new(path: &ColumnPath, column_type: &ColumnType) -> Self {
        let (path, column_type) = (path.clone(), column_type.clone());
        Cell { path, column_type, value: Plain::Nothing, text: String::new() }
    }

    fn set(&mut self, stored: Option<&StoredValue<'_>>) -> Result<()> {
        self.value = match stored {
            Some(stored) => plain(&self.column_type, *stored, &mut self.text)?,
            None => Plain::Nothing,
        };
        Ok(())
    }
}

impl FilterRow for Cells {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        let Some(cell) = self.0.iter().find(|cell| cell.path == *path) else {
            return Seen::Nothing;
        };
        match cell.value {
            Plain::Nothing => Seen::Nothing,
            Plain::Boolean(value) => Seen::Boolean(value),
            Plain::Int(value) => Seen::Number(Number::Int(value)),
            Plain::Double(value) => Seen::Number(Number::Double(value)),
            Plain::Number => Seen::Literal(cell.text.as_str().into()),
            Plain::String => Seen::String(&cell.text),
        }
    }
}
