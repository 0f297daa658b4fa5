//! Record batches of Arrow into nodes, column by column.
//!
//! A batch is looked at first: a value that no row can hold is found before any is taken, and the
//! size of each row is known, so that a stream can cut the batch between two rows. Then the arrays
//! are put into the nodes, a column at a time.

mod class;
mod fill;
mod ids;
mod look;
mod slots;
mod values;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};

use super::builder::{Builder, END_BYTES, LEVEL_BYTES, ROOT};
use super::node::Kind;
use crate::{IdSource, Result};
use class::ArrowType;
use ids::Ids;
use look::Look;
use slots::Slots;

/// The rows of a batch, which were looked at.
#[derive(Debug)]
pub(crate) struct BatchRows {
    rows: StructArray,
    ids: Ids,
    /// The bytes that each row takes, with its id.
    row_bytes: Vec<usize>,
}

impl BatchRows {
    /// Looks at a batch whose first row is the next one of `builder`.
    ///
    /// An error of kind `Settings` if a type has no column, and of kind `Row` or `Limit` if a row
    /// cannot be taken.
    pub(crate) fn read(batch: &RecordBatch, builder: &Builder, source: &IdSource) -> Result<Self> {
        let rows = StructArray::from(batch.clone());
        let mut look = Look {
            row_bytes: vec![0; rows.len()],
            each: 0,
            row_bytes_max: builder.row_bytes_max,
            depth_max: builder.depth_max,
            first_row: builder.row_number(),
            path: Vec::new(),
        };
        let array: ArrayRef = Arc::new(rows.clone());
        let all = ArrowType::of_rows(rows.data_type());
        look.at(&array, all, Slots::of_rows(rows.len()))?;
        look.check_sizes()?;
        let ids = Ids::of(&rows, source, builder.row_number())?;
        let Look { mut row_bytes, each, .. } = look;
        for (at, bytes) in row_bytes.iter_mut().enumerate() {
            *bytes += each + ids.texts.text(at).len() + END_BYTES;
        }
        Ok(BatchRows { rows, ids, row_bytes })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl Builder {
    /// Makes nodes for the fields of a batch. It comes before [`Builder::push_batch`].
    pub(crate) fn declare(&mut self, batch: &BatchRows) -> Result<()> {
        self.declare_fields(batch.rows.fields(), ROOT)
    }

    /// How many rows of the batch, from `from` on, come before the builder holds `bytes_max`.
    pub(crate) fn rows_until_full(
        &self,
        batch: &BatchRows,
        from: usize,
        bytes_max: Option<usize>,
    ) -> usize {
        let left = &batch.row_bytes[from..];
        let Some(bytes_max) = bytes_max else { return left.len() };
        let (mut rows, mut held) = (0, self.held_bytes);
        let mut all = self.bytes();
        while rows < left.len() && all < bytes_max {
            held += left[rows];
            rows += 1;
            all = held + (self.rows() + rows) * self.nodes.len() * LEVEL_BYTES;
        }
        rows
    }

    /// Takes these rows of the batch.
    pub(crate) fn push_batch(&mut self, batch: &BatchRows, rows: Range<usize>) {
        let first = self.rows();
        self.nodes[ROOT].put_all(first, rows.len(), Kind::Object);
        let objects = batch.rows.slice(rows.start, rows.len());
        self.fill_fields(ROOT, &objects, &Slots::of_rows(rows.len()), first);
        self.push_ids(&batch.ids, rows.start, rows.end);
        self.held_bytes += batch.row_bytes[rows].iter().sum::<usize>();
        self.nodes_of_rows = self.nodes.len();
    }
}
