//! Opens a file by its end: the footer, the indexes, the bloom filters.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use super::machine::{Scan, Stage};
use super::{index, prune};
use crate::decode::{Layout, corrupt};
use crate::{Footer, Result};

impl Scan {
    /// Reads the footer in the tail, which begins here, or asks for the rest of it.
    pub(super) fn read_footer(&mut self, start: u64) -> Result<Stage> {
        let end = self.store.file_bytes();
        self.store.join_tail(start)?;
        let tail = self.store.get(&(start..end))?;
        let needed = Footer::bytes_needed(&tail)?;
        self.settings.limits.check_footer_bytes(needed)?;
        let footer_start = end
            .checked_sub(needed)
            .ok_or_else(|| corrupt("its footer claims to be longer than the file"))?;
        if footer_start < start {
            self.ask(iter::once(footer_start..start), 0);
            return Ok(Stage::Tail(footer_start));
        }
        let mut layout = Layout::read(&tail, end, &self.settings.limits)?;
        if let Some(stop) = &self.stop {
            layout.stop_when(Arc::clone(stop));
        }
        let groups = layout.metadata().num_row_groups();
        self.progress.row_groups = groups as u64;
        self.progress.tail_bytes = needed;
        let lsns = layout.footer().lsns();
        if self.lsns.is_some_and(|wanted| !wanted.overlaps(lsns)) {
            self.progress.pruned_by_lsns = groups as u64;
            self.layout = Some(layout);
            return Ok(Stage::Done);
        }
        let takes = |group: &usize| {
            !self.settings.use_statistics
                || prune::group_may_match(&layout, *group, &self.condition)
        };
        self.groups = (0..groups).filter(takes).collect();
        self.progress.pruned_by_statistics = (groups - self.groups.len()) as u64;
        let stage = self.after_footer(&layout, footer_start)?;
        self.layout = Some(layout);
        Ok(stage)
    }

    /// Asks for bloom filters and indexes, where they can save more than they cost.
    fn after_footer(&mut self, layout: &Layout, footer_start: u64) -> Result<Stage> {
        let end = self.store.file_bytes();
        if self.groups.is_empty() || self.rows_left == 0 {
            return Ok(Stage::Done);
        }
        let by_filters = self.settings.use_bloom_filters && self.condition.asks_for_ids(layout);
        let groups = self.groups.make_contiguous();
        let filters = match by_filters {
            true => prune::bloom_filters(layout, groups, end)?,
            false => Vec::new(),
        };
        let of_use = !self.condition.is_empty() || self.rows_left != u64::MAX;
        let place = match self.settings.use_page_index && of_use {
            true => layout.indexes_place(footer_start)?,
            false => None,
        };
        let most = self.settings.limits.footer_bytes_max;
        let place = place.filter(|place| place.end - place.start <= most);
        let first = filters.iter().map(|(_, range)| range.start);
        let first = first.chain(place.iter().map(|place| place.start)).min();
        self.progress.tail_bytes = end - first.map_or(footer_start, |at| at.min(footer_start));
        let mut ranges: Vec<Range<u64>> = filters.iter().map(|(_, range)| range.clone()).collect();
        ranges.extend(place.clone());
        let pages = self.groups.iter().map(|group| layout.metadata().row_group(*group));
        let pages = pages.map(|group| u64::try_from(group.compressed_size()).unwrap_or(0));
        let pages = pages.fold(0, u64::saturating_add);
        let lacking = self.store.lacks(&ranges);
        if lacking > 0 && lacking.saturating_add(self.settings.join_gap_bytes) > pages {
            // Everything they could leave out is cheaper than they are.
            return Ok(Stage::Plan);
        }
        self.ask(ranges, self.settings.join_gap_bytes);
        Ok(Stage::Indexes { place, filters })
    }

    /// Leaves out row groups by their bloom filters, and takes the indexes of the others.
    pub(super) fn indexes(
        &mut self,
        place: Option<Range<u64>>,
        filters: &[(usize, Range<u64>)],
    ) -> Result<Stage> {
        let Some(layout) = &mut self.layout else { return Ok(Stage::Done) };
        for filter in filters {
            if !prune::bloom_filter_may_match(layout, &self.store, filter, &self.condition)? {
                self.groups.retain(|group| *group != filter.0);
                self.progress.pruned_by_bloom_filters += 1;
            }
        }
        if let Some(place) = place.filter(|_| !self.groups.is_empty()) {
            let bytes = self.store.get(&place)?;
            layout.take_indexes(&bytes, place.start)?;
            index::check(layout)?;
        }
        Ok(Stage::Plan)
    }
}
