//! Damaged and hostile files without end, made from whole ones: their structure is changed, and
//! then their checksums are made right again, so that the change reaches the decoder.

mod file;
pub mod judge;
mod thrift;

use std::path::Path;

use coldpress_core::{Codec, Encoder, Encodings, Error, Settings, Target};

use file::{File, Page, seal};
use thrift::{List, Value};

/// Whole files, from which mutants are made.
#[derive(Debug)]
pub struct Seeds(Vec<File>);

/// Numbers from one seed, the same on every machine.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 33) as usize % end.max(1)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

impl Seeds {
    /// The golden rows in every codec, some in small row groups, and the files of earlier versions.
    pub fn load(golden: &Path) -> Result<Self, Error> {
        let read = |path: &str| {
            let failed = |error| panic!("{path} in {}: {error}", golden.display());
            std::fs::read(golden.join(path)).unwrap_or_else(failed)
        };
        let mut files = vec![File::read(&read("files/version-1.0.0.parquet"))];
        for (at, name) in ["flat", "mixed", "names", "nested", "numbers"].iter().enumerate() {
            files.push(File::read(&read(&format!("files/1.1.0/{name}.parquet"))));
            let rows = read(&format!("{name}.ndjson"));
            for (number, codec) in Codec::ALL.into_iter().enumerate() {
                let row_group_rows_max = [65_536, 2, 5][(at + number) % 3];
                let encodings = Encodings::ALL[number % 3];
                let settings =
                    Settings { codec, encodings, row_group_rows_max, ..Settings::default() };
                let mut encoder = Encoder::new(settings)?;
                encoder.push_json(&rows)?;
                files.push(File::read(&encoder.finish(&Target::new(1, "golden"))?.bytes));
            }
        }
        Ok(Seeds(files))
    }

    /// How many seeds there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The seed of this number, as it was.
    pub fn whole(&self, number: usize) -> Vec<u8> {
        self.0[number].bytes(|_| {})
    }

    /// The seed of this number with four zeros behind the values of one page each; none of a page
    /// with a codec.
    pub fn padded(&self, number: usize) -> Vec<Vec<u8>> {
        let mut padded = Vec::new();
        let file = &self.0[number];
        for (at, chunk) in file.chunks.iter().enumerate() {
            for (page, _) in chunk.pages.iter().enumerate() {
                let mut file = file.clone();
                let page = &mut file.chunks[at].pages[page];
                if page.header.int(2) == page.header.int(3) {
                    page.body.extend([0; 4]);
                    page.header.set(2, page.body.len() as i64);
                    padded.push(file.bytes(|_| {}));
                }
            }
        }
        padded
    }

    /// The mutant of this number, always the same one.
    pub fn mutant(&self, number: u64) -> Vec<u8> {
        let mut random = Random(number.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x5DEE_CE66);
        random.below(1);
        let mut file = self.0[random.below(self.0.len())].clone();
        let (mut lies, mut flips) = (0, 0);
        for _ in 0..1 + random.below(3) {
            match random.below(12) {
                0..=3 => lies += 1,
                4..=6 => change_page(&mut file, &mut random),
                7 => change_header(&mut file, &mut random),
                8 => change_index(&mut file, &mut random),
                9 => claim_rows(&mut file, &mut random),
                10 => flips += 1,
                _ => change_text(&mut file, &mut random),
            }
        }
        let mut bytes = file.bytes(|footer| (0..lies).for_each(|_| change(footer, &mut random)));
        for _ in 0..flips {
            let from = if random.one_in(2) { bytes.len() / 2 } else { 4 };
            let at = from + random.below(bytes.len() - from);
            bytes[at] = random.of(&[0, 1, 0x7F, 0x80, 0xFF, bytes[at] ^ 1, bytes[at] ^ 0x10]);
        }
        seal(&mut bytes);
        bytes
    }
}

/// Changes one value of a tree: its number, its length, its type, whether it is there.
fn change(tree: &mut Value, random: &mut Random) {
    let Some(value) = tree.nth(random.below(tree.count())) else { return };
    match value {
        _ if random.one_in(12) => {
            // A value of another type, or one that takes far more work than bytes.
            *value = random.of(&[
                || Value::Raw(9, vec![0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 7]),
                || Value::Raw(9, vec![0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0]),
                || Value::Raw(11, vec![0xFF, 0xFF, 0xFF, 0xFF, 7, 0x11]),
                || Value::Raw(8, vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
                || Value::Raw(12, vec![0x1C; 300]),
                || Value::Raw(13, vec![0; 16]),
                || Value::Int(6, i64::MIN),
                || Value::Bool(true),
            ])();
        }
        Value::Int(_, number) => *number = other_number(*number, random),
        Value::Bool(value) => *value = !*value,
        Value::Byte(byte) => *byte = random.below(256) as u8,
        Value::Double(bytes) => bytes[random.below(8)] ^= 0x80,
        Value::Binary(bytes) => change_bytes(bytes, random),
        Value::List(list) => change_list(list, random),
        Value::Struct(fields) => change_fields(fields, random),
        Value::Raw(_, bytes) => change_bytes(bytes, random),
    }
}

fn change_list(list: &mut List, random: &mut Random) {
    let at = random.below(list.items.len());
    match random.below(6) {
        0 | 1 => {
            let count = list.items.len() as u64;
            list.says = Some(random.of(&[
                0,
                count + 1,
                count.saturating_sub(1),
                1 << 20,
                0x7FFF_FFFF,
                u64::MAX,
            ]));
        }
        2 => list.kind = random.below(14) as u8,
        3 if !list.items.is_empty() => drop(list.items.remove(at)),
        4 if !list.items.is_empty() => list.items.insert(at, list.items[at].clone()),
        _ => list.items.reverse(),
    }
}

fn change_fields(fields: &mut Vec<(i16, Value)>, random: &mut Random) {
    if fields.is_empty() {
        return fields.push((random.below(20) as i16, Value::Int(5, 1)));
    }
    let at = random.below(fields.len());
    match random.below(5) {
        0 => drop(fields.remove(at)),
        1 => fields.insert(at, fields[at].clone()),
        2 => fields[at].0 = random.of(&[0, 1, 20, 99, -1, i16::MAX, fields[at].0 + 1]),
        3 => fields.push((100, Value::Raw(9, vec![0xF2, 0xFF, 0xFF, 0xFF, 0xFF, 7]))),
        _ => {
            let other = random.below(fields.len());
            fields.swap(at, other);
        }
    }
}

fn other_number(number: i64, random: &mut Random) -> i64 {
    let known = [
        0,
        1,
        -1,
        2,
        4,
        7,
        64,
        255,
        20_000,
        40_960,
        65_536,
        1 << 20,
        1 << 24,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
        1 << 32,
        i64::MAX,
        i64::MIN,
    ];
    match random.below(4) {
        0 => number.wrapping_add(random.of(&[1, -1, 8, -8, 4])),
        1 => number.wrapping_mul(random.of(&[2, -1, 10, 1_000])),
        _ => random.of(&known),
    }
}

fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(7) {
        0 => bytes.truncate(at),
        1 => bytes.extend(vec![0; random.of(&[1, 4, 100, 5_000])]),
        2 if !bytes.is_empty() => bytes.extend_from_within(at..),
        3 if !bytes.is_empty() => drop(bytes.remove(at)),
        4 => bytes.insert(at, random.below(256) as u8),
        _ if !bytes.is_empty() => {
            bytes[at] = random.of(&[0, 1, 2, 3, 0x7F, 0x80, 0xFF, bytes[at] ^ 1, bytes[at] ^ 0x80]);
        }
        _ => bytes.push(1),
    }
}

fn any_page<'f>(file: &'f mut File, random: &mut Random) -> Option<&'f mut Page> {
    let chunk = random.below(file.chunks.len());
    let pages = &mut file.chunks.get_mut(chunk)?.pages;
    let page = random.below(pages.len());
    pages.get_mut(page)
}

/// Changes the bytes of a page: levels, lengths, indexes, values, or what the codec made of them.
fn change_page(file: &mut File, random: &mut Random) {
    let Some(page) = any_page(file, random) else { return };
    let before = page.body.len();
    (0..1 + random.below(3)).for_each(|_| change_bytes(&mut page.body, random));
    page.fits = !random.one_in(8);
    if random.one_in(2) && page.header.int(2) == Some(before as i64) {
        // Without a codec both sizes are the same.
        page.header.set(2, page.body.len() as i64);
    }
}

fn change_header(file: &mut File, random: &mut Random) {
    if let Some(page) = any_page(file, random) {
        page.fits = random.one_in(2);
        change(&mut page.header, random);
    }
}

fn change_index(file: &mut File, random: &mut Random) {
    let at = random.below(file.chunks.len());
    let Some(chunk) = file.chunks.get_mut(at) else { return };
    match (random.below(3), &mut chunk.bloom) {
        (0, Some((header, filter))) => match random.one_in(2) {
            true => change(header, random),
            false => change_bytes(filter, random),
        },
        (1, _) => chunk.column_index.iter_mut().for_each(|index| change(index, random)),
        _ => chunk.offset_index.iter_mut().for_each(|index| change(index, random)),
    }
}

/// Claims another number of rows wherever one stands, and runs of that length, as a bomb does.
fn claim_rows(file: &mut File, random: &mut Random) {
    let rows = random.of(&[1_000, 40_000, 1 << 20, 50_000_000, i64::from(i32::MAX)]);
    for page in file.chunks.iter_mut().flat_map(|chunk| &mut chunk.pages) {
        for id in [5, 8] {
            page.header.field_mut(id).into_iter().for_each(|header| header.set(1, rows));
        }
        // A run of levels or indexes: an even varint in front of what it repeats.
        if page.header.int(1) == Some(0) && !page.body.is_empty() && random.one_in(2) {
            let at = random.below(page.body.len().min(8));
            page.body[at] = random.of(&[0xFE, 0x80, 2, 4]);
            page.body.splice(at + 1..at + 1, [0xFF, 0xFF, 0x07]);
        }
    }
    file.footer.set(3, rows);
    let groups = file.footer.field_mut(4).map(Value::items_mut).unwrap_or_default();
    for group in groups {
        group.set(3, rows);
        for column in group.field_mut(1).map(Value::items_mut).unwrap_or_default() {
            column.field_mut(3).into_iter().for_each(|meta| meta.set(5, rows));
        }
    }
}

/// Changes a key or a value of the footer's metadata, such as the schema.
fn change_text(file: &mut File, random: &mut Random) {
    let pairs = file.footer.field_mut(5).map(Value::items_mut).unwrap_or_default();
    let at = random.below(pairs.len());
    if let Some(Value::Binary(text)) = pairs.get_mut(at).and_then(|pair| pair.field_mut(2)) {
        change_bytes(text, random);
    }
}
