//! Segments out of the archive: one that was put under a foreign name, or that is damaged and is to
//! be archived again.

use std::collections::BTreeSet;

use coldpress_core::{ArchivedSegment, SegmentNames, SegmentOrder, SegmentRecord};

use super::archive::Archive;
use crate::{Error, ErrorKind, Result};

/// What [`WalArchiver::remove`](super::WalArchiver::remove) may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalRemoval {
    /// Delete; else nothing is deleted, and what would be is told.
    pub delete: bool,
    /// Delete also where a gap comes to be between segments that stay.
    pub past_gap: bool,
}

impl WalRemoval {
    /// A dry run that refuses gaps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether to delete.
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Whether a gap may come to be.
    pub fn past_gap(mut self, past_gap: bool) -> Self {
        self.past_gap = past_gap;
        self
    }
}

/// A segment that was deleted from the archive, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalRemoved {
    /// Its name.
    pub name: String,
    /// The size of its object; none where only records were there.
    pub bytes: Option<u64>,
    /// How many records it had.
    pub records: u64,
    /// Whether a gap comes to be in its place: others stay before and behind it.
    pub leaves_gap: bool,
}

/// As [`WalArchiver::remove`](super::WalArchiver::remove).
pub(super) async fn remove(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    wanted: &[String],
    rules: WalRemoval,
    mut told: impl FnMut(&WalRemoved) + Send,
) -> Result<Vec<WalRemoved>> {
    let listed = archive.list().await?;
    archive.check_listed(&listed).await?;
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    if let Some(name) = wanted.iter().find(|name| listed.iter().all(|s| s.name != ***name)) {
        let message = format!(
            "the archive has no segment {name}; `coldpress wal verify` lists what there is; nothing was deleted"
        );
        return Err(Error::new(ErrorKind::NotFound, message).at(archive.place()));
    }
    let (going, staying): (Vec<_>, Vec<_>) =
        listed.iter().partition(|segment| wanted.contains(segment.name.as_str()));
    let order = order_of(names, &staying)?;
    let mut plan: Vec<(WalRemoved, &ArchivedSegment)> =
        going.into_iter().map(|segment| (removed(order, segment, &staying), segment)).collect();
    let gap = plan.iter().find(|(segment, _)| segment.leaves_gap);
    if let Some((segment, _)) = gap.filter(|_| !rules.past_gap) {
        let message = format!(
            "without segment {} the archive has a gap: others stay before and behind it; nothing was deleted; if its file is at hand to be archived again, or the gap is wanted, allow it (for the command: --past-gap)",
            segment.name
        );
        return Err(Error::new(ErrorKind::Conflict, message).at(archive.place()));
    }
    // From the last one back: whenever it ends, no gap is there that was not allowed.
    plan.sort_by_cached_key(|(segment, _)| std::cmp::Reverse(order.place(&segment.name)));
    let mut done = Vec::with_capacity(plan.len());
    for (segment, archived) in plan {
        if rules.delete {
            delete(archive, archived).await?;
            tracing::info!(segment = segment.name, "deleted a segment from the archive");
        }
        told(&segment);
        done.push(segment);
    }
    Ok(done)
}

/// The order of those that stay: one that is named unlike all others may be what is to go.
fn order_of(names: Option<SegmentNames>, staying: &[&ArchivedSegment]) -> Result<SegmentOrder> {
    let all = staying.iter().map(|s| (s.name.as_str(), s.bytes.unwrap_or(0)));
    Ok(match names {
        Some(names) => SegmentOrder::new(names, None),
        None => SegmentOrder::detect(all)?,
    })
}

fn removed(
    order: SegmentOrder,
    segment: &ArchivedSegment,
    staying: &[&ArchivedSegment],
) -> WalRemoved {
    let place = order.place(&segment.name);
    let mut others = staying
        .iter()
        .filter(|other| other.bytes.is_some())
        .map(|other| order.place(&other.name))
        .filter(|other| other.is_segment());
    let (before, behind) = others.by_ref().fold((false, false), |(before, behind), other| {
        (before || other < place, behind || other > place)
    });
    WalRemoved {
        name: segment.name.clone(),
        bytes: segment.bytes,
        records: segment.records.len() as u64,
        leaves_gap: place.is_segment() && segment.bytes.is_some() && before && behind,
    }
}

impl Archive<'_> {
    /// The command that deletes this segment, as its archive is now.
    pub(super) async fn removal_of(&self, name: &str) -> Result<String> {
        let listed = self.list().await?;
        let (going, staying): (Vec<_>, Vec<_>) = listed.iter().partition(|s| s.name == name);
        let leaves_gap = match (going.first(), order_of(None, &staying)) {
            (Some(segment), Ok(order)) => removed(order, segment, &staying).leaves_gap,
            _ => false,
        };
        Ok(self.removal_command(name, leaves_gap))
    }

    /// The command that deletes a segment.
    pub(super) fn removal_command(&self, name: &str, leaves_gap: bool) -> String {
        let node = self.node.map(|node| format!(" --node {node}")).unwrap_or_default();
        let past_gap = if leaves_gap { " --past-gap" } else { "" };
        format!("coldpress wal rm {name}{node} --yes{past_gap}")
    }
}

/// The object first: a record without its object is a put that was begun, and is put again.
async fn delete(archive: &Archive<'_>, segment: &ArchivedSegment) -> Result<()> {
    let key = archive.key(&segment.name)?;
    archive.delete(key.as_str(), "delete the segment").await?;
    for checksum in &segment.records {
        let record = SegmentRecord::new(&key, *checksum)?;
        archive.delete(record.as_str(), "delete the record").await?;
    }
    archive.storage.make_sure_of(&key).await
}
