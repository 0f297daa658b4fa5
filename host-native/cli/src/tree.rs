//! A schema drawn as a tree.

use std::slice;

use coldpress_core::{ChunkReport, ColumnType, Footer, ID_COLUMN};

use super::text::{Column, Table};

/// A line for each column and each field within it, with its type, and with its Parquet field id if
/// any column has one. The chunks are those of one row group: they have the ids, in the order of
/// the schema's leaves.
pub fn table(footer: &Footer, chunks: &[ChunkReport]) -> Table {
    let mut columns = vec![Column::words("name").or_cut(), Column::words("type").or_cut()];
    let has_ids = chunks.iter().any(|chunk| chunk.field_id.is_some());
    if has_ids {
        columns.push(Column::numbers("field id"));
    }
    let mut drawing = Drawing { table: Table::new(columns), chunks: chunks.iter(), has_ids };
    if footer.id_field().is_none() {
        drawing.leaf(ID_COLUMN, "string");
    }
    for column in footer.schema().columns() {
        drawing.node("", "", &column.name, &column.column_type);
    }
    if let Some(chunk) = drawing.chunks.as_slice().first() {
        let name = chunk.column.clone();
        drawing.leaf(&name, "json");
    }
    drawing.table
}

struct Drawing<'a> {
    table: Table,
    chunks: slice::Iter<'a, ChunkReport>,
    has_ids: bool,
}

impl Drawing<'_> {
    fn leaf(&mut self, name: &str, column_type: &str) {
        let mut cells = vec![name.to_owned(), column_type.to_owned()];
        let id = self.chunks.next().and_then(|chunk| chunk.field_id);
        if self.has_ids {
            cells.push(id.map(|id| id.to_string()).unwrap_or_default());
        }
        self.table.push(cells);
    }

    /// `branch` is drawn before the name in this line, `trunk` before the names of its children.
    fn node(&mut self, branch: &str, trunk: &str, name: &str, column_type: &ColumnType) {
        // An empty name would be invisible.
        let name = if name.is_empty() { "\"\"" } else { name };
        let line = format!("{branch}{name}");
        match column_type {
            ColumnType::Struct(fields) => {
                self.table.push([line, "struct".to_owned()]);
                for (i, field) in fields.iter().enumerate() {
                    let (branch, below) = if i + 1 < fields.len() {
                        ("├─ ", "│  ")
                    } else {
                        ("└─ ", "   ")
                    };
                    let (branch, below) = (format!("{trunk}{branch}"), format!("{trunk}{below}"));
                    self.node(&branch, &below, &field.name, &field.column_type);
                }
            }
            ColumnType::List(element)
                if matches!(element.column_type, ColumnType::Struct(_) | ColumnType::List(_)) =>
            {
                self.table.push([line, "list".to_owned()]);
                let (branch, below) = (format!("{trunk}└─ "), format!("{trunk}   "));
                self.node(&branch, &below, "element", &element.column_type);
            }
            ColumnType::Null => {
                self.table.push([line, "null: no value, so no column".to_owned()]);
            }
            simple => self.leaf(&line, &simple.to_string()),
        }
    }
}
