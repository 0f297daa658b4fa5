//! What is archived, and what is at risk.

use std::path::Path;

use coldpress_core::{
    ArchivedSegment, Exposure, Gap, HeldUp, LocalSegment, SealedRule, SegmentNames, WalAction,
    WalPlan, WalSettings,
};

use super::archive::Archive;
use super::folder;
use super::lacking::Lacking;
use crate::Result;
use crate::grant::now_ms;
use crate::storage::blocking;

/// What was found of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentCheck {
    /// Its name; of several that are missing in a row, the first one's.
    pub name: String,
    /// Its length, where it is anywhere.
    pub bytes: Option<u64>,
    /// What it is.
    pub state: SegmentState,
    /// Why, in words; empty where it is just as it should be.
    pub detail: String,
}

impl SegmentCheck {
    pub(super) fn of(name: String, bytes: Option<u64>, state: SegmentState) -> Self {
        SegmentCheck { name, bytes, state, detail: String::new() }
    }
}

/// What a segment is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SegmentState {
    /// It is what its record says.
    Ok,
    /// It should be archived, and is not.
    Missing,
    /// The object in the archive is not what its record says.
    Damaged,
    /// The object in the archive is what its record says, and the file in the folder is other
    /// content: the archive is right.
    LocalDiffers,
    /// It has no record, so that only its presence is known.
    Unrecorded,
    /// It is not finished, waits for one that is not, or was finished so short a time ago that it
    /// may be on its way.
    NotYetDue,
}

impl SegmentState {
    /// Its name in words.
    pub fn as_str(self) -> &'static str {
        match self {
            SegmentState::Ok => "ok",
            SegmentState::Missing => "missing",
            SegmentState::Damaged => "damaged",
            SegmentState::LocalDiffers => "local differs",
            SegmentState::Unrecorded => "unrecorded",
            SegmentState::NotYetDue => "not yet due",
        }
    }

    /// Whether somebody must act: the log cannot be brought back whole, or the file here is not
    /// what was archived.
    pub fn is_bad(self) -> bool {
        matches!(self, SegmentState::Missing | SegmentState::Damaged | SegmentState::LocalDiffers)
    }
}

/// What is archived, and what is at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStatus {
    /// Segments in the archive.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last of them in order, and when it was stored, in milliseconds since 1970.
    pub last: Option<(String, u64)>,
    /// What would be lost if this machine were lost now.
    pub exposure: Exposure,
    /// What is missing in the sequence, neither here nor archived.
    pub gaps: Vec<Gap>,
    /// Segments that are not finished and hold up later ones that are.
    pub held_up: Vec<HeldUp>,
}

/// A plan that has seen folder and archive, and does nothing.
pub(super) fn survey(
    names: Option<SegmentNames>,
    sealed: SealedRule,
    here: Vec<LocalSegment>,
    there: Vec<ArchivedSegment>,
) -> Result<WalPlan> {
    let now_ms = now_ms();
    let mut plan =
        WalPlan::new(WalSettings { names, sealed, ..WalSettings::default() }, 0, now_ms)?;
    if let Some(WalAction::Scan { id }) = plan.poll(now_ms) {
        plan.handle_scan(id, here, now_ms);
    }
    if let Some(WalAction::List { id }) = plan.poll(now_ms) {
        plan.handle_listing(id, there, now_ms);
    }
    match plan.failure() {
        Some(error) => Err(error.clone().into()),
        None => Ok(plan),
    }
}

/// What the folder holds now.
pub(super) async fn scan(folder: &Path, sealed: SealedRule) -> Result<Vec<LocalSegment>> {
    let folder = folder.to_owned();
    blocking(move || folder::scan(&folder, sealed)).await
}

/// As [`WalArchiver::status`](super::WalArchiver::status).
pub(super) async fn status(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    folder: &Path,
    sealed: SealedRule,
    lacking: Lacking,
) -> Result<WalStatus> {
    // The folder first: what leaves it meanwhile is archived by then.
    let here = scan(folder, sealed).await?;
    let listed = archive.list().await?;
    match lacking.allow_empty {
        true => archive.must_be_there().await?,
        false => archive.check_listed(&listed).await?,
    }
    let plan = survey(names, sealed, here, listed)?;
    let held = || plan.archived().filter_map(|segment| Some((segment, segment.bytes?)));
    Ok(WalStatus {
        segments: held().count() as u64,
        bytes: held().map(|(_, bytes)| bytes).sum(),
        last: held().next_back().map(|(segment, _)| (segment.name.clone(), segment.modified_ms)),
        exposure: plan.exposure(now_ms()),
        gaps: plan.gaps(),
        held_up: plan.held_up(),
    })
}
