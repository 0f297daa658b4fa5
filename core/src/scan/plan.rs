//! Which bytes hold some rows of some leaves.

use std::ops::Range;

use super::index::Pages;
use super::store::{Store, joined};
use crate::Result;
use crate::decode::{ChunkPages, Layout, corrupt, place};

/// Consecutive rows of a row group that are decoded in one go.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) group: usize,
    pub(super) rows: Range<usize>,
    /// Those of the rows that may be taken, in order.
    pub(super) wanted: Vec<Range<usize>>,
}

impl Span {
    pub(super) fn wanted_rows(&self) -> u64 {
        self.wanted.iter().map(|rows| rows.len() as u64).sum()
    }
}

/// Where the pages lie that hold some rows of a leaf.
struct PagesPlace {
    dictionary: Range<u64>,
    pages: Range<u64>,
    /// The rows that they hold.
    rows: Range<usize>,
    whole: bool,
}

/// The spans to decode for these runs of rows. No page is in two of them, and what lies between two
/// of them is worth a request of its own: else the same dictionary would be read again and again.
pub(super) fn spans(
    layout: &Layout,
    group: usize,
    leaves: &[usize],
    runs: Vec<Range<usize>>,
    gap: u64,
) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    for run in runs {
        if let Some(last) = spans.last_mut()
            && !leave_apart(layout, group, leaves, &last.rows, &run, gap)
        {
            last.rows.end = run.end;
            last.wanted.push(run);
            continue;
        }
        spans.push(Span { group, rows: run.clone(), wanted: vec![run] });
    }
    Ok(spans)
}

/// Whether the rows between two runs are not worth reading.
fn leave_apart(
    layout: &Layout,
    group: usize,
    leaves: &[usize],
    before: &Range<usize>,
    behind: &Range<usize>,
    gap: u64,
) -> bool {
    let mut between = 0_u64;
    for leaf in leaves {
        let Some(pages) = Pages::of(layout, group, *leaf) else { return false };
        let (Some((last, _)), Some((next, _))) = (pages.at(before.end - 1), pages.at(behind.start))
        else {
            return false;
        };
        if next <= last {
            return false;
        }
        between = between.saturating_add(pages.start(next).saturating_sub(pages.end(last)));
    }
    between > gap
}

/// The ranges of the file that hold the spans of these leaves.
pub(super) fn ranges(layout: &Layout, spans: &[Span], leaves: &[usize]) -> Result<Vec<Range<u64>>> {
    let mut ranges = Vec::with_capacity(spans.len() * leaves.len());
    for span in spans {
        for leaf in leaves {
            let place = pages_place(layout, span.group, *leaf, &span.rows)?;
            ranges.extend([place.dictionary, place.pages].into_iter().filter(|of| !of.is_empty()));
        }
    }
    Ok(ranges)
}

/// How many bytes these ranges have together.
pub(super) fn bytes(ranges: Vec<Range<u64>>) -> u64 {
    joined(ranges, 0).iter().map(|range| range.end - range.start).sum()
}

/// The pages of a leaf that hold the rows, which have arrived.
pub(super) fn pages(
    layout: &Layout,
    store: &Store,
    group: usize,
    leaf: usize,
    rows: &Range<usize>,
) -> Result<ChunkPages> {
    let place = pages_place(layout, group, leaf, rows)?;
    let pages = store.get(&place.pages)?;
    if place.whole {
        let chunk = layout.chunk(group, leaf)?;
        return ChunkPages::whole(&pages, place.pages.start, chunk, layout.group_rows(group)?);
    }
    Ok(ChunkPages::part(store.get(&place.dictionary)?, pages, place.rows))
}

fn pages_place(
    layout: &Layout,
    group: usize,
    leaf: usize,
    rows: &Range<usize>,
) -> Result<PagesPlace> {
    let chunk = place(layout.chunk(group, leaf)?);
    let chunk = chunk.ok_or_else(|| corrupt("a column chunk lies nowhere"))?;
    let all = 0..layout.group_rows(group)?;
    let parts = Pages::of(layout, group, leaf).and_then(|pages| {
        let (first, of_first) = pages.at(rows.start)?;
        let (last, of_last) = pages.at(rows.end.checked_sub(1)?)?;
        let held = of_first.start..of_last.end;
        let dictionary = chunk.start..pages.start(0);
        (held != all).then(|| (dictionary, pages.start(first)..pages.end(last), held))
    });
    Ok(match parts {
        Some((dictionary, pages, rows)) => PagesPlace { dictionary, pages, rows, whole: false },
        None => {
            let dictionary = chunk.start..chunk.start;
            PagesPlace { dictionary, pages: chunk, rows: all, whole: true }
        }
    })
}
