//! One page of texts: what it holds, and its body in each encoding.

use std::ops::Range;

use parquet::schema::types::ColumnDescriptor;

use super::bits;
use super::bounds::head;
use crate::codec::Compressor;
use crate::{Codec, Result};

/// The definition levels of a page.
#[derive(Clone, Copy)]
pub(in super::super) enum Definitions<'l> {
    /// Every entry is a value.
    Full,
    Levels(&'l [i16]),
}

/// One page to write: UTF-8 texts, which lie one behind the other.
pub(in super::super) struct TextPage<'l> {
    pub(in super::super) bytes: &'l [u8],
    /// Where each text of the column ends in `bytes`.
    pub(in super::super) ends: &'l [usize],
    /// The texts of this page.
    pub(in super::super) values: Range<usize>,
    pub(in super::super) rows: usize,
    pub(in super::super) entries: usize,
    pub(in super::super) definitions: Definitions<'l>,
    /// Empty where every entry is a row of its own.
    pub(in super::super) repetitions: &'l [i16],
}

/// Buffers that serve page after page: fresh memory costs more than what is written to it.
pub(in super::super) struct Scratch {
    pub(super) compressor: Compressor,
    pub(super) body: Vec<u8>,
    pub(super) rests: Vec<u8>,
    pub(super) prefixes: Vec<i32>,
    pub(super) lengths: Vec<i32>,
}

impl Scratch {
    pub(in super::super) fn new(codec: Codec) -> Result<Self> {
        Ok(Scratch {
            compressor: Compressor::new(codec)?,
            body: Vec::new(),
            rests: Vec::new(),
            prefixes: Vec::new(),
            lengths: Vec::new(),
        })
    }
}

impl<'l> TextPage<'l> {
    fn start(&self) -> usize {
        if self.values.start == 0 { 0 } else { self.ends[self.values.start - 1] }
    }

    /// All texts of the page as they lie.
    fn text(&self) -> &'l [u8] {
        let end =
            if self.values.is_empty() { self.start() } else { self.ends[self.values.end - 1] };
        &self.bytes[self.start()..end]
    }

    pub(super) fn text_bytes(&self) -> usize {
        self.text().len()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &'l [u8]> {
        let (bytes, mut start) = (self.bytes, self.start());
        self.ends[self.values.clone()].iter().map(move |end| {
            let text = &bytes[start..*end];
            start = *end;
            text
        })
    }

    pub(super) fn bounds(&self) -> Option<(&'l [u8], &'l [u8])> {
        let mut texts = self.texts();
        let first = texts.next()?;
        // Eight bytes decide most comparisons without a call.
        let (mut min, mut max) = ((head(first), first), (head(first), first));
        for text in texts {
            let text = (head(text), text);
            if text < min {
                min = text;
            } else if text > max {
                max = text;
            }
        }
        Some((min.1, max.1))
    }
}

pub(super) fn write_levels(descriptor: &ColumnDescriptor, page: &TextPage<'_>, body: &mut Vec<u8>) {
    let (definition_max, repetition_max) = (descriptor.max_def_level(), descriptor.max_rep_level());
    if repetition_max > 0 {
        bits::levels(body, page.repetitions, repetition_max);
    }
    match page.definitions {
        _ if definition_max == 0 => {}
        Definitions::Full => {
            bits::uniform_levels(body, page.entries, definition_max, definition_max);
        }
        Definitions::Levels(levels) => bits::levels(body, levels, definition_max),
    }
}

/// DELTA_LENGTH_BYTE_ARRAY: all lengths, then all texts.
pub(super) fn write_lengths(page: &TextPage<'_>, scratch: &mut Scratch) {
    scratch.lengths.clear();
    scratch.lengths.extend(page.texts().map(|text| text.len() as i32));
    bits::delta(&mut scratch.body, &scratch.lengths);
    scratch.body.extend_from_slice(page.text());
}

/// DELTA_BYTE_ARRAY: how much each text shares with the one before, then the rest of each likewise.
pub(super) fn write_prefixed(page: &TextPage<'_>, scratch: &mut Scratch) {
    let Scratch { body, rests, prefixes, lengths, .. } = scratch;
    rests.clear();
    prefixes.clear();
    lengths.clear();
    let mut before: &[u8] = &[];
    for text in page.texts() {
        let shared = shared_prefix(before, text);
        prefixes.push(shared as i32);
        lengths.push((text.len() - shared) as i32);
        rests.extend_from_slice(&text[shared..]);
        before = text;
    }
    bits::delta(body, prefixes);
    bits::delta(body, lengths);
    body.extend_from_slice(rests);
}

/// How many bytes two texts have in common at their start.
pub(in super::super) fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
