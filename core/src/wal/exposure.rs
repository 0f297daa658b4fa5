//! What would be lost if this machine failed for good now.

use std::collections::BTreeSet;
use std::time::Duration;

use super::action::Exposure;
use super::names::SegmentPlace;
use super::plan::WalPlan;
use super::segment::{ArchiveMark, SealedRule};
use super::stage::Entry;

impl WalPlan {
    /// What would be lost, by the last look at the folder and the archive.
    ///
    /// The time counts from when the first segment that is not archived was begun. That is the last
    /// write to the segment before it. If no earlier segment is known, it is its own last write.
    pub fn exposure(&self, now_ms: u64) -> Exposure {
        let mut exposure = Exposure::default();
        let mut oldest_ms: Option<u64> = None;
        let last_marked =
            self.here.iter().rev().find(|(_, e)| e.local.mark != ArchiveMark::None).map(|(p, _)| p);
        let mut current_seen = false;
        let newest = self.newest();
        let holders: BTreeSet<&SegmentPlace> = self.held.values().collect();
        for (place, entry) in &self.here {
            let sealed = self.is_finished(place, entry, newest);
            if self.settings.sealed == SealedRule::Ready && !sealed {
                // Of the segments without a mark, one is being written, and some hold up later
                // ones. The others are old files that PostgreSQL keeps under the names of future
                // segments.
                let is_current = !current_seen && place.is_segment() && last_marked < Some(place);
                if !is_current && !holders.contains(place) {
                    continue;
                }
                current_seen |= is_current;
            }
            if self.is_archived(place, entry, sealed) {
                continue;
            }
            exposure.segments += 1;
            exposure.bytes += entry.local.bytes;
            if sealed {
                exposure.waiting += 1;
                exposure.waiting_bytes += entry.local.bytes;
                exposure.held += u64::from(self.held.contains_key(place));
            }
            if entry.local.bytes > 0 {
                let begun_ms = self.begun_ms(place, entry);
                oldest_ms = Some(oldest_ms.map_or(begun_ms, |oldest| oldest.min(begun_ms)));
            }
        }
        exposure.age =
            Duration::from_millis(oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest)));
        exposure
    }

    fn is_archived(&self, place: &SegmentPlace, entry: &Entry, sealed: bool) -> bool {
        entry.stage.is_archived()
            || sealed
                && self
                    .there
                    .get(place)
                    .is_some_and(|archived| archived.bytes == Some(entry.local.bytes))
    }

    /// When the first byte of a segment may have been written.
    fn begun_ms(&self, place: &SegmentPlace, entry: &Entry) -> u64 {
        let own_ms = entry.local.modified_ms;
        let Some(before) = self.before(place).filter(|before| before.is_segment()) else {
            return own_ms;
        };
        let sealed_ms = match (self.here.get(before), self.there.get(before)) {
            (Some(before), _) => before.local.modified_ms,
            (None, Some(archived)) => archived.modified_ms,
            (None, None) => own_ms,
        };
        own_ms.min(sealed_ms)
    }
}
