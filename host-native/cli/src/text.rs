//! Text for people: sizes, counts, and tables whose columns line up.

use std::io;
use std::io::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::failure::one_line;

/// The line width if standard output is not a terminal.
const WIDTH_DEFAULT: usize = 100;
/// The space between two columns.
const GAP: &str = "  ";
/// The least width to cut a column to. A shorter text tells nothing.
const CUT_WIDTH_MIN: usize = 8;

/// The width of an output line.
pub fn line_width() -> usize {
    terminal_size::terminal_size_of(io::stdout())
        .map_or(WIDTH_DEFAULT, |(terminal_size::Width(columns), _)| usize::from(columns))
}

/// A size for people: `812 B`, `1.2 MiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // From 1023.95 on, the smaller unit would be printed as 1024.0.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A count with commas between thousands: `1,234,567`.
pub fn human_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `count` and the name of what is counted, with an `s` if there is not exactly one.
pub fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", human_count(count))
}

/// `text` on one line. If it is longer than `width` columns, it is cut and ends with `…`.
pub fn cut(text: &str, width: usize) -> String {
    let line = one_line(text);
    if line.width() <= width {
        return line;
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in line.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// The alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its header. If all headers are empty, the table shows none.
    pub header: &'static str,
    /// The alignment of its cells.
    pub side: Side,
    /// Whether its cells may be cut to make the table fit.
    pub cut: bool,
}

impl Column {
    /// A column of words.
    pub const fn words(header: &'static str) -> Self {
        Column { header, side: Side::Left, cut: false }
    }

    /// A column of numbers.
    pub const fn numbers(header: &'static str) -> Self {
        Column { header, side: Side::Right, cut: false }
    }

    /// The same, but its cells may be cut if the table is too wide.
    pub const fn or_cut(mut self) -> Self {
        self.cut = true;
        self
    }
}

/// A table with aligned columns.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells at its end are empty.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().map(|cell| one_line(&cell)).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// Whether the table fits into `width` without cutting a cell.
    pub fn fits(&self, width: usize) -> bool {
        total(&self.natural_widths()) <= width
    }

    /// Writes the table, each line indented by `indent`. Cuts cells to keep within `width`, as far
    /// as possible.
    pub fn write(&self, out: &mut dyn Write, indent: &str, width: usize) -> io::Result<()> {
        let widths = self.fitted_widths(width.saturating_sub(indent.width()));
        if self.columns.iter().any(|column| !column.header.is_empty()) {
            let headers: Vec<String> =
                self.columns.iter().map(|column| column.header.to_owned()).collect();
            self.write_line(out, indent, &headers, &widths)?;
            let rules: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
            writeln!(out, "{indent}{}", rules.join(GAP))?;
        }
        for row in &self.rows {
            self.write_line(out, indent, row, &widths)?;
        }
        Ok(())
    }

    fn write_line(
        &self,
        out: &mut dyn Write,
        indent: &str,
        cells: &[String],
        widths: &[usize],
    ) -> io::Result<()> {
        let mut line = String::from(indent);
        for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            if i > 0 {
                line.push_str(GAP);
            }
            let cell = cut(cell, width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match self.columns[i].side {
                Side::Left => line.extend([cell, padding]),
                Side::Right => line.extend([padding, cell]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }

    fn natural_widths(&self) -> Vec<usize> {
        self.columns
            .iter()
            .enumerate()
            .map(|(i, column)| {
                let cells = self.rows.iter().map(|row| row[i].width());
                cells.max().unwrap_or(0).max(column.header.width())
            })
            .collect()
    }

    /// Cuts the widest column that may be cut, again and again.
    fn fitted_widths(&self, width: usize) -> Vec<usize> {
        let mut widths = self.natural_widths();
        while total(&widths) > width {
            let widest = (0..widths.len())
                .filter(|&i| self.columns[i].cut && widths[i] > CUT_WIDTH_MIN)
                .max_by_key(|&i| widths[i]);
            match widest {
                Some(i) => widths[i] -= 1,
                None => break,
            }
        }
        widths
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_258_291, "1.2 MiB"),
            (1_048_575, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
        assert_eq!(human_count(0), "0");
        assert_eq!(human_count(999), "999");
        assert_eq!(human_count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(3_201, "row"), "3,201 rows");
    }

    #[test]
    fn columns_line_up_and_give_way_widest_first() {
        let mut table = Table::new([Column::words("name").or_cut(), Column::numbers("size")]);
        table.push(["日本".to_owned(), "1".to_owned()]);
        table.push(["a\tlonger name".to_owned(), "12,345".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out, "", 18).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "name          size\n──────────  ──────\n日本             1\na\\tlonger…  12,345\n"
        );
        assert!(table.fits(22) && !table.fits(21));
    }
}
