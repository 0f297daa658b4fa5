//! What it means that the archive has no such segment: the log ends there, or a segment is missing.
//!
//! PostgreSQL takes "no such segment" for the end of the log, and then promotes. So this is said
//! only if nothing shows that the segment is missing.

use std::time::{Duration, Instant};

use coldpress_core::{ArchivedSegment, ObjectKey, SegmentNames, SegmentOrder, SegmentRecord};
use object_store::ObjectStoreExt;

use crate::error::{Error, ErrorKind, Result};
use crate::store::path::store_path;
use crate::wal::archive::Archive;
use crate::wal::presence::LOOKING;

/// A segment whose record is younger than this may be on its way: its object comes after the
/// record.
const ON_ITS_WAY: Duration = Duration::from_secs(30);
/// The pause between two looks for it.
const PAUSE: Duration = Duration::from_millis(500);

/// What is allowed of an archive that does not have the wanted segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MissingRules {
    /// It may hold no segment at all.
    pub(super) allow_empty: bool,
    /// It may have a gap there.
    pub(super) past_gap: bool,
}

/// The same error, but never of kind `NotFound`: a missing folder or bucket must not look like the
/// archive's answer that the log ends.
pub(super) fn never_not_found(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::new(ErrorKind::Settings, error.to_string()),
        _ => error,
    }
}

impl Archive<'_> {
    /// After the store said that it has no such segment: if a young record shows that the segment
    /// may be on its way, and no later segment is there, waits for it. Returns whether it arrived.
    /// A standby often asks for a segment while its primary is putting it, and must not stop then.
    pub(super) async fn arrives(&self, key: &ObjectKey, name: &str) -> Result<bool> {
        if !self.has_young_record(key).await? || self.has_later_segment(name).await? {
            return Ok(false);
        }
        let begun = Instant::now();
        while begun.elapsed() < ON_ITS_WAY && self.has_young_record(key).await? {
            tokio::time::sleep(PAUSE).await;
            match self.open(key).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => return other.map(|_| true),
            }
        }
        Ok(false)
    }

    /// Whether a later segment of the same log is there.
    async fn has_later_segment(&self, name: &str) -> Result<bool> {
        let timeline = timeline_of(name);
        if timeline.is_none() {
            return Ok(self.gap(name).await?.is_some());
        }
        let next = self.first_after(name).await?;
        Ok(next.is_some_and(|next| timeline_of(&next) == timeline))
    }

    async fn has_young_record(&self, key: &ObjectKey) -> Result<bool> {
        let store = self.storage.object_store();
        for checksum in self.records(key).await? {
            let record = SegmentRecord::new(key, checksum)?;
            let path = store_path(record.as_str())?;
            let meta = match self.storage.within(LOOKING, record.as_str(), store.head(&path)).await
            {
                // It has been deleted in the meantime.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            let stored_ms = u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0);
            if u128::from(self.storage.clock().now_ms().saturating_sub(stored_ms))
                < ON_ITS_WAY.as_millis()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// After the store said that it has no such segment: the error that says what this means.
    ///
    /// Of kind `NotFound` only if the archive was reached, and nothing shows that the segment is
    /// missing.
    pub(super) async fn missing_error(&self, name: &str, rules: MissingRules) -> Error {
        let error = match self.why_missing(name, rules).await {
            Ok(None) => {
                let message = format!(
                    "the archive holds no segment {name}; `coldpress wal verify` lists the \
                    segments that it holds"
                );
                return Error::new(ErrorKind::NotFound, message).at(self.location());
            }
            Ok(Some(error)) | Err(error) => error,
        };
        never_not_found(error)
    }

    async fn why_missing(&self, name: &str, rules: MissingRules) -> Result<Option<Error>> {
        self.require_folder().await?;
        if !rules.past_gap && !self.records(&self.key(name)?).await?.is_empty() {
            let what = format!(
                "segment {name} is missing and only its record is there: its put was interrupted, \
                or the object was deleted"
            );
            return Ok(Some(self.missing(&what)));
        }
        // One listing shows whether any segment of the same timeline is before it.
        let timeline = timeline_of(name);
        let of_timeline = match timeline {
            Some(timeline) => self.first_after(timeline).await?,
            None => None,
        };
        let first = match of_timeline {
            Some(first) => first,
            None => match self.first_after("").await? {
                Some(first) => first,
                None if rules.allow_empty => return Ok(None),
                None => return self.empty().await.map(Some),
            },
        };
        if is_postgres(name) {
            if !is_postgres(&first) && !self.holds_postgres().await? {
                return Ok(Some(self.holds_other_names(name, &first)));
            }
            return match rules.past_gap || timeline.is_none() {
                true => Ok(None),
                false => self.postgres_gap(name, &first).await,
            };
        }
        match rules.past_gap {
            true => Ok(None),
            false => self.gap(name).await,
        }
    }

    /// The error of a PostgreSQL segment that is missing between two others of its timeline.
    /// `first` is the first segment of that timeline, if there is one.
    async fn postgres_gap(&self, name: &str, first: &str) -> Result<Option<Error>> {
        let timeline = timeline_of(name);
        if timeline_of(first) != timeline || first >= name {
            return Ok(None);
        }
        let next = self.first_after(name).await?;
        let next = next.filter(|next| timeline_of(next) == timeline);
        Ok(next.map(|next| self.missing_between(name, first, &next)))
    }

    /// The error of a segment without a PostgreSQL name that is missing between two others. The
    /// order is that of names that differ from it only in their number; without such names, the
    /// byte order.
    async fn gap(&self, name: &str) -> Result<Option<Error>> {
        let listed = self.list().await?;
        let there: Vec<&str> = objects(&listed).map(|(name, _)| name).collect();
        let alike: Vec<&str> =
            there.iter().copied().filter(|other| is_counted_with(other, name)).collect();
        let (names, others) = match alike.is_empty() {
            false => (SegmentNames::Number, alike),
            true => {
                let order = SegmentOrder::detect(objects(&listed));
                if !order.is_ok_and(|order| order.names() == SegmentNames::Any) {
                    return Ok(None);
                }
                (SegmentNames::Any, there)
            }
        };
        let order = SegmentOrder::new(names, None);
        let own = order.place(name);
        let mut places: Vec<_> = others.iter().map(|other| order.place(other)).collect();
        places.sort();
        let before = places.iter().rev().find(|place| **place < own);
        let behind = places.iter().find(|place| **place > own);
        Ok(before
            .zip(behind)
            .map(|(before, behind)| self.missing_between(name, before.name(), behind.name())))
    }

    async fn holds_postgres(&self) -> Result<bool> {
        let listed = self.list().await?;
        Ok(objects(&listed).any(|(name, _)| is_postgres(name)))
    }

    fn holds_other_names(&self, name: &str, first: &str) -> Error {
        let node = match self.node {
            Some(node) => format!("node {node:?}"),
            None => "no node".to_owned(),
        };
        let message = format!(
            "the archive holds a log of other names, such as {first:?}, and {name} is a name of \
            PostgreSQL; check the node ({node} was named; for the command: --node) and the store"
        );
        Error::new(ErrorKind::Settings, message).at(self.location())
    }

    fn missing_between(&self, name: &str, before: &str, behind: &str) -> Error {
        self.missing(&format!(
            "segment {name} is missing in the middle of the log: the archive holds {before} before \
            it and {behind} after it"
        ))
    }

    fn missing(&self, what: &str) -> Error {
        let message = format!(
            "{what}; archive it again from the machine that wrote it, or accept the gap as the end \
            of the log (for the command: --past-gap)"
        );
        Error::new(ErrorKind::Corrupt, message).at(self.location())
    }

    /// The error of an archive that holds no segment of this log.
    async fn empty(&self) -> Result<Error> {
        if let Some(error) = self.no_log_error().await? {
            return Ok(error);
        }
        let message = "the archive holds no log; check the store (is it mounted?); if nothing has \
            been archived yet, allow an empty archive (for the command: --allow-empty-archive)";
        Ok(Error::new(ErrorKind::Settings, message).at(self.location()))
    }
}

/// The segments that have objects, with their lengths.
fn objects(listed: &[ArchivedSegment]) -> impl Iterator<Item = (&str, u64)> + Clone {
    listed.iter().filter_map(|segment| Some((segment.name.as_str(), segment.bytes?)))
}

/// Whether PostgreSQL gives such names, to a segment or to a file beside it such as `.history`.
fn is_postgres(name: &str) -> bool {
    SegmentOrder::detect([(name, 0)].into_iter())
        .is_ok_and(|order| order.names() == SegmentNames::Postgres)
}

/// Whether both names belong to one count: they differ only in their number.
fn is_counted_with(other: &str, name: &str) -> bool {
    SegmentOrder::detect([(other, 0), (name, 0)].into_iter())
        .is_ok_and(|order| order.names() == SegmentNames::Number)
}

/// The timeline in the name of a PostgreSQL segment.
fn timeline_of(name: &str) -> Option<&str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
    (name.len() == 24 && name.bytes().all(hex)).then(|| &name[..8])
}
