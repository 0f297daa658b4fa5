//! What would be lost if this machine were lost now.

use std::collections::BTreeSet;

use super::WalPlan;
use super::action::Exposure;
use super::names::SegmentPlace;
use super::segment::{ArchiveMark, SealedRule};
use super::work::Entry;

impl WalPlan {
    /// What would be lost, by what was last seen here and there.
    ///
    /// The time is from when the segment before the first that is not archived was last written, which is when that
    /// one was begun; where no earlier one is known, from its own last write.
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
                // Of what PostgreSQL has not marked, one is being written, some hold up what is
                // behind them, and the rest are old files that wait under the names they will have.
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
        exposure.ms = oldest_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest));
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
