//! One page: its entries, and what its levels are in bytes.

use std::ops::Range;

use crate::columns::Values;
use crate::format::bits;
use crate::format::codec::Compressor;
use crate::resolve::LevelSlice;
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
    /// Empty if every entry is a row of its own.
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
    /// The bytes of the page's byte strings, without their lengths; `None` for values of another
    /// kind.
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
            write_slice(body, &self.repetitions, repetition_max);
        }
        match &self.definitions {
            _ if definition_max == 0 => {}
            Definitions::Full => {
                bits::uniform_levels(body, self.entries, definition_max, definition_max);
            }
            Definitions::Levels(levels) => write_slice(body, levels, definition_max),
        }
    }
}

/// Appends levels. Levels one by one and the same levels in runs give the same bytes.
fn write_slice(body: &mut Vec<u8>, levels: &LevelSlice<'_>, level_max: i16) {
    match levels {
        LevelSlice::Each(levels) => bits::levels(body, levels, level_max),
        runs => bits::level_runs(body, runs.runs(), level_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Levels;

    #[test]
    fn runs_are_written_as_the_same_levels_one_by_one() {
        for seed in 0..300 {
            let each = Levels::scattered(400, 3, seed);
            let runs = Levels::in_runs(&each);
            for range in [0..400, 3..399, 17..18, 50..50, 101..250] {
                let (mut from_each, mut from_runs) = (Vec::new(), Vec::new());
                write_slice(&mut from_each, &LevelSlice::Each(&each[range.clone()]), 3);
                write_slice(&mut from_runs, &runs.slice(range.clone()), 3);
                assert_eq!(from_each, from_runs, "{seed} {range:?}");
            }
        }
    }
}
