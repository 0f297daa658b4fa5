//! Prints rows as a sheet: CSV, or a table for people.

use std::collections::BTreeMap;
use std::io::Write;

use coldpress::filter::ColumnPath;
use coldpress_core::{ID_COLUMN, StoredRow};
use serde_json::value::RawValue;

use crate::cells::{Aligned, csv_line};
use crate::failure::Failure;

/// Prints rows.
pub(super) trait Printer {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure>;

    /// Prints what is left.
    fn end(&mut self) -> Result<(), Failure>;
}

/// The columns of a sheet, and the cells of its rows.
struct Cells {
    columns: Vec<ColumnPath>,
    with_id: bool,
    /// Whether the columns are all that the files have.
    all: bool,
}

impl Cells {
    fn new(mut columns: Vec<ColumnPath>, with_id: bool, all: bool) -> Self {
        if with_id {
            columns.retain(|path| path.names() != [ID_COLUMN]);
        }
        Cells { columns, with_id, all }
    }

    fn header(&self) -> Vec<String> {
        let title = |path: &ColumnPath| match path.names() {
            // Quotes would be part of the name for whoever reads the sheet.
            [name] => name.clone(),
            _ => path.to_string(),
        };
        let id = self.with_id.then(|| ID_COLUMN.to_owned());
        id.into_iter().chain(self.columns.iter().map(title)).collect()
    }

    /// An error if the row has a field that is no column: it would be lost without a word.
    fn of(&self, row: &StoredRow) -> Result<Vec<String>, Failure> {
        let mut json = Vec::new();
        row.write_json(&mut json);
        let document: Fields<'_> = serde_json::from_slice(&json).map_err(Failure::run)?;
        if self.all {
            let known =
                |name: &String| self.columns.iter().any(|path| path.names() == [name.as_str()]);
            let is_id = |name: &String| self.with_id && name == ID_COLUMN;
            if let Some(name) = document.keys().find(|name| !known(name) && !is_id(name)) {
                return Err(Failure::run(format_args!(
                    "the row {:?} has a field {name:?}, which is no column of the files; name the \
                     columns to print by --columns, or print ndjson",
                    row.id()
                )));
            }
        }
        let id = self.with_id.then(|| row.id().to_owned());
        let cells = self.columns.iter().map(|path| cell(&document, path));
        Ok(id.into_iter().chain(cells).collect())
    }
}

/// The fields of an object as JSON text: a number keeps all its digits.
type Fields<'j> = BTreeMap<String, &'j RawValue>;

fn cell(document: &Fields<'_>, path: &ColumnPath) -> String {
    let Some((first, below)) = path.names().split_first() else { return String::new() };
    let first = document.get(first).map(|value| value.get());
    let found = below.iter().fold(first, |value, name| {
        let fields: Fields<'_> = serde_json::from_str(value?).ok()?;
        fields.get(name).map(|value| value.get())
    });
    match found {
        None | Some("null") => String::new(),
        Some(json) => serde_json::from_str(json).unwrap_or_else(|_| json.to_owned()),
    }
}

/// CSV as RFC 4180 has it, with a header.
pub(super) struct Csv<W> {
    out: W,
    cells: Cells,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(
        out: W,
        columns: Vec<ColumnPath>,
        with_id: bool,
        all: bool,
    ) -> Result<Self, Failure> {
        let mut csv = Csv { out, cells: Cells::new(columns, with_id, all) };
        let header = csv.cells.header();
        csv.line(&header)?;
        Ok(csv)
    }

    fn line(&mut self, cells: &[String]) -> Result<(), Failure> {
        self.out.write_all(csv_line(cells).as_bytes()).map_err(Failure::output)
    }
}

impl<W: Write> Printer for Csv<W> {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure> {
        let cells = self.cells.of(row)?;
        self.line(&cells)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::output)
    }
}

/// A table whose first rows decide the widths. Longer cells are cut.
pub(super) struct TableOf<W> {
    out: W,
    cells: Cells,
    table: Aligned,
}

impl<W: Write> TableOf<W> {
    pub(super) fn new(out: W, columns: Vec<ColumnPath>, with_id: bool, all: bool) -> Self {
        let cells = Cells::new(columns, with_id, all);
        TableOf { out, table: Aligned::new(cells.header()), cells }
    }
}

impl<W: Write> Printer for TableOf<W> {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure> {
        let cells = self.cells.of(row)?;
        self.table.row(cells, &mut self.out).map_err(Failure::output)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.table.end(&mut self.out).map_err(Failure::output)?;
        self.out.flush().map_err(Failure::output)
    }
}
