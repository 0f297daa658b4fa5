//! The archive of a write-ahead log: a machine that decides, driven by a host that performs.

mod action;
mod answers;
mod exposure;
mod names;
mod parts;
mod plan;
mod record;
mod sealed;
mod segment;
mod stage;
mod work;

pub use action::{ArchivedNow, Exposure, WalAction, WalSettings, WalSummary};
pub use names::{Gap, SegmentNames, SegmentOrder, SegmentPlace};
pub use plan::WalPlan;
pub use record::{RECORDED_SEGMENT_BYTES_MAX, SegmentChecksum, SegmentRecord};
pub use sealed::{HeldUp, Unfinished};
pub use segment::{ArchiveMark, ArchivedSegment, LocalSegment, SealedRule, archived_segments};

#[cfg(test)]
mod tests;
