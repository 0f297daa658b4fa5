//! Reads one column chunk, some rows at a time.

use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;

use super::batch::{LeafBatch, READ_ENTRIES};
use super::chunk::ChunkPages;
use super::damage::{corrupt, damaged_page};
use super::limits::{Terms, no_memory};
use super::pages::{DecodedPage, PageReader};
use super::values::{DecodedValues, Decoder, Kind};
use crate::Result;
use crate::format::bits::{Hybrid, level_width};
use crate::format::limits::ROW_ENTRIES_MAX;

/// Rows to go past at once.
const SKIPPED_ROWS: usize = 1_024;

/// Reads the levels and values of one column chunk, or of some of its pages.
pub(super) struct ColumnReader {
    terms: Terms,
    pages: PageReader,
    pub(super) kind: Kind,
    pub(super) definition_max: i16,
    repetition_max: i16,
    dictionary: Option<DecodedValues>,
    pub(super) page: Option<DataPage>,
    /// Entries of the pages that are not read yet, as the footer or the offset index says. The most
    /// that they can have, if only some pages of a list are read: nothing says how many they are.
    entries_left: usize,
    /// Whether `entries_left` is exact.
    counted: bool,
}

/// A data page that is being read.
pub(super) struct DataPage {
    /// `None` if all levels of the column are 0.
    repetitions: Option<Hybrid>,
    pub(super) definitions: Option<Hybrid>,
    /// The repetition level of the next entry, if it has been read already.
    peeked: Option<i16>,
    pub(super) values: Decoder,
    pub(super) entries_left: usize,
}

impl ColumnReader {
    pub(super) fn new(
        pages: ChunkPages,
        chunk: &ColumnChunkMetaData,
        terms: &Terms,
    ) -> Result<Self> {
        let descriptor = chunk.column_descr();
        let flat = descriptor.max_rep_level() == 0;
        let entries_left = match pages.whole || !flat {
            true => usize::try_from(chunk.num_values()).map_err(corrupt)?,
            false => pages.rows.len(),
        };
        let counted = pages.whole || flat;
        Ok(ColumnReader {
            terms: terms.clone(),
            pages: PageReader::new(pages, chunk, terms)?,
            kind: Kind::of(descriptor)
                .ok_or_else(|| corrupt("it has an INT96 column, which Coldpress never writes"))?,
            definition_max: descriptor.max_def_level(),
            repetition_max: descriptor.max_rep_level(),
            dictionary: None,
            page: None,
            entries_left,
            counted,
        })
    }

    /// An empty list for values of the chunk's kind.
    pub(super) fn no_values(&self) -> DecodedValues {
        self.kind.values()
    }

    /// Appends the next rows to the batch: at least one, at most `rows_max`, and fewer if the batch
    /// has many entries by then. Gives their number. An error if no row is left.
    pub(super) fn read(&mut self, rows_max: usize, leaf: &mut LeafBatch) -> Result<usize> {
        self.rows(rows_max, leaf, true)
    }

    /// Goes past the next rows. Of a column in no list, it leaves out whole pages, and values in
    /// pages, without decoding them.
    pub(super) fn skip(&mut self, mut rows: usize) -> Result<()> {
        while rows > 0 && self.repetition_max > 0 {
            let mut levels = LeafBatch::new(self.kind.values());
            rows -= self.rows(rows.min(SKIPPED_ROWS), &mut levels, false)?;
        }
        while rows > 0 {
            let Some(page) = &mut self.page else {
                match self.pages.skip(rows)? {
                    Some(entries) => {
                        self.take(entries)?;
                        rows -= entries;
                    }
                    None => self.page = Some(self.next_page()?),
                }
                continue;
            };
            if page.entries_left == 0 {
                page.end(self.kind)?;
                self.page = None;
                continue;
            }
            let entries = rows.min(page.entries_left);
            rows -= entries;
            page.entries_left -= entries;
            if page.entries_left == 0 {
                self.page = None;
            } else {
                page.skip(entries, self.kind, self.definition_max).ok_or_else(damaged_page)?;
            }
        }
        Ok(())
    }

    /// Reads rows as [`ColumnReader::read`] says. `keeps`: their values too, and not only levels.
    fn rows(&mut self, rows_max: usize, leaf: &mut LeafBatch, keeps: bool) -> Result<usize> {
        self.terms.go_on()?;
        let mut rows_left = rows_max;
        while rows_left > 0 && (leaf.entries < READ_ENTRIES || rows_left == rows_max) {
            let mut page = self.open_page()?;
            let entries = if self.repetition_max == 0 {
                let entries = rows_left.min(page.entries_left);
                rows_left -= entries;
                entries
            } else {
                page.rows(&mut rows_left, self.repetition_max, leaf)?
            };
            self.read_entries(&mut page, entries, leaf, keeps)?;
            self.page = Some(page);
        }
        Ok(rows_max - rows_left)
    }

    /// The page that is being read, or the next one: it has an entry that is not read yet.
    pub(super) fn open_page(&mut self) -> Result<DataPage> {
        loop {
            let Some(page) = self.page.take() else { return self.next_page() };
            if page.entries_left > 0 {
                return Ok(page);
            }
            page.end(self.kind)?;
        }
    }

    /// The values of the chunk's dictionary; `None` if it has none, or if no data page has been
    /// read.
    pub(super) fn dictionary(&self) -> Option<&DecodedValues> {
        self.dictionary.as_ref()
    }

    /// An error if the chunk has entries after the last row of its row group.
    pub(super) fn end(&self) -> Result<()> {
        if let Some(page) = self.page.as_ref().filter(|page| page.entries_left == 0) {
            page.end(self.kind)?;
        }
        let page_ended = self.page.as_ref().is_none_or(|page| page.entries_left == 0);
        let entries_ended = self.entries_left == 0 || !self.counted;
        if entries_ended && page_ended && self.pages.is_empty() {
            return Ok(());
        }
        Err(corrupt("a column has more entries than the rows of its row group"))
    }

    /// Reads the definition levels and values of the next entries of a page.
    fn read_entries(
        &mut self,
        page: &mut DataPage,
        entries: usize,
        leaf: &mut LeafBatch,
        keeps: bool,
    ) -> Result<()> {
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
            values = values_of(levels, self.definition_max).ok_or_else(damaged_page)?;
        }
        let dictionary = self.dictionary.as_ref();
        let done = match keeps {
            true => page.values.read(self.kind, values, dictionary, &mut leaf.values),
            false => page.values.skip(self.kind, values),
        };
        done.ok_or_else(damaged_page)
    }

    /// The next data page that has entries. Keeps the dictionary if it comes before that page.
    fn next_page(&mut self) -> Result<DataPage> {
        loop {
            let page = self.pages.next()?;
            let page = page.ok_or_else(|| {
                corrupt("a column has fewer entries than the rows of its row group")
            })?;
            if page.dictionary {
                self.dictionary = Some(self.read_dictionary(page).ok_or_else(damaged_page)?);
                continue;
            }
            self.take(page.entries)?;
            if page.entries > 0 {
                return self.data_page(page).ok_or_else(damaged_page);
            }
        }
    }

    /// Counts the entries of a page.
    fn take(&mut self, entries: usize) -> Result<()> {
        let left = self.entries_left.checked_sub(entries);
        self.entries_left = left.ok_or_else(|| {
            corrupt("the pages of a column have more entries than the footer says")
        })?;
        Ok(())
    }

    /// The values of a dictionary page; `None` if the chunk has a dictionary already, or if the
    /// page is damaged.
    fn read_dictionary(&self, page: DecodedPage) -> Option<DecodedValues> {
        if self.dictionary.is_some() {
            return None;
        }
        let mut entries = self.kind.values();
        let mut values = Decoder::new(self.kind, true, Encoding::PLAIN, page.bytes)?;
        values.read(self.kind, page.entries, None, &mut entries)?;
        values.is_used_up(self.kind).then_some(entries)
    }

    fn data_page(&self, page: DecodedPage) -> Option<DataPage> {
        let mut bytes = page.bytes;
        let mut levels = |level_max: i16| {
            if level_max == 0 {
                return Some(None);
            }
            let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
            let end = length.checked_add(4).filter(|end| *end <= bytes.len())?;
            let levels = bytes.slice(4..end);
            bytes = bytes.slice(end..);
            Some(Some(Hybrid::new(levels, level_width(level_max))?))
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

/// How many of these entries have a value; `None` if a level is none of the column's.
pub(super) fn values_of(levels: &[i16], definition_max: i16) -> Option<usize> {
    if levels.iter().any(|level| !(0..=definition_max).contains(level)) {
        return None;
    }
    Some(levels.iter().filter(|level| **level == definition_max).count())
}

impl DataPage {
    /// Goes past entries of a column in no list.
    fn skip(&mut self, entries: usize, kind: Kind, definition_max: i16) -> Option<()> {
        let values = match &mut self.definitions {
            Some(levels) => levels.skip(entries, u32::try_from(definition_max).ok())?,
            None => entries,
        };
        self.values.skip(kind, values)
    }

    /// Reads the repetition levels of up to `rows_left` rows of the page, and appends them to the
    /// batch. Gives the number of their entries, and subtracts the rows from `rows_left`. It stops
    /// early, at the end of a row, if the batch has many entries by then. A row never continues in
    /// another page: a file with offset indexes must not have such pages (`parquet.thrift`,
    /// `OffsetIndex`).
    fn rows(
        &mut self,
        rows_left: &mut usize,
        repetition_max: i16,
        leaf: &mut LeafBatch,
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
                return Err(corrupt("a row has more elements than a page can hold"));
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

    /// An error if the page has bytes after its last entry. All its entries must have been read.
    fn end(&self, kind: Kind) -> Result<()> {
        let used_up = |levels: &Option<Hybrid>| levels.as_ref().is_none_or(Hybrid::is_used_up);
        let all = used_up(&self.repetitions) && used_up(&self.definitions);
        match all && self.values.is_used_up(kind) {
            true => Ok(()),
            false => Err(corrupt("a page has bytes after its last value")),
        }
    }

    fn next_repetition(&mut self) -> Option<i16> {
        let level = self.repetitions.as_mut()?.next()?;
        i16::try_from(level).ok()
    }
}
