//! Tests a row by the values of its leaves, before its document is made.

use super::condition::Condition;
use super::filter::{ColumnPath, FilterRow, Seen};
use super::zone::is_own_id;
use crate::Result;
use crate::decode::{FieldPlace, Layout, LeafBatch, Plain, plain};
use crate::format::metadata::OwnId;
use crate::json::Number;
use crate::schema::ColumnType;

/// Where the leaves lie that a condition reads, among those that are read.
pub(super) struct LeafTest {
    cells: Vec<Cell>,
    /// `_rescued_data`, which may have values for any path.
    rescued: Option<(usize, i16)>,
    /// The ids, if the condition asks for one and they are texts of their own.
    ids: Option<usize>,
}

/// What a row has at a path.
struct Cell {
    path: ColumnPath,
    /// `None`: no row of the file has a value there.
    place: Option<Place>,
    value: Plain,
    /// Of a string, and of a number that no machine number holds: its text.
    text: String,
}

struct Place {
    /// The place of the leaf among those that are read.
    at: usize,
    definition: i16,
    column_type: ColumnType,
}

impl LeafTest {
    /// `None` if the condition can only be tested by the documents. `leaves`: those that are read.
    pub(super) fn new(condition: &Condition, layout: &Layout, leaves: &[usize]) -> Option<Self> {
        let place = |leaf: usize, column_type: &ColumnType| {
            let at = leaves.iter().position(|read| *read == leaf)?;
            let definition = layout.chunk(0, leaf).ok()?.column_descr().max_def_level();
            Some(Place { at, definition, column_type: column_type.clone() })
        };
        let mut cells = Vec::with_capacity(condition.columns().len());
        for path in condition.columns() {
            let found = match is_own_id(layout, path.names()) {
                // Only some documents have an `_id` then, and those are rescued.
                true if matches!(layout.own_id(), Some(OwnId::String | OwnId::Absent)) => {
                    FieldPlace::Leaf(0, &ColumnType::String)
                }
                true => return None,
                false => layout.field(path.names()),
            };
            let place = match found {
                FieldPlace::Many => return None,
                FieldPlace::Nothing => None,
                FieldPlace::Leaf(leaf, column_type) => Some(place(leaf, column_type)?),
            };
            cells.push(Cell {
                path: path.clone(),
                place,
                value: Plain::Nothing,
                text: String::new(),
            });
        }
        let rescued = match layout.rescued_leaf() {
            Some(leaf) => {
                place(leaf, &ColumnType::String).map(|of| Some((of.at, of.definition)))?
            }
            None => None,
        };
        let ids = match condition.id() {
            Some(_) if layout.own_id().is_some() => Some(place(0, &ColumnType::String)?.at),
            Some(_) => return None,
            None => None,
        };
        Some(LeafTest { cells, rescued, ids })
    }

    /// Whether the condition takes the row at which the leaves stand; `None` if the document has to
    /// be made to know it.
    pub(super) fn takes(
        &mut self,
        condition: &Condition,
        leaves: &[LeafBatch],
    ) -> Result<Option<bool>> {
        if let (Some(at), Some(id)) = (self.ids, condition.id()) {
            let found = leaves[at].peek_value(0)?;
            if !found.is_some_and(|found| found.is_text(id)) {
                return Ok(Some(false));
            }
        }
        let Some(filter) = condition.filter() else { return Ok(Some(true)) };
        if let Some((at, definition)) = self.rescued
            && leaves[at].peek_value(definition)?.is_some()
        {
            return Ok(None);
        }
        for Cell { place, value, text, .. } in &mut self.cells {
            let Some(Place { at, definition, column_type }) = place else { continue };
            *value = match leaves[*at].peek_value(*definition)? {
                Some(stored) => plain(column_type, stored, text)?,
                None => Plain::Nothing,
            };
        }
        Ok(Some(filter.matches(&*self)))
    }
}

impl FilterRow for LeafTest {
    fn seen(&self, path: &ColumnPath) -> Seen<'_> {
        let Some(cell) = self.cells.iter().find(|cell| cell.path == *path) else {
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
