//! Checks the page headers, indexes and bloom filters of a whole file without reading a value.

use super::chunk::located;
use super::file::ParquetFile;
use super::indexes;
use super::pages::PageReader;
use crate::Result;

impl ParquetFile {
    /// Checks the headers of all pages, the indexes and the bloom filters. An error of kind
    /// `Corrupt` or `Limit` if one cannot be decoded, exceeds a limit, or does not agree with the
    /// others. It reads no values: [`ParquetFile::verify`] does that too.
    pub fn check_outline(&self) -> Result<()> {
        check(self)
    }
}

/// Walks every page header, index and bloom filter. No page is decompressed, so the work grows with
/// the number of pages and the bytes of the indexes.
fn check(file: &ParquetFile) -> Result<()> {
    // An error in a page says more than one in an index, so it comes first.
    let indexes = indexes::of_file(file);
    for (group_number, group) in file.layout.metadata.row_groups().iter().enumerate() {
        let rows = file.layout.group_rows(group_number)?;
        for (leaf, chunk) in group.columns().iter().enumerate() {
            file.layout.terms.go_on()?;
            let index = indexes.as_ref().ok().map(|groups| &groups[group_number][leaf]);
            let check = || {
                let pages = file.pages(chunk, rows)?;
                let places = PageReader::new(pages, chunk, &file.layout.terms)?.places()?;
                indexes::filter_blocks(file, chunk)?;
                index.map_or(Ok(()), |index| index.check(chunk, &places, rows))
            };
            check().map_err(|error| located(&error, group_number, chunk))?;
        }
    }
    indexes.map(drop)
}
