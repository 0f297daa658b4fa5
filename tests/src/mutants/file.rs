//! A file of ours taken apart, and laid out again with sizes, offsets and checksums that fit.

use super::thrift::{Value, read_struct};

const DIGITS: &[u8] = b"\x18\x0fcoldpress.crc32\x18\x08";

/// One page: its header, and its bytes in the file.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) header: Value,
    pub(super) body: Vec<u8>,
    /// Whether the header's sizes and checksum are made those of the body.
    pub(super) fits: bool,
}

/// A column chunk with what the footer points at for it.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) pages: Vec<Page>,
    pub(super) offset_index: Option<Value>,
    pub(super) column_index: Option<Value>,
    pub(super) bloom: Option<(Value, Vec<u8>)>,
}

#[derive(Debug, Clone)]
pub(super) struct File {
    /// Of all row groups, in order.
    pub(super) chunks: Vec<Chunk>,
    pub(super) footer: Value,
}

impl File {
    /// Takes a whole file apart.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap_or_default());
        let footer = read_struct(bytes, &mut (end - length as usize));
        let groups = footer.field(4).map(Value::items).unwrap_or_default();
        let columns =
            groups.iter().flat_map(|group| group.field(1).map(Value::items).unwrap_or_default());
        let chunks = columns.map(|column| read_chunk(bytes, column)).collect();
        File { chunks, footer }
    }

    /// The file's bytes. `lie` changes the footer once it is true.
    pub(super) fn bytes(&self, lie: impl FnOnce(&mut Value)) -> Vec<u8> {
        let (mut out, mut footer) = (b"PAR1".to_vec(), self.footer.clone());
        let mut columns: Vec<&mut Value> = Vec::new();
        if let Some(groups) = footer.field_mut(4) {
            for group in groups.items_mut() {
                columns.extend(group.field_mut(1).into_iter().flat_map(|list| list.items_mut()));
            }
        }
        let places: Vec<_> = self.chunks.iter().map(|chunk| put_pages(chunk, &mut out)).collect();
        for ((chunk, column), (pages, start, end)) in self.chunks.iter().zip(columns).zip(places) {
            let first =
                pages.iter().zip(&chunk.pages).find(|(_, page)| page.header.int(1) == Some(0));
            if let Some(meta) = column.field_mut(3) {
                let sizes = pages.iter().zip(&chunk.pages).map(|((_, length), page)| {
                    // A lie may be as large as it likes.
                    let body = page.header.int(2).unwrap_or(0);
                    body.wrapping_add((*length - page.body.len()) as i64)
                });
                meta.set(6, sizes.fold(0, i64::wrapping_add));
                meta.set(7, (end - start) as i64);
                meta.set(9, first.map_or(start, |(place, _)| place.0) as i64);
                meta.set(11, start as i64);
                if let Some((header, filter)) = &chunk.bloom {
                    let from = out.len();
                    header.bytes().iter().chain(filter).for_each(|byte| out.push(*byte));
                    meta.set(14, from as i64);
                    meta.set(15, (out.len() - from) as i64);
                }
            }
            if let Some(mut index) = chunk.offset_index.clone() {
                let data = pages
                    .iter()
                    .zip(&chunk.pages)
                    .filter(|(_, page)| page.header.int(1) == Some(0));
                let locations = index.field_mut(1).map(Value::items_mut).unwrap_or_default();
                for (location, ((at, length), _)) in locations.iter_mut().zip(data) {
                    location.set(1, *at as i64);
                    location.set(2, *length as i64);
                }
                put_index(&index, column, (4, 5), &mut out);
            }
            if let Some(index) = &chunk.column_index {
                put_index(index, column, (6, 7), &mut out);
            }
        }
        lie(&mut footer);
        let footer = footer.bytes();
        out.extend(&footer);
        out.extend((footer.len() as u32).to_le_bytes());
        out.extend(b"PAR1");
        seal(&mut out);
        out
    }
}

fn read_chunk(bytes: &[u8], column: &Value) -> Chunk {
    let meta = column.field(3);
    let int = |id| meta.and_then(|meta| meta.int(id));
    let first = int(9).unwrap_or(4);
    let mut at = int(11).map_or(first, |dictionary| dictionary.min(first)) as usize;
    let end = at + int(7).unwrap_or(0) as usize;
    let mut pages = Vec::new();
    while at < end {
        let header = read_struct(bytes, &mut at);
        let length = header.int(3).unwrap_or(0) as usize;
        pages.push(Page { header, body: bytes[at..at + length].to_vec(), fits: true });
        at += length;
    }
    let index = |id| column.int(id).map(|at| read_struct(bytes, &mut (at as usize)));
    let bloom = int(14).map(|at| {
        let mut at = at as usize;
        let header = read_struct(bytes, &mut at);
        let length = header.int(1).unwrap_or(0) as usize;
        (header, bytes[at..at + length].to_vec())
    });
    Chunk { pages, offset_index: index(4), column_index: index(6), bloom }
}

type Places = (Vec<(usize, usize)>, usize, usize);

fn put_pages(chunk: &Chunk, out: &mut Vec<u8>) -> Places {
    let (start, mut places) = (out.len(), Vec::new());
    for page in &chunk.pages {
        let (from, mut header) = (out.len(), page.header.clone());
        if page.fits {
            header.set(3, page.body.len() as i64);
        }
        header.set(4, i64::from(crc32(&page.body).cast_signed()));
        out.extend(header.bytes());
        out.extend(&page.body);
        places.push((from, out.len() - from));
    }
    (places, start, out.len())
}

fn put_index(index: &Value, column: &mut Value, (offset, length): (i16, i16), out: &mut Vec<u8>) {
    let from = out.len();
    out.extend(index.bytes());
    column.set(offset, from as i64);
    column.set(length, (out.len() - from) as i64);
}

/// Makes the checksum of the whole file right, where it has a place for one.
pub(super) fn seal(file: &mut [u8]) {
    let starts = 0..file.len().saturating_sub(DIGITS.len() + 8);
    let Some(at) = starts.rev().find(|at| file[*at..].starts_with(DIGITS)) else { return };
    let at = at + DIGITS.len();
    file[at..at + 8].fill(b'0');
    let digits = format!("{:08x}", crc32(file));
    file[at..at + 8].copy_from_slice(digits.as_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let (mut table, mut at) = ([0; 256], 0);
        while at < 256 {
            let (mut value, mut bit) = (at as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8);
    !bytes.iter().fold(!0, step)
}
