//! The write-ahead log of this machine, for `GET /metrics`: what would be lost with the machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coldpress::{ColdStorage, Result, WalArchiver, WalStatus};
use coldpress_core::{SealedRule, SegmentNames};
use coldpress_listen::Shown;
use tokio::sync::Mutex;

/// How long a status is used before the folder and the store are read again.
const FRESH: Duration = Duration::from_secs(5);

/// A write-ahead log with its archive in the store of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedLog {
    /// The folder of its segments.
    pub folder: PathBuf,
    /// The node that writes the log, if the store has the logs of several nodes.
    pub node: Option<String>,
    /// Which of its segments are finished.
    pub sealed: SealedRule,
    /// How the segments are named. `None`: found from the names.
    pub names: Option<SegmentNames>,
}

#[derive(Debug)]
pub(super) struct Watched {
    log: ServedLog,
    archiver: WalArchiver,
    last: Mutex<Option<(Instant, Option<WalStatus>)>>,
}

impl Watched {
    pub(super) fn new(storage: &Arc<ColdStorage>, log: ServedLog) -> Result<Self> {
        let archiver = WalArchiver::new(Arc::clone(storage), log.node.as_deref())?.named(log.names);
        // Before the first segment is archived, the archive is empty. That is no fault.
        let archiver = archiver.allow_empty(true);
        Ok(Watched { log, archiver, last: Mutex::new(None) })
    }

    /// The state of the archive. None if it could not be found out; the server's log then says why.
    pub(super) async fn status(&self) -> Option<WalStatus> {
        // Held during the look, so that all requests at this time share its result.
        let mut last = self.last.lock().await;
        if let Some((at, status)) = &*last
            && at.elapsed() < FRESH
        {
            return status.clone();
        }
        let status = match self.archiver.status(&self.log.folder, self.log.sealed).await {
            Ok(status) => Some(status),
            Err(error) => {
                let error = error.to_string();
                let error = Shown(&error);
                let folder = self.log.folder.display();
                tracing::warn!(%error, %folder, "cannot find the state of the write-ahead log");
                None
            }
        };
        *last = Some((Instant::now(), status.clone()));
        status
    }
}
