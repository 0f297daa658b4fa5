//! Reads the pages of a column chunk, one after the other: header, checksum, codec.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ColumnChunkMetaData;

use super::chunk::ChunkPages;
use super::damage::{corrupt, damaged_page};
use super::extent::Extent;
use super::limits::{DICTIONARY_PAGE_BYTES_MAX, PAGE_VALUES_MAX, Terms, no_memory, too_much};
use super::values::Kind;
use crate::format::codec::{DecompressFault, Decompressor};
use crate::format::crc32::crc32;
use crate::format::page_header::{PageHeader, PageKind, ReadHeader};
use crate::{Error, Result};

/// Reads pages of one column chunk.
pub(super) struct PageReader {
    terms: Terms,
    bytes: Bytes,
    /// The pages that follow `bytes` and do not lie right behind them in the file.
    behind: Bytes,
    kind: Kind,
    definition_max: i16,
    repetition_max: i16,
    decompressor: Decompressor,
    /// The bytes that the remaining pages may have before the codec, as the footer says.
    uncompressed_left: usize,
}

/// One page, decompressed.
pub(super) struct DecodedPage {
    pub(super) dictionary: bool,
    pub(super) entries: usize,
    pub(super) encoding: Encoding,
    pub(super) bytes: Bytes,
}

/// Where a page lies, as its header says.
pub(super) struct PagePlace {
    /// Bytes of the chunk before it.
    pub(super) start: usize,
    /// Its bytes, with its header.
    pub(super) length: usize,
    pub(super) dictionary: bool,
    pub(super) entries: usize,
}

impl PageReader {
    pub(super) fn new(
        pages: ChunkPages,
        chunk: &ColumnChunkMetaData,
        terms: &Terms,
    ) -> Result<Self> {
        let (codec, descriptor) = (chunk.compression(), chunk.column_descr());
        Ok(PageReader {
            terms: terms.clone(),
            kind: Kind::of(descriptor)
                .ok_or_else(|| corrupt("it has an INT96 column, which Coldpress never writes"))?,
            definition_max: descriptor.max_def_level(),
            repetition_max: descriptor.max_rep_level(),
            bytes: pages.dictionary,
            behind: pages.pages,
            decompressor: Decompressor::new(codec).ok_or_else(|| unread(codec))?,
            uncompressed_left: usize::try_from(chunk.uncompressed_size()).map_err(corrupt)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.behind.is_empty()
    }

    /// The places of all pages of a whole chunk. An error if the header of a page claims more than
    /// a page can have. Call it before the first page is read.
    pub(super) fn places(&self) -> Result<Vec<PagePlace>> {
        let mut places = Vec::new();
        self.walk(|header, start, length| {
            self.check(header)?;
            let PageHeader { kind, entries, .. } = *header;
            let dictionary = kind == PageKind::Dictionary;
            places.push(PagePlace { start, length, dictionary, entries });
            Ok(())
        })?;
        Ok(places)
    }

    /// Walks the headers of the remaining pages without reading a page. Gives each header with the
    /// start of its page in the chunk, and the length of header and page.
    fn walk(&self, mut on: impl FnMut(&PageHeader, usize, usize) -> Result<()>) -> Result<()> {
        for bytes in [&self.bytes, &self.behind] {
            let mut start = 0;
            while start < bytes.len() {
                let (header, length) = first_page(&bytes[start..])?;
                on(&header.page, start, length)?;
                start += length;
            }
        }
        Ok(())
    }

    /// The next page; `None` at the end of the chunk.
    pub(super) fn next(&mut self) -> Result<Option<DecodedPage>> {
        let Some((header, end)) = self.peek()? else { return Ok(None) };
        let stored = self.bytes.slice(header.bytes..end);
        self.pass(&header, end)?;
        // A fuzzer cannot compute checksums, and must reach the code behind this check.
        let verified = !cfg!(fuzzing);
        if verified && header.checksum.is_some_and(|checksum| checksum != crc32(&stored)) {
            return Err(corrupt("the checksum of a page does not match its bytes"));
        }
        let page = header.page;
        let mut extent = self.extent(&page);
        let needs_more = |there: &[u8]| self.terms.go_on().is_ok() && extent.needs_more(there);
        let bytes = self.decompressor.decompress(stored, page.uncompressed, needs_more);
        let bytes = bytes.map_err(|fault| match fault {
            DecompressFault::Damaged => damaged_page(),
            DecompressFault::NoMemory => {
                no_memory(format!("a page of {} bytes", page.uncompressed))
            }
        });
        self.terms.go_on()?;
        Ok(Some(DecodedPage {
            dictionary: page.kind == PageKind::Dictionary,
            entries: page.entries,
            encoding: page.encoding,
            bytes: bytes?,
        }))
    }

    /// Goes past the next page, which is not read, if it is a data page of at most so many entries.
    /// Gives the number of its entries.
    pub(super) fn skip(&mut self, entries_max: usize) -> Result<Option<usize>> {
        let Some((header, end)) = self.peek()? else { return Ok(None) };
        let PageHeader { kind, entries, .. } = header.page;
        if kind == PageKind::Dictionary || entries > entries_max {
            return Ok(None);
        }
        self.pass(&header, end)?;
        Ok(Some(entries))
    }

    /// The header of the next page, which has been checked, and the end of the page.
    fn peek(&mut self) -> Result<Option<(ReadHeader, usize)>> {
        self.terms.go_on()?;
        if self.bytes.is_empty() {
            self.bytes = std::mem::take(&mut self.behind);
        }
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let (header, end) = first_page(&self.bytes)?;
        self.check(&header.page)?;
        Ok(Some((header, end)))
    }

    /// Goes past the page with this header.
    fn pass(&mut self, header: &ReadHeader, end: usize) -> Result<()> {
        self.bytes = self.bytes.slice(end..);
        let uncompressed = header.bytes.checked_add(header.page.uncompressed);
        self.uncompressed_left = uncompressed
            .and_then(|uncompressed| self.uncompressed_left.checked_sub(uncompressed))
            .ok_or_else(|| corrupt("the pages of a column are longer than the footer says"))?;
        Ok(())
    }

    /// An error if the header claims more than a page can have. It comes before any memory is taken
    /// for the page.
    fn check(&self, header: &PageHeader) -> Result<()> {
        let limits = &self.terms.limits;
        let PageHeader { kind, entries, uncompressed, .. } = *header;
        if kind == PageKind::Dictionary {
            return match uncompressed <= DICTIONARY_PAGE_BYTES_MAX {
                true => Ok(()),
                false => Err(corrupt("a dictionary is larger than any encoder writes")),
            };
        }
        if self.repetition_max == 0 && entries > limits.page_rows_max {
            let what = format!("a page claims to have {entries} rows");
            return Err(too_much(what, "page_rows_max", limits.page_rows_max));
        }
        if entries > PAGE_VALUES_MAX {
            return Err(corrupt("a page claims to have more values than any encoder writes"));
        }
        if uncompressed > limits.page_bytes_max {
            let what = format!("a page claims to have {uncompressed} bytes before its codec");
            return Err(too_much(what, "page_bytes_max", limits.page_bytes_max));
        }
        if self.extent(header).bytes_max().is_some_and(|most| uncompressed > most) {
            return Err(corrupt("a page claims to be longer than its values"));
        }
        Ok(())
    }

    fn extent(&self, header: &PageHeader) -> Extent {
        let dictionary = header.kind == PageKind::Dictionary;
        Extent {
            kind: self.kind,
            encoding: header.encoding,
            entries: header.entries,
            definition_max: if dictionary { 0 } else { self.definition_max },
            repetition_max: if dictionary { 0 } else { self.repetition_max },
            values: None,
        }
    }
}

/// The header at the start of `bytes`, and the length of the header and its page.
fn unread(codec: Compression) -> Error {
    let is_optional = matches!(codec, Compression::BROTLI(_) | Compression::GZIP(_));
    if cfg!(not(feature = "decode-all")) && is_optional {
        return Error::settings(format!(
            "its pages are in the codec {codec}, which this build does not read; use one with the \
             feature `decode-all`"
        ));
    }
    corrupt(format!("it has pages in the codec {codec}, which Coldpress never writes"))
}

fn first_page(bytes: &[u8]) -> Result<(ReadHeader, usize)> {
    let header =
        ReadHeader::read(bytes).ok_or_else(|| corrupt("the header of a page cannot be decoded"))?;
    let end = header.bytes.checked_add(header.compressed).filter(|end| *end <= bytes.len());
    let end = end.ok_or_else(|| corrupt("a page is longer than its column chunk"))?;
    Ok((header, end))
}
