//! The rows of a scan, in order.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::IntoIter;

use coldpress_core::StoredRow;
use futures_util::Stream;

use crate::error::Result;
use crate::scan::batch::JsonRows;
use crate::scan::ordered::Ordered;
use crate::scan::report::ScanReport;

/// Rows of a collection, in the order of its files' LSNs; within a file, in the order of the file.
/// [`ColdStorage::scan`](crate::ColdStorage::scan) begins it.
///
/// It is a [`Stream`] that ends with the first error. Some files are read ahead, and a reader that
/// is slow holds them up. Dropping it stops everything.
#[derive(Debug)]
pub struct RowScan {
    batches: Ordered<Vec<StoredRow>>,
    batch: IntoIter<StoredRow>,
    taken: u64,
}

impl RowScan {
    pub(super) fn new(batches: Ordered<Vec<StoredRow>>) -> Self {
        RowScan { batches, batch: Vec::new().into_iter(), taken: 0 }
    }

    /// The next row; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<StoredRow>> {
        std::future::poll_fn(|context| self.poll_row(context)).await.transpose()
    }

    /// What it has read so far, and what it left out.
    pub fn report(&self) -> ScanReport {
        ScanReport { rows: self.taken, ..self.batches.report() }
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<StoredRow>>> {
        loop {
            if let Some(row) = self.batch.next() {
                self.taken += 1;
                return Poll::Ready(Some(Ok(row)));
            }
            match self.batches.poll(context) {
                Poll::Ready(Some(Ok(rows))) => self.batch = rows.into_iter(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Stream for RowScan {
    type Item = Result<StoredRow>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(context)
    }
}

/// The rows of a scan as JSON, some at once, in the same order as those of a [`RowScan`].
/// [`ColdStorage::scan_json`](crate::ColdStorage::scan_json) begins it. It takes a fraction of the
/// time.
#[derive(Debug)]
pub struct JsonScan(Ordered<JsonRows>);

impl JsonScan {
    pub(super) fn new(batches: Ordered<JsonRows>) -> Self {
        JsonScan(batches)
    }

    /// The next rows, of which there is at least one; `None` after the last ones.
    pub async fn next(&mut self) -> Result<Option<JsonRows>> {
        std::future::poll_fn(|context| self.0.poll(context)).await.transpose()
    }

    /// What it has read so far, and what it left out.
    pub fn report(&self) -> ScanReport {
        self.0.report()
    }
}
