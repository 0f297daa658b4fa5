//! The rows of a scan, in order, from files that are read side by side.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use coldpress_core::{ScanQuery, ScanSettings, StoredRow};
use futures_util::Stream;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::fetch::Place;
use crate::scan::file::{FileScan, Sent};
use crate::scan::report::{ScanReport, SharedReport};
use crate::storage::StoredObject;
use crate::tails::Tails;

/// Batches of one file that wait to be taken.
const BATCHES_WAITING: usize = 2;

/// Rows of a collection, in the order of its files' LSNs; within a file, in the order of the file.
/// [`ColdStorage::scan`](crate::ColdStorage::scan) begins it.
///
/// It is a [`Stream`] that ends with the first error. Some files are read ahead, and a reader that
/// is slow holds them up. Dropping it stops everything.
#[derive(Debug)]
pub struct RowScan {
    place: Place,
    tails: Arc<Tails>,
    query: ScanQuery,
    settings: ScanSettings,
    waiting: VecDeque<StoredObject>,
    running: VecDeque<Running>,
    batch: std::vec::IntoIter<StoredRow>,
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
struct Running {
    receiver: Receiver<Result<Sent>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RowScan {
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
        RowScan {
            place,
            tails,
            query,
            settings,
            waiting: files.into(),
            running: VecDeque::new(),
            batch: Vec::new().into_iter(),
            left,
            given: 0,
            at_once,
            at_once_max,
            report,
        }
    }

    /// The next row; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<StoredRow>> {
        std::future::poll_fn(|context| self.poll_row(context)).await.transpose()
    }

    /// What it has read so far, and what it left out.
    pub fn report(&self) -> ScanReport {
        ScanReport { rows: self.given, ..self.report.get() }
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<StoredRow>>> {
        loop {
            if self.left == 0 {
                return self.end(None);
            }
            if let Some(row) = self.batch.next() {
                self.left -= 1;
                self.given += 1;
                return Poll::Ready(Some(Ok(row)));
            }
            self.start();
            let Some(first) = self.running.front_mut() else { return self.end(None) };
            match first.receiver.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(Sent::Rows(rows)))) => self.batch = rows.into_iter(),
                Poll::Ready(Some(Ok(Sent::End))) => {
                    self.running.pop_front();
                    self.at_once = (self.at_once * 2).min(self.at_once_max);
                }
                Poll::Ready(Some(Err(error))) => return self.end(Some(error)),
                Poll::Ready(None) => return self.end(Some(broken())),
            }
        }
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
    fn end(&mut self, error: Option<Error>) -> Poll<Option<Result<StoredRow>>> {
        self.left = 0;
        self.batch = Vec::new().into_iter();
        self.waiting.clear();
        self.running.clear();
        Poll::Ready(error.map(Err))
    }
}

impl Stream for RowScan {
    type Item = Result<StoredRow>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(context)
    }
}

fn broken() -> Error {
    let message = "a task that read a file was stopped; if it repeats, report it";
    Error::new(ErrorKind::Internal, message)
}
