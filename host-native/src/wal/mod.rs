//! The archive of a write-ahead log: a folder of segments here, and the store.

pub(crate) mod archive;
mod check;
mod drive;
mod event;
mod folder;
mod lacking;
mod left;
mod look;
mod metrics;
mod remove;
mod restore;
mod source;
mod verify;

use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coldpress_core::{SealedRule, SegmentChecksum, SegmentNames, WalSettings, WalSummary};

pub use archive::SegmentPut;
pub use check::{SegmentCheck, SegmentState, WalStatus};
pub use event::WalEvent;
pub use remove::{WalRemoval, WalRemoved};
pub use restore::{WalRange, WalRestored};

use crate::{ColdStorage, Result};
use archive::{Archive, Recorded};
use drive::Run;
use lacking::Lacking;
use verify::Verify;

/// How long [`WalArchiver::verify`] lets a segment be on its way.
const GRACE: Duration = Duration::from_secs(60);

/// Archives the write-ahead log of one node, checks the archive, and brings the log back.
///
/// Segments lie under `{prefix}wal/`, or `{prefix}wal/{node}/` where a node is named, as they are; beside each its
/// record, whose name tells length and CRC-32C. They are sent side by side and can be seen one behind the other, so that
/// the archive has no hole that the log has not. All state is what the folder and the store hold: kill it
/// anywhere, and begin again. Every future may be dropped at any point.
///
/// Each segment that is worked on has a `tracing` span, and the `metrics` facade gets `coldpress_wal_…` counters and
/// gauges: install a recorder to see them.
///
/// ```no_run
/// # async fn example(storage: std::sync::Arc<coldpress::ColdStorage>, stop: tokio::sync::oneshot::Receiver<()>) -> coldpress::Result<()> {
/// use std::{path::Path, time::Duration};
/// use coldpress::{WalArchiver, WalEvent, WalSettings};
///
/// let archiver = WalArchiver::new(storage, Some("db-1"))?;
/// let settings = WalSettings { delete: true, poll_ms: Some(1_000), ..WalSettings::default() };
/// let stopped = async { drop(stop.await) };
/// let told = |event: WalEvent<'_>| println!("{event}");
/// archiver.watch(Path::new("/var/lib/app/wal"), &settings, told, stopped, Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WalArchiver {
    storage: Arc<ColdStorage>,
    node: Option<String>,
    names: Option<SegmentNames>,
    grace: Duration,
    lacking: Lacking,
}

impl WalArchiver {
    /// The archive of this node's log in this store; `None` where the store has one log alone. Asks no store yet.
    pub fn new(storage: Arc<ColdStorage>, node: Option<&str>) -> Result<Self> {
        let archiver = WalArchiver {
            storage,
            node: node.map(str::to_owned),
            names: None,
            grace: GRACE,
            lacking: Lacking::default(),
        };
        archiver.archive_of().key("x")?;
        Ok(archiver)
    }

    /// The same, for segments named so, whatever their names look like. Else that is told from the names.
    pub fn named(mut self, names: Option<SegmentNames>) -> Self {
        self.names = names;
        self
    }

    /// The same, for which [`verify`](Self::verify) lets a segment be on its way for so long before
    /// it is missing. Default: 60 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The same, for which [`get`](Self::get) and [`status`](Self::status) take an archive that
    /// holds no segment for one that is empty yet: for a standby that starts before its primary has
    /// archived anything. Else it is an error.
    pub fn allow_empty(mut self, allow_empty: bool) -> Self {
        self.lacking.allow_empty = allow_empty;
        self
    }

    /// The same, for which [`get`](Self::get) takes a gap in the middle of the log for its
    /// end. Else it is an error.
    pub fn past_gap(mut self, past_gap: bool) -> Self {
        self.lacking.past_gap = past_gap;
        self
    }

    /// Puts one segment and its record. The same content again is success, other content
    /// [`Conflict`](crate::ErrorKind::Conflict). For the `archive_command` of PostgreSQL.
    pub async fn put(&self, path: &Path, name: &str) -> Result<SegmentPut> {
        let archive = self.archive_of();
        let put = archive.put(&archive.key(name)?, path, None, Recorded::Always, None).await?;
        metrics::stored(&put);
        tracing::info!(segment = name, checksum = %put.checksum, outcome = ?put.outcome, "archived a segment");
        Ok(put)
    }

    /// Writes one segment to a file, which is replaced where it exists: verified by its record,
    /// synced, and renamed into place. For the `restore_command` of PostgreSQL. A folder, a device
    /// or a pipe is never replaced: an error.
    ///
    /// Of kind [`NotFound`](crate::ErrorKind::NotFound) only where the archive was reached, holds
    /// this log, and has no segment of that name: the log ends there. A folder or bucket that is
    /// missing, an archive without any segment of this log, a segment that is missing between two
    /// others, and one of which only the record is there are errors of other kinds. While such a
    /// record is younger than 30 s, the segment is waited for.
    ///
    /// `None` is the record of a segment that has none: then only its length was checked.
    pub async fn get(&self, name: &str, to: &Path) -> Result<Option<SegmentChecksum>> {
        restore::get(&self.archive_of(), name, to, self.lacking).await
    }

    /// Archives what is sealed in this folder now, and ends. `settings.poll_ms` does not matter.
    pub async fn archive(
        &self,
        folder: &Path,
        settings: &WalSettings,
        told: impl Fn(WalEvent<'_>) + Send + Sync,
    ) -> Result<WalSummary> {
        let settings = WalSettings { poll_ms: None, ..self.settings(settings) };
        Run::new(self.archive_of(), folder, settings, &told)?.drive(pending(), Duration::MAX).await
    }

    /// Archives what comes to be sealed in this folder, until `shutdown` ends: then what is under way has `drain` to come
    /// to its end, and is broken off after that, which costs nothing but doing it again.
    ///
    /// A store that does not answer is tried for ever. A conflict, a gap, damage or a refusal ends it at once.
    pub async fn watch(
        &self,
        folder: &Path,
        settings: &WalSettings,
        told: impl Fn(WalEvent<'_>) + Send + Sync,
        shutdown: impl Future<Output = ()> + Send,
        drain: Duration,
    ) -> Result<WalSummary> {
        let mut settings = self.settings(settings);
        settings.poll_ms = settings.poll_ms.or(Some(1_000));
        Run::new(self.archive_of(), folder, settings, &told)?.drive(shutdown, drain).await
    }

    /// Reads every archived segment, and says of each whether it is what its record says; with the folder of the
    /// log, whether it is what lies there too, and what has not been archived.
    ///
    /// What is not there, though it should be, is looked at again until the grace time is over. An
    /// archive that holds no segment is an error where a node was named or other logs are there, or
    /// where the store's folder is missing; else there is nothing to tell.
    pub async fn verify(
        &self,
        folder: Option<(&Path, SealedRule)>,
        told: impl FnMut(&SegmentCheck) + Send,
    ) -> Result<Vec<SegmentCheck>> {
        let archive = self.archive_of();
        let verify = Verify {
            archive: &archive,
            names: self.names,
            folder,
            grace: self.grace,
            pause: Box::new(|time| Box::pin(tokio::time::sleep(time))),
        };
        verify.run(told).await
    }

    /// Brings the segments of a range back into a folder, in order, each verified before it has its name. What is there
    /// already and the same is left; other content is [`Conflict`](crate::ErrorKind::Conflict); a gap
    /// within the range is [`NotFound`](crate::ErrorKind::NotFound), before anything is written.
    pub async fn restore(
        &self,
        to: &Path,
        range: &WalRange,
        told: impl FnMut(&WalRestored) + Send,
    ) -> Result<Vec<WalRestored>> {
        restore::restore(&self.archive_of(), self.names, to, range, told).await
    }

    /// Deletes segments from the archive, with their records; nothing without
    /// [`WalRemoval::delete`]. For one that was put under a foreign name, or that is damaged and is
    /// to be archived again. All names are checked before anything is deleted: of kind
    /// [`NotFound`](crate::ErrorKind::NotFound) where one is not there, of kind
    /// [`Conflict`](crate::ErrorKind::Conflict) where a gap would come to be that was not allowed.
    pub async fn remove(
        &self,
        names: &[String],
        rules: WalRemoval,
        told: impl FnMut(&WalRemoved) + Send,
    ) -> Result<Vec<WalRemoved>> {
        remove::remove(&self.archive_of(), self.names, names, rules, told).await
    }

    /// What is archived, and what would be lost if this machine were lost now.
    pub async fn status(&self, folder: &Path, sealed: SealedRule) -> Result<WalStatus> {
        check::status(&self.archive_of(), self.names, folder, sealed, self.lacking).await
    }

    fn settings(&self, settings: &WalSettings) -> WalSettings {
        WalSettings { names: self.names.or(settings.names), ..settings.clone() }
    }

    fn archive_of(&self) -> Archive<'_> {
        Archive { storage: &self.storage, node: self.node.as_deref() }
    }
}
