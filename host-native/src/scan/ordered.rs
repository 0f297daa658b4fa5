//! Batches of rows, in order, from files that are read side by side.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use coldpress_core::{ScanQuery, ScanSettings};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::batch::Batch;
use crate::scan::fetch::Place;
use crate::scan::file::{FileScan, Sent};
use crate::scan::report::{ScanReport, SharedReport};
use crate::storage::StoredObject;
use crate::tails::Tails;

/// Batches of one file that wait to be taken.
const BATCHES_WAITING: usize = 2;

/// Batches of several files, in the order of the files.
#[derive(Debug)]
pub(super) struct Ordered<B> {
    place: Place,
    tails: Arc<Tails>,
    query: ScanQuery,
    settings: ScanSettings,
    waiting: VecDeque<StoredObject>,
    running: VecDeque<Running<B>>,
    /// Rows that are still wanted, and rows that were given.
    left: u64,
    given: u64,
    /// Files that may be read at once now, and at most.
    at_once: usize,
    at_once_max: usize,
    report: SharedReport,
}

/// A file that is being read, or that has been read ahead. Its task ends with this.
#[derive(Debug)]
struct Running<B> {
    receiver: Receiver<Result<Sent<B>>>,
    task: JoinHandle<()>,
}

impl<B> Drop for Running<B> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<B: Batch> Ordered<B> {
    pub(super) fn new(
        place: Place,
        tails: Arc<Tails>,
        files: Vec<StoredObject>,
        query: ScanQuery,
        settings: ScanSettings,
        parallel: usize,
        report: SharedReport,
    ) -> Self {
        let left = query.limit.unwrap_or(u64::MAX);
        let at_once_max = parallel.max(1);
        // The first file may have all the rows that are wanted.
        let at_once = if query.limit.is_some() { 1 } else { at_once_max };
        Ordered {
            place,
            tails,
            query,
            settings,
            waiting: files.into(),
            running: VecDeque::new(),
            left,
            given: 0,
            at_once,
            at_once_max,
            report,
        }
    }

    /// What it has read so far, and what it left out.
    pub(super) fn report(&self) -> ScanReport {
        ScanReport { rows: self.given, ..self.report.get() }
    }

    /// The next batch, which has a row at least; `None` after the last one, or after an error.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<B>>> {
        while self.left > 0 {
            self.start();
            let Some(first) = self.running.front_mut() else { break };
            match first.receiver.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Sent::Rows(mut rows)))) => {
                    rows.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    let count = rows.len() as u64;
                    (self.left, self.given) = (self.left - count, self.given + count);
                    return Poll::Ready(Some(Ok(rows)));
                }
                Poll::Ready(Some(Ok(Sent::End))) => {
                    self.running.pop_front();
                    self.at_once = (self.at_once * 2).min(self.at_once_max);
                }
                Poll::Ready(Some(Err(error))) => return self.end(Some(error)),
                Poll::Ready(None) => return self.end(Some(broken())),
            }
        }
        self.end(None)
    }

    /// Begins to read further files, as many as may be read at once.
    fn start(&mut self) {
        while self.running.len() < self.at_once
            && let Some(object) = self.waiting.pop_front()
        {
            let (sender, receiver) = mpsc::channel(BATCHES_WAITING);
            let mut query = self.query.clone();
            query.limit = query.limit.map(|_| self.left);
            let file = FileScan {
                place: self.place.clone(),
                tails: Arc::clone(&self.tails),
                key: object.key,
                bytes: object.bytes,
                query,
                settings: self.settings.clone(),
                report: self.report.clone(),
            };
            let task = tokio::spawn(file.run(sender));
            self.running.push_back(Running { receiver, task });
        }
    }

    /// Stops all that runs.
    fn end(&mut self, error: Option<Error>) -> Poll<Option<Result<B>>> {
        self.left = 0;
        self.waiting.clear();
        self.running.clear();
        Poll::Ready(error.map(Err))
    }
}

fn broken() -> Error {
    let message = "a task that read a file was stopped; if it repeats, report it";
    Error::new(ErrorKind::Internal, message)
}
