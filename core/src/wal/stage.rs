//! How far each segment is, and what is under way.

use super::names::SegmentPlace;
use super::record::SegmentChecksum;
use super::segment::LocalSegment;

/// A segment in the folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) local: LocalSegment,
    pub(super) stage: Stage,
}

/// How far a segment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is in the folder, and nothing has been done.
    Waiting,
    /// Its bytes are being sent, and the object is not visible.
    Staging,
    /// Its object is being published, so it can become visible at any moment; or the archive's
    /// object is being compared.
    Storing,
    /// The archive holds it.
    Stored(StoredContent),
    /// It is being read back.
    Verifying(StoredContent),
    /// It was read back.
    Verified(StoredContent),
    /// The archive holds it and all segments before it.
    Archived,
    /// It is being deleted, or marked.
    Settling,
    /// Nothing is left to do.
    Finished,
}

/// What the archive holds of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredContent {
    pub(super) checksum: SegmentChecksum,
    pub(super) created: bool,
}

/// What is under way.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Scan,
    List {
        /// How often the folder had been looked at when the listing began.
        scans: u64,
    },
    Segment(SegmentPlace),
}

impl Stage {
    pub(super) fn is_under_way(self) -> bool {
        matches!(self, Stage::Staging | Stage::Storing | Stage::Verifying(_) | Stage::Settling)
    }

    /// Whether the archive holds it.
    pub(super) fn is_stored(self) -> bool {
        !matches!(self, Stage::Waiting | Stage::Staging | Stage::Storing)
    }

    pub(super) fn is_archived(self) -> bool {
        matches!(self, Stage::Archived | Stage::Settling | Stage::Finished)
    }

    /// The stage to return to when the work under way has failed.
    pub(super) fn back(self) -> Self {
        match self {
            Stage::Staging | Stage::Storing => Stage::Waiting,
            Stage::Verifying(stored) => Stage::Stored(stored),
            Stage::Settling => Stage::Archived,
            other => other,
        }
    }
}
