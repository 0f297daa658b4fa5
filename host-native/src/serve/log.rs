//! The log of this machine, watched for `GET /metrics`: what would be lost with it now.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coldpress_core::{SealedRule, SegmentNames};
use tokio::sync::Mutex;

use super::shown::Shown;
use crate::{ColdStorage, Result, WalArchiver, WalStatus};

/// A look at folder and store serves all who ask within this time.
const FRESH: Duration = Duration::from_secs(5);

/// A write-ahead log whose archive lies in the store of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedLog {
    /// Where its segments are written.
    pub folder: PathBuf,
    /// The node whose log it is, where the store has the logs of several.
    pub node: Option<String>,
    /// Which of its segments are finished.
    pub sealed: SealedRule,
    /// How they are named; `None` where that is told from the names.
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
        // Before the first segment is archived, all of the log is exposed, which is no fault.
        let archiver = archiver.allow_empty(true);
        Ok(Watched { log, archiver, last: Mutex::new(None) })
    }

    /// What is archived and what is at risk; none where that could not be found out, which the log says.
    pub(super) async fn status(&self) -> Option<WalStatus> {
        // Held while looking: those who ask meanwhile share the answer.
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
                tracing::warn!(%error, folder = %self.log.folder.display(), "the state of the log cannot be told");
                None
            }
        };
        *last = Some((Instant::now(), status.clone()));
        status
    }
}
