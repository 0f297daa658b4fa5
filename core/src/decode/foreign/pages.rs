//! The pages of a column chunk of any writer, as parquet's readers take them.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescPtr;

use super::content;
use super::header::{DataV2, Header, Kind};
use super::terms::PageTerms;
use crate::decode::damage::corrupt;
use crate::decode::limits::{no_memory, too_much};
use crate::format::codec::{DecompressFault, Decompressor};
use crate::format::crc32::crc32;
use crate::{Error, ErrorKind, Result};

/// The most values and nulls of one page. Old writers put a whole row group into one page.
const PAGE_ENTRIES_MAX: u32 = 1 << 24;

/// Reads the pages of one column chunk, and checks what parquet's readers would believe: sizes,
/// checksums, and the counts in pages of deltas.
pub struct CheckedPages {
    terms: Arc<PageTerms>,
    bytes: Bytes,
    column: ColumnDescPtr,
    decompressor: Decompressor,
    /// The header at the start of `bytes`, once it was looked at.
    header: Option<Header>,
    /// The first page, if it was read ahead.
    first: Option<Page>,
}

impl CheckedPages {
    /// `bytes` are those of [`chunk_range`](super::chunk_range). An error of kind `Settings` if
    /// this build does not read the codec.
    pub fn new(bytes: Bytes, chunk: &ColumnChunkMetaData, terms: &Arc<PageTerms>) -> Result<Self> {
        let column = chunk.column_descr_ptr();
        let codec = chunk.compression();
        let decompressor = Decompressor::of_any_writer(codec).ok_or_else(|| {
            let name = column.path().string();
            Error::settings(format!(
                "column {name} is compressed with {codec}, which Coldpress does not read; write \
                 the file with another codec"
            ))
        })?;
        let terms = Arc::clone(terms);
        Ok(CheckedPages { terms, bytes, column, decompressor, header: None, first: None })
    }

    /// The length of the longest byte string in the dictionary, in bytes; 0 if the first page is
    /// none, or if the column holds no byte strings of any length. It reads that page.
    pub fn longest_in_dictionary(&mut self) -> Result<usize> {
        let is_dictionary =
            matches!(self.peek()?, Some(Header { kind: Kind::Dictionary { .. }, .. }));
        if self.column.physical_type() != Type::BYTE_ARRAY || !is_dictionary {
            return Ok(0);
        }
        self.first = self.read()?;
        let Some(Page::DictionaryPage { buf, num_values, .. }) = &self.first else { return Ok(0) };
        let entries = usize::try_from(*num_values).map_err(corrupt)?;
        content::longest(buf, entries).ok_or_else(|| self.damaged("its dictionary is cut"))
    }

    /// The header of the next page that a reader needs; `None` at the end.
    fn peek(&mut self) -> Result<Option<Header>> {
        loop {
            if self.bytes.is_empty() {
                return Ok(None);
            }
            let header = match self.header {
                Some(header) => header,
                None => Header::read(&self.bytes)
                    .ok_or_else(|| self.damaged("the header of a page cannot be decoded"))?,
            };
            let end = header.bytes.checked_add(header.stored);
            if end.is_none_or(|end| end > self.bytes.len()) {
                return Err(self.damaged("a page is longer than its column chunk"));
            }
            self.header = Some(header);
            if !matches!(header.kind, Kind::Other) {
                return Ok(Some(header));
            }
            self.pass(&header);
        }
    }

    /// Goes past the next page, and gives its bytes.
    fn pass(&mut self, header: &Header) -> Bytes {
        let page = self.bytes.split_to(header.bytes + header.stored);
        self.header = None;
        page.slice(header.bytes..)
    }

    fn read(&mut self) -> Result<Option<Page>> {
        self.terms.go_on()?;
        let Some(header) = self.peek()? else { return Ok(None) };
        self.check(&header)?;
        let stored = self.pass(&header);
        // A fuzzer cannot compute checksums, and must reach the code behind this check.
        let verified = !cfg!(fuzzing);
        if verified && header.checksum.is_some_and(|checksum| checksum != crc32(&stored)) {
            return Err(self.damaged("the checksum of a page does not match its bytes"));
        }
        Ok(Some(match header.kind {
            Kind::Data { entries, encoding, definitions, repetitions } => {
                let buf = self.decompress(stored, header.uncompressed)?;
                let levels = [
                    (self.column.max_rep_level(), repetitions),
                    (self.column.max_def_level(), definitions),
                ];
                let values = content::values_at(&buf, entries as usize, levels);
                self.spend_on(encoding, entries, values.map(|at| buf.slice(at..)))?;
                Page::DataPage {
                    buf,
                    num_values: entries,
                    encoding,
                    def_level_encoding: definitions,
                    rep_level_encoding: repetitions,
                    statistics: None,
                }
            }
            Kind::DataV2(page) => self.data_v2(&page, stored, header.uncompressed)?,
            Kind::Dictionary { entries, encoding, sorted } => {
                let buf = self.decompress(stored, header.uncompressed)?;
                self.check_instants(&buf)?;
                Page::DictionaryPage { buf, num_values: entries, encoding, is_sorted: sorted }
            }
            Kind::Other => return Err(self.damaged("it has a page of an unknown kind")),
        }))
    }

    /// A page of version 2, of which the levels are not compressed.
    fn data_v2(&mut self, page: &DataV2, stored: Bytes, uncompressed: usize) -> Result<Page> {
        let levels = page.definition_bytes as usize + page.repetition_bytes as usize;
        if levels > stored.len() || levels > uncompressed {
            return Err(self.damaged("the levels of a page are longer than the page"));
        }
        let (buf, values) = match page.compressed {
            false => (stored.clone(), stored.slice(levels..)),
            true => {
                let values = self.decompress(stored.slice(levels..), uncompressed - levels)?;
                (Bytes::from([&stored[..levels], &values[..]].concat()), values)
            }
        };
        self.spend_on(page.encoding, page.entries, Some(values))?;
        Ok(Page::DataPageV2 {
            buf,
            num_values: page.entries,
            encoding: page.encoding,
            num_nulls: page.nulls,
            num_rows: page.rows,
            def_levels_byte_len: page.definition_bytes,
            rep_levels_byte_len: page.repetition_bytes,
            is_compressed: false,
            statistics: None,
        })
    }

    /// An error if the header claims more than a page can have. It comes before any memory is taken
    /// for the page.
    fn check(&self, header: &Header) -> Result<()> {
        let most = self.terms.limits.page_bytes_max;
        if header.uncompressed > most {
            let what =
                format!("a page claims to have {} bytes before its codec", header.uncompressed);
            return Err(too_much(what, "page_bytes_max", most));
        }
        let entries = match header.kind {
            Kind::Data { entries, .. } | Kind::Dictionary { entries, .. } => entries,
            Kind::DataV2(page) if page.rows > page.entries || page.nulls > page.entries => {
                return Err(self.damaged("a page claims to have more rows or nulls than values"));
            }
            Kind::DataV2(page) => page.entries,
            Kind::Other => 0,
        };
        if entries > PAGE_ENTRIES_MAX {
            let message = format!(
                "a page of column {} claims to have {entries} values, and at most \
                 {PAGE_ENTRIES_MAX} are read; write the file with smaller pages",
                self.column.path().string()
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    fn decompress(&mut self, stored: Bytes, size: usize) -> Result<Bytes> {
        // A page of nulls alone. Some writers then leave out the codec too.
        if size == 0 || matches!(self.decompressor, Decompressor::None) {
            return Ok(if size == 0 { Bytes::new() } else { stored });
        }
        let terms = Arc::clone(&self.terms);
        let page = self.decompressor.decompress(stored, size, |_| terms.go_on().is_ok());
        self.terms.go_on()?;
        page.map_err(|fault| match fault {
            DecompressFault::Damaged => self.damaged("a page cannot be decompressed"),
            DecompressFault::NoMemory => no_memory(format!("a page of {size} bytes")),
        })
    }

    /// Counts what the values of a page become.
    fn spend_on(&self, encoding: Encoding, entries: u32, values: Option<Bytes>) -> Result<()> {
        let wrong = "the values of a page do not fit their number";
        let values = values.ok_or_else(|| self.damaged(wrong))?;
        if encoding == Encoding::PLAIN {
            self.check_instants(&values)?;
        }
        let grows = content::grows_by(encoding, &values, entries as usize);
        let grows = grows.ok_or_else(|| self.damaged(wrong))?;
        // Of other columns, readers take no more values than the rows of a batch.
        let nested = match self.column.max_rep_level() {
            0 => 0,
            _ => u64::from(entries).saturating_mul(4 + value_bytes(&self.column)),
        };
        self.terms.spend(grows.saturating_add(nested))
    }

    /// Hosts read INT96 as microseconds. An error if that would lose something.
    fn check_instants(&self, values: &[u8]) -> Result<()> {
        if self.column.physical_type() != Type::INT96 || content::are_microseconds(values) {
            return Ok(());
        }
        let message = format!(
            "column {} has instants in INT96 that microseconds cannot hold; write the file with \
             INT64 timestamps",
            self.column.path().string()
        );
        Err(Error::new(ErrorKind::Limit, message))
    }

    fn damaged(&self, what: &str) -> Error {
        corrupt(format!("column {}: {what}", self.column.path().string()))
    }

    fn kept<T>(&self, read: Result<T>) -> Result<T, ParquetError> {
        read.map_err(|error| {
            self.terms.keep_fault(&error);
            ParquetError::General(error.to_string())
        })
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        if let Some(page) = self.first.take() {
            return Ok(Some(page));
        }
        let page = self.read();
        self.kept(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        if self.first.is_some() {
            return Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }));
        }
        let header = self.peek();
        Ok(self.kept(header)?.map(|header| match header.kind {
            Kind::DataV2(page) => PageMetadata {
                num_rows: Some(page.rows as usize),
                num_levels: Some(page.entries as usize),
                is_dict: false,
            },
            Kind::Data { entries, .. } => {
                PageMetadata { num_rows: None, num_levels: Some(entries as usize), is_dict: false }
            }
            _ => PageMetadata { num_rows: None, num_levels: None, is_dict: true },
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        if self.first.take().is_some() {
            return Ok(());
        }
        let header = self.peek();
        if let Some(header) = self.kept(header)? {
            self.pass(&header);
        }
        Ok(())
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// The bytes that a reader takes for each value of the column, besides byte strings.
fn value_bytes(column: &ColumnDescPtr) -> u64 {
    match column.physical_type() {
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.type_length()).unwrap_or(0),
        _ => 16,
    }
}
