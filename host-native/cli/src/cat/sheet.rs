//! Prints rows as a sheet: CSV, or a table for people.

use std::io;
use std::io::{IsTerminal, Write};

use coldpress::filter::ColumnPath;
use coldpress_core::{ID_COLUMN, StoredRow};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::format::Printer;
use crate::failure::Failure;
use crate::text::{cut, line_width};

/// The rows of a table that decide how wide its columns are.
const ROWS_MEASURED: usize = 1_000;

/// The most columns of a terminal that a cell takes.
const CELL_WIDTH_MAX: usize = 48;

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
        let id = self.with_id.then(|| ID_COLUMN.to_owned());
        id.into_iter().chain(self.columns.iter().map(ColumnPath::to_string)).collect()
    }

    /// An error if the row has a field that is no column: it would be lost without a word.
    fn of(&self, row: &StoredRow) -> Result<Vec<String>, Failure> {
        let document = row.to_value().map_err(Failure::run)?;
        if let (true, Some(fields)) = (self.all, document.as_object()) {
            let known =
                |name: &String| self.columns.iter().any(|path| path.names() == [name.as_str()]);
            let is_id = |name: &String| self.with_id && name == ID_COLUMN;
            if let Some(name) = fields.keys().find(|name| !known(name) && !is_id(name)) {
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

fn cell(document: &Value, path: &ColumnPath) -> String {
    let mut names = path.names().iter();
    match names.try_fold(document, |value, name| value.as_object()?.get(name)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
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
        let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        // A line of one empty cell would be an empty line, which many readers pass over.
        let line = if quoted == [""] { "\"\"".to_owned() } else { quoted.join(",") };
        self.out.write_all((line + "\r\n").as_bytes()).map_err(Failure::output)
    }
}

fn quoted(cell: &str) -> String {
    match cell.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
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
    rows: Vec<Vec<String>>,
    /// `None` until they are decided.
    widths: Option<Vec<usize>>,
}

impl<W: Write> TableOf<W> {
    pub(super) fn new(out: W, columns: Vec<ColumnPath>, with_id: bool, all: bool) -> Self {
        TableOf { out, cells: Cells::new(columns, with_id, all), rows: Vec::new(), widths: None }
    }

    /// Prints the header and the rows so far.
    fn begin(&mut self) -> Result<(), Failure> {
        let header = self.cells.header();
        let shown = |cell: &String| cut(cell, CELL_WIDTH_MAX).width();
        let width = |at: usize| {
            let cells = self.rows.iter().chain([&header]).filter_map(|row| row.get(at));
            cells.map(shown).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..header.len()).map(width).collect();
        // A pipe has no width: nothing needs to fit.
        if io::stdout().is_terminal() {
            fit(&mut widths, line_width());
        }
        self.widths = Some(widths.clone());
        self.print(&header)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        self.print(&rules)?;
        let rows = std::mem::take(&mut self.rows);
        rows.iter().try_for_each(|row| self.print(row))
    }

    fn print(&mut self, cells: &[String]) -> Result<(), Failure> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let cell = cut(cell, *width);
            let blanks = width.saturating_sub(cell.width());
            line.push_str(&cell);
            line.push_str(&" ".repeat(blanks + 2));
        }
        writeln!(self.out, "{}", line.trim_end()).map_err(Failure::output)
    }
}

/// Cuts the widest columns until all fit, as far as that is of use.
fn fit(widths: &mut [usize], line: usize) {
    const WIDTH_MIN: usize = 8;
    let total = |widths: &[usize]| widths.iter().map(|width| width + 2).sum::<usize>();
    while total(widths) > line + 2
        && let Some(widest) = widths.iter_mut().max()
        && *widest > WIDTH_MIN
    {
        *widest -= 1;
    }
}

impl<W: Write> Printer for TableOf<W> {
    fn row(&mut self, row: &StoredRow) -> Result<(), Failure> {
        let cells = self.cells.of(row)?;
        match self.widths {
            Some(_) => self.print(&cells),
            None => {
                self.rows.push(cells);
                if self.rows.len() == ROWS_MEASURED { self.begin() } else { Ok(()) }
            }
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.widths.is_none() {
            self.begin()?;
        }
        self.out.flush().map_err(Failure::output)
    }
}
