//! Writes rows as JSON straight from their leaves, without a document between.

use super::assemble::{Assembler, Node, Row, Shape, own_id, takes};
use super::batch::{LeafBatch, StoredValue};
use super::cut::Fields;
use super::form::{text, value};
use crate::Result;
use crate::format::metadata::OwnId;
use crate::json;
use crate::json::text::write_string;
use crate::schema::{ColumnType, ID_COLUMN};

impl Assembler {
    /// Whether every row without rescued values can be written: not if the id lies among the fields
    /// and is asked for, nor if a part of a text is.
    pub(crate) fn writes(&self, fields: Option<&Fields>) -> bool {
        let id_apart = !self.takes_ids || !self.id.is_field();
        id_apart && self.columns.iter().all(|column| column.writes(fields))
    }

    /// Appends the document of the row at which the leaves stand, cut to these fields, and goes
    /// past the row. Returns the id of the row, which is empty if ids are not read. `None` if the
    /// row has rescued values; then nothing has happened.
    pub(crate) fn write(
        &self,
        leaves: &mut [LeafBatch],
        fields: Option<&Fields>,
        out: &mut String,
    ) -> Result<Option<String>> {
        if let Some(leaf) = self.rescued
            && leaves[leaf].peek_value(1)?.is_some()
        {
            return Ok(None);
        }
        let row = &mut Row { leaves, bytes_left: self.row_bytes_max, most: self.row_bytes_max };
        let id = if self.takes_ids { own_id(row)? } else { String::new() };
        let start = out.len();
        if self.takes_own && fields.is_none_or(|fields| fields.has(ID_COLUMN)) {
            match self.id.own() {
                Some(OwnId::String) => {
                    key(out, start, ID_COLUMN);
                    write_string(out, &id);
                }
                Some(OwnId::Number) => {
                    json::validate(id.as_bytes()).map_err(super::damage::corrupt)?;
                    key(out, start, ID_COLUMN);
                    out.push_str(&id);
                }
                _ => {}
            }
        }
        write_fields(&self.columns, row, fields, start, out)?;
        if let Some(leaf) = self.rescued {
            row.leaves[leaf].next(1)?;
        }
        Ok(Some(id))
    }
}

impl Node {
    fn writes(&self, fields: Option<&Fields>) -> bool {
        let below = fields.and_then(|fields| fields.below(&self.name));
        match &self.shape {
            Shape::Struct(_, nodes) => nodes.iter().all(|node| node.writes(below)),
            _ => below.is_none(),
        }
    }

    /// Appends the value of the row; false, and nothing, if it has none.
    fn write(&self, row: &mut Row<'_>, fields: Option<&Fields>, out: &mut String) -> Result<bool> {
        match &self.shape {
            Shape::Nothing => Ok(self.write_null(out)),
            Shape::Leaf(definition) => {
                let Row { leaves, bytes_left, most } = row;
                let Some(stored) = leaves[self.leaves.start].next(*definition)? else {
                    return Ok(self.write_null(out));
                };
                let bytes = if let StoredValue::Bytes(bytes) = &stored { bytes.len() } else { 1 };
                takes(bytes_left, bytes, *most)?;
                self.write_value(stored, out)?;
                Ok(true)
            }
            Shape::Struct(definition, nodes) => {
                if self.definition(row)? < *definition {
                    self.skip_leaves(row)?;
                    // A null has no fields.
                    return Ok(fields.is_none() && self.write_null(out));
                }
                write_fields(nodes, row, fields, out.len(), out)?;
                Ok(true)
            }
            Shape::List(definition, repetition, element) => {
                let found = self.definition(row)?;
                if found < *definition {
                    self.skip_leaves(row)?;
                    return Ok(self.write_null(out));
                }
                if found == *definition {
                    self.skip_leaves(row)?;
                    out.push_str("[]");
                    return Ok(true);
                }
                out.push('[');
                element.write(row, None, out)?;
                let first = self.leaves.start;
                while row.leaves[first].peek().is_some_and(|(_, next)| next >= *repetition) {
                    out.push(',');
                    element.write(row, None, out)?;
                }
                out.push(']');
                Ok(true)
            }
        }
    }

    fn write_null(&self, out: &mut String) -> bool {
        if self.nulls {
            out.push_str("null");
        }
        self.nulls
    }

    fn write_value(&self, stored: StoredValue<'_>, out: &mut String) -> Result<()> {
        match (&self.column_type, stored) {
            (ColumnType::String, StoredValue::Bytes(bytes)) => write_string(out, text(bytes)?),
            (ColumnType::Int64, StoredValue::Int64(value)) => {
                out.push_str(itoa::Buffer::new().format(value));
            }
            (column_type, stored) => value(column_type, self.integers, stored)?.write(out),
        }
        Ok(())
    }
}

/// Appends an object of those of the columns that have a value, and that are asked for. `start` is
/// where the object begins, if it has begun.
fn write_fields(
    nodes: &[Node],
    row: &mut Row<'_>,
    fields: Option<&Fields>,
    start: usize,
    out: &mut String,
) -> Result<()> {
    for node in nodes {
        let before = out.len();
        let below = fields.and_then(|fields| fields.below(&node.name));
        key(out, start, &node.name);
        let has_value = node.write(row, below, out)?;
        if !has_value || fields.is_some_and(|fields| !fields.has(&node.name)) {
            out.truncate(before);
        }
    }
    out.push_str(if out.len() == start { "{}" } else { "}" });
    Ok(())
}

/// Appends the name of the next field.
fn key(out: &mut String, start: usize, name: &str) {
    out.push(if out.len() == start { '{' } else { ',' });
    write_string(out, name);
    out.push(':');
}
