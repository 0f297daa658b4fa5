//! One column chunk, some rows at a time.

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;

use super::bits::Hybrid;
use super::group::Leaf;
use super::limits::{Terms, no_memory};
use super::pages::{Page, Pages};
use super::values::{Decoder, Kind, Values};
use super::{corrupt, damaged_page};
use crate::Result;
use crate::encode::ROW_ENTRIES_MAX;

/// Entries after which a read ends behind the row at hand, to keep memory small.
pub(super) const READ_ENTRIES: usize = 1 << 16;

/// Reads the levels and values of one column chunk.
pub(super) struct ColumnReader {
    terms: Terms,
    pages: Pages,
    kind: Kind,
    definition_max: i16,
    repetition_max: i16,
    dictionary: Option<Values>,
    page: Option<DataPage>,
    /// Entries still to come, by the footer.
    entries_left: usize,
}

/// A page, read as far as asked.
struct DataPage {
    /// None where all levels are 0.
    repetitions: Option<Hybrid>,
    definitions: Option<Hybrid>,
    /// The repetition level of the next entry, where it has been looked at.
    peeked: Option<i16>,
    values: Decoder,
    entries_left: usize,
}

impl ColumnReader {
    pub(super) fn new(file: &Bytes, chunk: &ColumnChunkMetaData, terms: &Terms) -> Result<Self> {
        let descriptor = chunk.column_descr();
        Ok(ColumnReader {
            terms: terms.clone(),
            pages: Pages::new(file, chunk, terms)?,
            kind: Kind::of(descriptor).ok_or_else(|| corrupt("it has an INT96 column"))?,
            definition_max: descriptor.max_def_level(),
            repetition_max: descriptor.max_rep_level(),
            dictionary: None,
            page: None,
            entries_left: usize::try_from(chunk.num_values()).map_err(corrupt)?,
        })
    }

    /// Values of the chunk's kind, none of them yet.
    pub(super) fn no_values(&self) -> Values {
        self.kind.values()
    }

    /// The next rows, `rows_max` at most and one at least, and how many they are; an error where there is
    /// none. Fewer come where they have many entries.
    pub(super) fn read(&mut self, rows_max: usize) -> Result<(Leaf, usize)> {
        self.terms.go_on()?;
        let mut leaf = Leaf::new(self.kind.values());
        let mut rows_left = rows_max;
        while rows_left > 0 && (leaf.entries < READ_ENTRIES || rows_left == rows_max) {
            let Some(mut page) = self.page.take() else {
                self.page = Some(self.next_page()?);
                continue;
            };
            if page.entries_left == 0 {
                page.end(self.kind)?;
                continue;
            }
            let entries = if self.repetition_max == 0 {
                let entries = rows_left.min(page.entries_left);
                rows_left -= entries;
                entries
            } else {
                page.rows(&mut rows_left, self.repetition_max, &mut leaf)?
            };
            self.read_entries(&mut page, entries, &mut leaf)?;
            self.page = Some(page);
        }
        Ok((leaf, rows_max - rows_left))
    }

    /// The values of the chunk's dictionary, where a page of it has been read.
    pub(super) fn dictionary(&self) -> Option<&Values> {
        self.dictionary.as_ref()
    }

    /// An error where the chunk holds more than its row group has rows.
    pub(super) fn end(&self) -> Result<()> {
        if let Some(page) = self.page.as_ref().filter(|page| page.entries_left == 0) {
            page.end(self.kind)?;
        }
        let page_ended = self.page.as_ref().is_none_or(|page| page.entries_left == 0);
        if self.entries_left == 0 && page_ended && self.pages.is_empty() {
            return Ok(());
        }
        Err(corrupt("a column holds more than its row group has rows"))
    }

    /// Definitions and values of the next entries of a page.
    fn read_entries(&mut self, page: &mut DataPage, entries: usize, leaf: &mut Leaf) -> Result<()> {
        page.entries_left -= entries;
        leaf.entries += entries;
        leaf.looked_up &= page.values.is_looked_up();
        let mut values = entries;
        if let Some(definitions) = &mut page.definitions {
            let from = leaf.definitions.len();
            definitions
                .read(entries, &mut leaf.definitions, |level| level as i16)
                .ok_or_else(damaged_page)?;
            let levels = &leaf.definitions[from..];
            if levels.iter().any(|level| !(0..=self.definition_max).contains(level)) {
                return Err(damaged_page());
            }
            values = levels.iter().filter(|level| **level == self.definition_max).count();
        }
        page.values
            .read(self.kind, values, self.dictionary.as_ref(), &mut leaf.values)
            .ok_or_else(damaged_page)
    }

    /// The next data page that has entries, and the dictionary before it.
    fn next_page(&mut self) -> Result<DataPage> {
        loop {
            let page = self.pages.next()?;
            let page = page.ok_or_else(|| corrupt("a column ends before its row group"))?;
            if page.dictionary {
                self.dictionary = Some(self.read_dictionary(page).ok_or_else(damaged_page)?);
                continue;
            }
            let left = self.entries_left.checked_sub(page.entries);
            self.entries_left = left
                .ok_or_else(|| corrupt("the pages of a column hold more than its footer says"))?;
            if page.entries > 0 {
                return self.data_page(page).ok_or_else(damaged_page);
            }
        }
    }

    /// None where there is one already, or the page is not what it says.
    fn read_dictionary(&self, page: Page) -> Option<Values> {
        if self.dictionary.is_some() {
            return None;
        }
        let mut entries = self.kind.values();
        let mut values = Decoder::new(self.kind, true, Encoding::PLAIN, page.bytes)?;
        values.read(self.kind, page.entries, None, &mut entries)?;
        values.is_used_up(self.kind).then_some(entries)
    }

    fn data_page(&self, page: Page) -> Option<DataPage> {
        let mut bytes = page.bytes;
        let mut levels = |level_max: i16| {
            if level_max == 0 {
                return Some(None);
            }
            let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
            let end = length.checked_add(4).filter(|end| *end <= bytes.len())?;
            let levels = bytes.slice(4..end);
            bytes = bytes.slice(end..);
            Some(Some(Hybrid::new(levels, 16 - level_max.leading_zeros())?))
        };
        let repetitions = levels(self.repetition_max)?;
        let definitions = levels(self.definition_max)?;
        let flat = self.repetition_max == 0;
        let values = Decoder::new(self.kind, flat, page.encoding, bytes)?;
        Some(DataPage {
            repetitions,
            definitions,
            peeked: None,
            values,
            entries_left: page.entries,
        })
    }
}

impl DataPage {
    /// How many of the page's next entries are the rows asked for, whose levels are appended; takes the rows
    /// there are off `rows_left`. It stops early, behind a row, where the leaf has many entries by then. A row
    /// never goes on in another page: offset indexes rule that out.
    fn rows(
        &mut self,
        rows_left: &mut usize,
        repetition_max: i16,
        leaf: &mut Leaf,
    ) -> Result<usize> {
        let (mut entries, mut in_row) = (0, 0);
        while entries < self.entries_left {
            let level = match self.peeked.take() {
                Some(level) => level,
                None => self.next_repetition().ok_or_else(damaged_page)?,
            };
            if level == 0 {
                let enough = entries > 0 && leaf.entries + entries >= READ_ENTRIES;
                if *rows_left == 0 || enough {
                    self.peeked = Some(level);
                    break;
                }
                *rows_left -= 1;
                in_row = 0;
            } else if entries == 0 || level > repetition_max {
                return Err(damaged_page());
            }
            in_row += 1;
            if in_row > ROW_ENTRIES_MAX {
                return Err(corrupt("a row has more elements than any page holds"));
            }
            let out = &mut leaf.repetitions;
            if out.len() == out.capacity() {
                let reserved = out.try_reserve(out.len().max(READ_ENTRIES));
                reserved.map_err(|_| no_memory("the elements of one row"))?;
            }
            out.push(level);
            entries += 1;
        }
        Ok(entries)
    }

    /// An error where the page, all of whose entries are read, has more bytes than they take.
    fn end(&self, kind: Kind) -> Result<()> {
        let used_up = |levels: &Option<Hybrid>| levels.as_ref().is_none_or(Hybrid::is_used_up);
        let all = used_up(&self.repetitions) && used_up(&self.definitions);
        match all && self.values.is_used_up(kind) {
            true => Ok(()),
            false => Err(corrupt("a page has more bytes than its values take")),
        }
    }

    fn next_repetition(&mut self) -> Option<i16> {
        let level = self.repetitions.as_mut()?.next()?;
        i16::try_from(level).ok()
    }
}
