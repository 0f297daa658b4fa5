//! One page: its entries, and what its levels are in bytes.

use std::ops::Range;

use super::bits;
use crate::codec::Compressor;
use crate::resolve::{LevelSlice, Values};
use crate::{Codec, Result};

/// The definition levels of a page.
#[derive(Clone)]
pub(in super::super) enum Definitions<'l> {
    /// Every entry is a value.
    Full,
    Levels(LevelSlice<'l>),
}

/// One page to write.
pub(in super::super) struct Page<'l> {
    /// The values of the whole column, and which of them are the page's.
    pub(in super::super) values: &'l Values,
    pub(in super::super) range: Range<usize>,
    pub(in super::super) rows: usize,
    pub(in super::super) entries: usize,
    pub(in super::super) definitions: Definitions<'l>,
    /// Empty where every entry is a row of its own.
    pub(in super::super) repetitions: LevelSlice<'l>,
}

/// Buffers that serve page after page: fresh memory costs more than what is written to it.
pub(in super::super) struct Scratch {
    pub(super) compressor: Compressor,
    /// The page as it is, and once compressed.
    pub(super) body: Vec<u8>,
    pub(super) compressed: Vec<u8>,
    pub(super) rests: Vec<u8>,
    pub(super) prefixes: Vec<i32>,
    pub(super) lengths: Vec<i32>,
}

impl Scratch {
    pub(in super::super) fn new(codec: Codec) -> Result<Self> {
        Ok(Scratch {
            compressor: Compressor::new(codec)?,
            body: Vec::new(),
            compressed: Vec::new(),
            rests: Vec::new(),
            prefixes: Vec::new(),
            lengths: Vec::new(),
        })
    }
}

impl Page<'_> {
    /// Bytes of the page's byte strings, without their lengths; none where its values are of
    /// another kind.
    pub(super) fn blob_bytes(&self) -> Option<usize> {
        match self.values {
            Values::Bytes(blobs) => Some(blobs.span(self.range.clone()).len()),
            _ => None,
        }
    }

    /// Appends the levels, of these maxima.
    pub(super) fn write_levels(
        &self,
        definition_max: i16,
        repetition_max: i16,
        body: &mut Vec<u8>,
    ) {
        if repetition_max > 0 {
            bits::levels(body, &self.repetitions, repetition_max);
        }
        match &self.definitions {
            _ if definition_max == 0 => {}
            Definitions::Full => {
                bits::uniform_levels(body, self.entries, definition_max, definition_max);
            }
            Definitions::Levels(levels) => bits::levels(body, levels, definition_max),
        }
    }
}
