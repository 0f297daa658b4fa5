//! The answers of the host, and what the plan learns from them.

use std::ops::Bound;

use super::names::{SegmentNames, SegmentOrder, SegmentPlace};
use super::plan::WalPlan;
use super::record::SegmentChecksum;
use super::segment::{ArchivedSegment, LocalSegment};
use super::stage::{Entry, Stage, StoredContent, Work};
use crate::{Error, ErrorKind, Result};

impl WalPlan {
    /// The folder was looked at: `segments` are all that it holds.
    pub fn handle_scan(&mut self, id: u64, segments: Vec<LocalSegment>, now_ms: u64) {
        let Some(Work::Scan) = self.hear(id, now_ms) else { return };
        self.scans += 1;
        if let Some(poll_ms) = self.settings.poll_ms() {
            self.next_scan_ms = self.now_ms.saturating_add(poll_ms);
        }
        if let Err(error) = self.check_order(&segments) {
            return self.fail(None, error);
        }
        let mut before = std::mem::take(&mut self.here);
        for local in segments {
            let place = self.order.place(&local.name);
            let stage = match before.remove(&place) {
                // The host finds a change of a segment that is under way itself. A segment that has
                // changed otherwise begins anew.
                Some(entry) if entry.stage.is_under_way() => {
                    self.here.insert(place, entry);
                    continue;
                }
                Some(Entry { local: then, stage })
                    if (then.bytes, then.modified_ms) == (local.bytes, local.modified_ms) =>
                {
                    stage
                }
                _ => Stage::Waiting,
            };
            self.here.insert(place, Entry { local, stage });
        }
        for (place, entry) in before {
            if entry.stage.is_under_way() {
                self.here.insert(place, entry);
            } else if (self.open.contains(&place) || self.held.contains_key(&place))
                && !entry.stage.is_archived()
            {
                self.miss(place);
            }
        }
        self.gone.retain(|place| !self.here.contains_key(place));
        self.sort_out();
        // A failure at a file that is gone does not matter any more.
        if let Some(place) = self.trouble.as_ref().and_then(|trouble| trouble.place.clone())
            && !self.open.contains(&place)
        {
            self.mend(Some(&place));
        }
    }

    /// The archive was listed: `segments` are all that it holds.
    pub fn handle_listing(&mut self, id: u64, segments: Vec<ArchivedSegment>, now_ms: u64) {
        let Some(Work::List { scans }) = self.hear(id, now_ms) else { return };
        self.there = segments
            .into_iter()
            .map(|segment| (self.order.place(&segment.name), segment))
            .collect();
        if let Err(error) = self.learn_order() {
            return self.fail(None, error);
        }
        self.listed_after = Some(scans);
        // The archive tells where timelines begin.
        self.sort_out();
        self.mend(None);
        for place in std::mem::take(&mut self.gone) {
            let archived = self.there.get(&place).is_some_and(|there| there.bytes.is_some());
            if archived || self.settings.past_gap || self.here.contains_key(&place) {
                continue;
            }
            let message = format!(
                "segment {} was removed before it was archived; restore it, or go on without it \
                 (for the command: --past-gap)",
                place.name()
            );
            self.stop_at(Some(place), Error::new(ErrorKind::Missing, message));
        }
    }

    /// The archive holds the segment with this content, and its record. `created`: this put stored
    /// it.
    pub fn handle_stored(
        &mut self,
        id: u64,
        checksum: SegmentChecksum,
        created: bool,
        now_ms: u64,
    ) {
        let Some(Work::Segment(place)) = self.hear(id, now_ms) else { return };
        let now_ms = self.now_ms;
        let archived = self.there.entry(place.clone()).or_insert_with(|| ArchivedSegment {
            name: place.name().to_owned(),
            bytes: None,
            modified_ms: now_ms,
            records: Vec::new(),
            recorded_ms: 0,
        });
        archived.bytes = Some(checksum.bytes);
        if !archived.records.contains(&checksum) {
            archived.records.push(checksum);
        }
        self.advance(&place, Stage::Stored(StoredContent { checksum, created }));
    }

    /// The segment was read back, and has this content.
    pub fn handle_verified(&mut self, id: u64, found: SegmentChecksum, now_ms: u64) {
        let Some(Work::Segment(place)) = self.hear(id, now_ms) else { return };
        let Some(Stage::Verifying(stored)) = self.here.get(&place).map(|entry| entry.stage) else {
            return;
        };
        if found == stored.checksum {
            return self.advance(&place, Stage::Verified(stored));
        }
        let is_whole = |(other, segment): (&SegmentPlace, &ArchivedSegment)| {
            other.is_segment() && segment.bytes.is_some()
        };
        let behind = (Bound::Excluded(&place), Bound::Unbounded);
        let leaves_gap = place.is_segment()
            && self.there.range(..&place).any(is_whole)
            && self.there.range::<SegmentPlace, _>(behind).any(is_whole);
        let past_gap = if leaves_gap { " --past-gap" } else { "" };
        let message = format!(
            "the archived segment {name} is damaged: it was put as {}, but reads back as {found}; \
             the file here is kept: delete the object (for the command: coldpress wal rm {name} \
             --yes{past_gap}), and archive the file again",
            stored.checksum,
            name = place.name(),
        );
        self.fail(Some(place), Error::new(ErrorKind::Corrupt, message));
    }

    /// The segment was deleted in the folder, or marked `.done`.
    pub fn handle_settled(&mut self, id: u64, now_ms: u64) {
        let Some(Work::Segment(place)) = self.hear(id, now_ms) else { return };
        self.mend(Some(&place));
        self.summary.settled += 1;
        match self.settings.delete {
            true => {
                self.here.remove(&place);
                self.open.remove(&place);
            }
            false => self.finish(&place),
        }
    }

    /// The file of the segment is gone: perhaps another archiver was faster.
    pub fn handle_vanished(&mut self, id: u64, now_ms: u64) {
        let Some(Work::Segment(place)) = self.hear(id, now_ms) else { return };
        self.mend(Some(&place));
        self.here.remove(&place);
        self.open.remove(&place);
        self.held.remove(&place);
        self.scan_wanted = true;
        self.miss(place);
    }

    /// The action failed. While watching, the plan retries after an error of kind `Unavailable`.
    /// Every other error ends it.
    pub fn handle_failure(&mut self, id: u64, error: Error, now_ms: u64) {
        match self.hear(id, now_ms) {
            Some(Work::Segment(place)) => self.fail(Some(place), error),
            Some(Work::Scan) => {
                self.scan_wanted = self.settings.poll.is_none();
                if let Some(poll_ms) = self.settings.poll_ms() {
                    self.next_scan_ms = self.now_ms.saturating_add(poll_ms);
                }
                self.fail(None, error);
            }
            Some(Work::List { .. }) => {
                self.list_wanted = true;
                self.fail(None, error);
            }
            None => {}
        }
    }

    /// A segment is gone that had to be archived. Only a new listing shows whether it is archived.
    fn miss(&mut self, place: SegmentPlace) {
        self.gone.insert(place);
        self.list_wanted = true;
    }

    fn hear(&mut self, id: u64, now_ms: u64) -> Option<Work> {
        self.now_ms = self.now_ms.max(now_ms);
        self.under_way.remove(&id)
    }

    fn advance(&mut self, place: &SegmentPlace, stage: Stage) {
        self.mend(Some(place));
        if let Some(entry) = self.here.get_mut(place) {
            entry.stage = stage;
        }
    }

    /// Checks that the names in the folder still fit the order. Of the archive it checks only two
    /// names, because there may be a million that fit already.
    fn check_order(&mut self, here: &[LocalSegment]) -> Result<()> {
        let is_decided = self.order.names() == SegmentNames::Any && !self.there.is_empty();
        if self.settings.names.is_some_and(|names| names != SegmentNames::Postgres) || is_decided {
            return Ok(());
        }
        let ends = [self.there.values().next(), self.there.values().next_back()];
        let there = ends.into_iter().flatten().map(|s| (s.name.as_str(), s.bytes.unwrap_or(0)));
        let names = here.iter().map(|local| (local.name.as_str(), local.bytes)).chain(there);
        let order = match self.settings.names {
            None => SegmentOrder::detect(names)?,
            Some(_) => SegmentOrder::sized(names),
        };
        self.set_order(order);
        Ok(())
    }

    /// Finds the order from all known names, unless the settings name it.
    fn learn_order(&mut self) -> Result<()> {
        let here = self.here.values().map(|e| (e.local.name.as_str(), e.local.bytes));
        let there = self.there.values().map(|s| (s.name.as_str(), s.bytes.unwrap_or(0)));
        let all = here.chain(there);
        let order = match self.settings.names {
            None => SegmentOrder::detect(all)?,
            Some(SegmentNames::Postgres) => SegmentOrder::sized(all),
            Some(names) => SegmentOrder::new(names, None),
        };
        self.set_order(order);
        Ok(())
    }

    /// Sets the order. If it is another one, sorts everything again.
    fn set_order(&mut self, order: SegmentOrder) {
        if order == self.order {
            return;
        }
        self.order = order;
        let there = std::mem::take(&mut self.there);
        self.there = there.into_values().map(|s| (order.place(&s.name), s)).collect();
        let here = std::mem::take(&mut self.here);
        self.here = here.into_values().map(|e| (order.place(&e.local.name), e)).collect();
        let gone = std::mem::take(&mut self.gone);
        self.gone = gone.into_iter().map(|place| order.place(place.name())).collect();
        for work in self.under_way.values_mut() {
            if let Work::Segment(place) = work {
                *place = order.place(place.name());
            }
        }
        self.sort_out();
    }
}
