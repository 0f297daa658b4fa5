//! Rows of cells on standard output: lines of CSV, and tables whose first rows decide the widths.

use std::io;
use std::io::{IsTerminal, Write};

use unicode_width::UnicodeWidthStr;

use super::text::{cut, line_width};

/// The rows of a table that decide how wide its columns are.
const ROWS_MEASURED: usize = 1_000;

/// The most columns of a terminal that a cell takes.
const CELL_WIDTH_MAX: usize = 48;

/// A line of CSV as RFC 4180 has it, with its end.
pub fn csv_line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    // A line of one empty cell would be an empty line, which many readers pass over.
    let line = if quoted == [""] { "\"\"".to_owned() } else { quoted.join(",") };
    line + "\r\n"
}

fn quoted(cell: &str) -> String {
    match cell.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A table whose first rows decide the widths. Longer cells are cut.
#[derive(Debug)]
pub struct Aligned {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// `None` until they are decided.
    widths: Option<Vec<usize>>,
}

impl Aligned {
    /// A table with these columns.
    pub fn new(header: Vec<String>) -> Self {
        Aligned { header, rows: Vec::new(), widths: None }
    }

    /// Prints a row, or keeps it until the widths are decided.
    pub fn row(&mut self, cells: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        if self.widths.is_some() {
            return self.print(&cells, out);
        }
        self.rows.push(cells);
        if self.rows.len() == ROWS_MEASURED { self.begin(out) } else { Ok(()) }
    }

    /// Prints what was kept.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.widths.is_none() { self.begin(out) } else { Ok(()) }
    }

    /// Prints the header and the rows so far.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let header = std::mem::take(&mut self.header);
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
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        self.widths = Some(widths);
        self.print(&header, out)?;
        self.print(&rules, out)?;
        let rows = std::mem::take(&mut self.rows);
        rows.iter().try_for_each(|row| self.print(row, out))
    }

    fn print(&self, cells: &[String], out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let cell = cut(cell, *width);
            let blanks = width.saturating_sub(cell.width());
            line.push_str(&cell);
            line.push_str(&" ".repeat(blanks + 2));
        }
        writeln!(out, "{}", line.trim_end())
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
