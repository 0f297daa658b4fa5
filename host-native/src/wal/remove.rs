//! Deletes segments from the archive: a segment that was archived under a wrong name, or a damaged
//! one that will be archived again.

use std::collections::BTreeSet;

use coldpress_core::{ArchivedSegment, SegmentNames, SegmentOrder, SegmentRecord};

use crate::error::{Error, ErrorKind, Result};
use crate::wal::archive::Archive;

/// What [`WalArchiver::remove`](super::WalArchiver::remove) is allowed to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalRemoval {
    /// Whether to delete. Otherwise nothing is deleted, and the call reports what it would delete.
    pub delete: bool,
    /// Whether to delete even if that leaves a gap between segments that stay.
    pub past_gap: bool,
}

impl WalRemoval {
    /// A dry run that refuses gaps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether to delete.
    pub fn delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Sets whether a gap is allowed.
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
    /// The size of its object; `None` if only records were there.
    pub bytes: Option<u64>,
    /// How many records it had.
    pub records: u64,
    /// Whether it leaves a gap: others stay before and after it.
    pub leaves_gap: bool,
}

/// As [`WalArchiver::remove`](super::WalArchiver::remove).
pub(super) async fn remove(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    wanted: &[String],
    rules: WalRemoval,
    mut report: impl FnMut(&WalRemoved) + Send,
) -> Result<Vec<WalRemoved>> {
    let listed = archive.list().await?;
    archive.require_log(&listed).await?;
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    if let Some(name) = wanted.iter().find(|name| listed.iter().all(|s| s.name != ***name)) {
        let message = format!(
            "the archive holds no segment {name}, so nothing was deleted; `coldpress wal verify` \
            lists the segments that it holds"
        );
        return Err(Error::new(ErrorKind::NotFound, message).at(archive.location()));
    }
    let (going, staying): (Vec<_>, Vec<_>) =
        listed.iter().partition(|segment| wanted.contains(segment.name.as_str()));
    let order = order_of(names, &staying)?;
    let mut plan: Vec<(WalRemoved, &ArchivedSegment)> =
        going.into_iter().map(|segment| (removed(order, segment, &staying), segment)).collect();
    let gap = plan.iter().find(|(segment, _)| segment.leaves_gap);
    if let Some((segment, _)) = gap.filter(|_| !rules.past_gap) {
        let message = format!(
            "without segment {} the archive would have a gap, because others stay before and after \
            it, so nothing was deleted; if you will archive its file again, or want the gap, allow \
            it (for the command: --past-gap)",
            segment.name
        );
        return Err(Error::new(ErrorKind::Conflict, message).at(archive.location()));
    }
    // From the last one to the first: if this stops in the middle, it leaves no gap that was
    // not allowed.
    plan.sort_by_cached_key(|(segment, _)| std::cmp::Reverse(order.place(&segment.name)));
    let mut done = Vec::with_capacity(plan.len());
    for (segment, archived) in plan {
        if rules.delete {
            delete(archive, archived).await?;
            tracing::info!(segment = segment.name, "deleted a segment from the archive");
        }
        report(&segment);
        done.push(segment);
    }
    Ok(done)
}

/// The order of the segments that stay. Those that go must not influence it: a segment with a name
/// unlike all others may be exactly the one to delete.
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
    /// The command that deletes this segment, for a message; lists the archive first.
    pub(super) async fn removal_of(&self, name: &str) -> Result<String> {
        let listed = self.list().await?;
        let (going, staying): (Vec<_>, Vec<_>) = listed.iter().partition(|s| s.name == name);
        let leaves_gap = match (going.first(), order_of(None, &staying)) {
            (Some(segment), Ok(order)) => removed(order, segment, &staying).leaves_gap,
            _ => false,
        };
        Ok(self.removal_command(name, leaves_gap))
    }

    /// The command that deletes a segment, for a message.
    pub(super) fn removal_command(&self, name: &str, leaves_gap: bool) -> String {
        let node = self.node.map(|node| format!(" --node {node}")).unwrap_or_default();
        let past_gap = if leaves_gap { " --past-gap" } else { "" };
        format!("coldpress wal rm {name}{node} --yes{past_gap}")
    }
}

/// Deletes the object first. If this stops before the records are deleted, they look like those of
/// an interrupted put, and the next put uses them.
async fn delete(archive: &Archive<'_>, segment: &ArchivedSegment) -> Result<()> {
    let key = archive.key(&segment.name)?;
    archive.delete(key.as_str(), "delete the segment").await?;
    for checksum in &segment.records {
        let record = SegmentRecord::new(&key, *checksum)?;
        archive.delete(record.as_str(), "delete the record").await?;
    }
    archive.storage.place().make_durable(&key).await
}
