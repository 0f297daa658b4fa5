//! The rows of a file, one after the other.

use super::assemble::Assembler;
use super::file::ParquetFile;
use super::group::GroupReader;
use super::row::{Projection, StoredRow};

use crate::{Error, Result};

/// Iterates over the rows of a file; ends after the first error.
pub struct Rows<'f> {
    file: &'f ParquetFile,
    assembler: Assembler,
    /// The next row group.
    group: usize,
    rows: Option<GroupReader>,
    row: u64,
    failed: bool,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("row", &self.row).finish_non_exhaustive()
    }
}

impl Rows<'_> {
    /// The next row; `None` at the end of the file.
    fn next_row(&mut self) -> Result<Option<StoredRow>> {
        loop {
            if let Some(rows) = &mut self.rows {
                if let Some(leaves) = rows.next_row()? {
                    return self.assembler.row(leaves).map(Some);
                }
                self.rows = None;
            }
            if self.group == self.file.layout.metadata.num_row_groups() {
                return Ok(None);
            }
            self.assembler.begin_group(self.group);
            self.rows = Some(self.file.open_group(self.group, self.assembler.leaves())?);
            self.group += 1;
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<StoredRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.next_row() {
            Ok(Some(row)) => {
                self.row += 1;
                Some(Ok(row))
            }
            Ok(None) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error.at_row(self.row)))
            }
        }
    }
}

impl ParquetFile {
    /// The rows in order, with the fields that `projection` names. An error of kind `Settings` if
    /// it names a field that the file does not have.
    ///
    /// [`Projection::All`] calls [`ParquetFile::check_outline`] first. Named columns are read
    /// without that check, so they can be saved from a file whose other parts are damaged.
    pub fn rows(&self, projection: &Projection) -> Result<Rows<'_>> {
        if *projection == Projection::All {
            self.check_outline()?;
        }
        if let Projection::Columns(names) = projection
            && let Some(name) = names.iter().find(|name| !self.layout.knows(name))
        {
            return Err(self.unknown_column(name));
        }
        let assembler = Assembler::new(&self.layout, projection)?;
        Ok(Rows { file: self, assembler, group: 0, rows: None, row: 0, failed: false })
    }

    fn unknown_column(&self, name: &str) -> Error {
        const SHOWN: usize = 20;
        let columns = self.layout.footer.schema.columns();
        let names: Vec<String> =
            columns.iter().take(SHOWN).map(|column| format!("{:?}", column.name)).collect();
        let more = if columns.len() > SHOWN { ", …" } else { "" };
        Error::settings(format!(
            "the file has no column {name:?}; it has \"_id\", {}{more}",
            names.join(", ")
        ))
    }
}
