//! Which neighbours become one file.

use std::ops::Range;

use super::file::{CompactSettings, RANGES_MAX};
use super::order::{Order, Sum};

/// Nodes of a run that are or may become one file.
#[derive(Debug)]
struct Part {
    places: Range<usize>,
    sum: Sum,
    /// Whether they become one file.
    is_group: bool,
}

/// The places in the run of each group of nodes that become one file, in order.
///
/// Takes node by node, and merges the last ones whenever they may become one file. So in the end no
/// neighbours are left that could.
pub(super) fn groups(
    order: &Order,
    run: &[usize],
    settings: &CompactSettings,
) -> Vec<Range<usize>> {
    let mut parts: Vec<Part> = Vec::new();
    // Parts before it are behind a file that stays.
    let mut start = 0;
    for (at, node) in run.iter().enumerate() {
        let sum = order.sum(*node);
        if sum.bytes_max.saturating_mul(2) >= settings.target_bytes {
            start = parts.len();
            continue;
        }
        parts.push(Part { places: at..at + 1, sum, is_group: false });
        while let Some(from) = mergeable(order, run, &parts, start, settings) {
            let mut part = Part { places: at + 1..at + 1, sum: Sum::default(), is_group: true };
            for other in parts.drain(from..) {
                part.places.start = part.places.start.min(other.places.start);
                part.sum.add(&other.sum);
            }
            parts.push(part);
        }
    }
    parts.into_iter().filter(|part| part.is_group).map(|part| part.places).collect()
}

/// From which part on the last parts may become one file: the fewest of them.
fn mergeable(
    order: &Order,
    run: &[usize],
    parts: &[Part],
    start: usize,
    settings: &CompactSettings,
) -> Option<usize> {
    let last = *run.get(parts.last()?.places.end.checked_sub(1)?)?;
    let mut sum = Sum::default();
    for (at, part) in parts.iter().enumerate().skip(start).rev() {
        sum.add(&part.sum);
        if sum.bytes > settings.target_bytes || sum.files > settings.files_max {
            return None;
        }
        let is_one_file = sum.files < 2 || (part.is_group && at + 1 == parts.len());
        let doubles = sum.bytes_max <= sum.bytes / 2 && sum.rows_max <= sum.rows / 2;
        let first = *run.get(part.places.start)?;
        if !is_one_file && doubles && order.ranges(first, last) <= RANGES_MAX {
            return Some(at);
        }
    }
    None
}
