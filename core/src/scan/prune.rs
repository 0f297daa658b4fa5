//! Leaves out what cannot hold a row of the query: row groups, and rows of their pages.

use std::ops::Range;

use parquet::bloom_filter::Sbbf;

use super::condition::Condition;
use super::store::Store;
use super::zone::Zone;
use crate::Result;
use crate::decode::{FieldPlace, Layout, add_run, blocks, corrupt};

/// Whether the row group can have rows, by its statistics.
pub(super) fn group_may_match(layout: &Layout, group: usize, condition: &Condition) -> bool {
    condition.may_match(&Zone::group(layout, group))
}

/// The rows of the row group that its pages can have, by the page index.
pub(super) fn rows_that_may_match(
    layout: &Layout,
    group: usize,
    condition: &Condition,
) -> Result<Vec<Range<usize>>> {
    let rows = layout.group_rows(group)?;
    let starts = condition.page_starts(layout, group);
    if starts.is_empty() {
        return Ok(whole(rows));
    }
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, start) in starts.iter().enumerate() {
        let part = *start..starts.get(at + 1).copied().unwrap_or(rows);
        let zone = Zone { rows: Some(part.clone()), ..Zone::group(layout, group) };
        if condition.may_match(&zone) {
            add_run(&mut runs, part);
        }
    }
    Ok(runs)
}

/// All rows.
pub(super) fn whole(rows: usize) -> Vec<Range<usize>> {
    if rows == 0 { Vec::new() } else { std::iter::once(0..rows).collect() }
}

/// Where the bloom filters of the ids of these row groups lie.
pub(super) fn bloom_filters(
    layout: &Layout,
    groups: &[usize],
    file_bytes: u64,
) -> Result<Vec<(usize, Range<u64>)>> {
    let FieldPlace::Leaf(leaf, _) = layout.ids() else { return Ok(Vec::new()) };
    let (mut found, mut left) = (Vec::new(), file_bytes);
    for group in groups {
        let chunk = layout.chunk(*group, leaf)?;
        // Some writers leave the length out. Then the row group is read.
        let (Some(offset), Some(bytes)) =
            (chunk.bloom_filter_offset(), chunk.bloom_filter_length())
        else {
            continue;
        };
        let mut range = || {
            let (start, bytes) = (u64::try_from(offset).ok()?, u64::try_from(bytes).ok()?);
            // Filters that overlap would make a small file cost much.
            left = left.checked_sub(bytes)?;
            let end = start.checked_add(bytes)?;
            (start < end && end <= file_bytes).then_some(start..end)
        };
        let range = range().ok_or_else(|| corrupt("a bloom filter lies outside the file"))?;
        found.push((*group, range));
    }
    Ok(found)
}

/// Whether the row group can have rows, by the bloom filter of its ids at this place.
pub(super) fn bloom_filter_may_match(
    layout: &Layout,
    store: &Store,
    (group, range): &(usize, Range<u64>),
    condition: &Condition,
) -> Result<bool> {
    let bytes = store.get(range)?;
    let filter = Sbbf::new(blocks(&bytes)?);
    Ok(condition.may_match_by(layout, *group, &filter))
}
