//! Record batches of Arrow in.

use arrow_array::RecordBatch;

use super::{Encoder, StreamEncoder};
use crate::Result;

impl Encoder {
    /// Takes the rows of a record batch of Arrow. Ids come from [`Settings::id`]: from the column
    /// `_id` by default, or else they are the numbers of the rows.
    ///
    /// Each column keeps its type, also where it has no value, and its nulls are explicit nulls.
    /// [`docs/record-batches.md`] has the table of types. Texts follow [`Settings::text_types`], as
    /// JSON strings do. Rows, JSON and batches may take turns: a value that does not fit its column
    /// is rescued. The same rows give the same bytes, whatever batches they come in, and the bytes
    /// of the same rows as JSON if their columns have the same types.
    ///
    /// An error of kind `Settings` if a type has no column; of kind `Row` if a value has no place
    /// in a row (NaN, a day outside the years 0001 to 9999, a decimal with too many digits); of
    /// kind `Limit` if a row is too large, or the columns are too many or too deep.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow_array::{Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    /// use coldpress_core::{Encoder, Settings, Target};
    ///
    /// let seen = vec![1_767_225_600_000_000, 1_767_225_601_500_000];
    /// let seen = TimestampMicrosecondArray::from(seen).with_timezone("UTC");
    /// let batch = RecordBatch::try_from_iter([
    ///     ("_id", Arc::new(StringArray::from(vec!["a", "b"])) as _),
    ///     ("level", Arc::new(Int32Array::from(vec![Some(3), None])) as _),
    ///     ("seen", Arc::new(seen) as _),
    /// ])?;
    /// let mut encoder = Encoder::new(Settings::default())?;
    /// encoder.push_batch(&batch)?;
    /// let file = encoder.finish(&Target::new(0, "events"))?;
    /// let types: Vec<String> =
    ///     file.summary.schema.columns().iter().map(|c| c.column_type.to_string()).collect();
    /// assert_eq!(types, ["int32", "timestamp(us)"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`Settings::id`]: crate::Settings::id
    /// [`Settings::text_types`]: crate::Settings::text_types
    /// [`docs/record-batches.md`]: https://github.com/coldpress/coldpress/blob/main/docs/record-batches.md
    pub fn push_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.intake.check()?;
        let pushed = self.intake.no_open_text().and_then(|()| {
            slices(batch).try_for_each(|slice| {
                let rows = self.intake.rows_of(&slice)?;
                self.intake.batch(&rows, 0, u64::MAX).map(|_| ())
            })
        });
        self.intake.note(pushed)
    }
}

impl StreamEncoder {
    /// As [`Encoder::push_batch`]. A batch may be cut between two rows, where a row group ends.
    pub fn push_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.check()?;
        let pushed = self
            .intake
            .no_open_text()
            .and_then(|()| slices(batch).try_for_each(|slice| self.push_slice_of(&slice)));
        self.intake.note(pushed)
    }

    fn push_slice_of(&mut self, slice: &RecordBatch) -> Result<()> {
        let rows = self.intake.rows_of(slice)?;
        let mut taken = 0;
        loop {
            self.make_room()?;
            // No builder has skipped and new rows.
            let rows_max = match self.skipped.checked_sub(self.rows()) {
                None | Some(0) => u64::MAX,
                Some(skipped) => skipped,
            };
            taken += self.intake.batch(&rows, taken, rows_max)?;
            if taken == rows.len() {
                return Ok(());
            }
        }
    }
}

/// How many rows are looked at at once. A batch can be far larger than the memory it takes: lists
/// and dictionaries name values again and again.
const SLICE_ROWS: usize = 1_024;

/// A batch in slices; an empty one is one slice.
fn slices(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    let rows = batch.num_rows();
    let starts = (0..rows.max(1)).step_by(SLICE_ROWS);
    starts.map(move |start| batch.slice(start, (rows - start).min(SLICE_ROWS)))
}

#[cfg(feature = "decode")]
#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;

#[cfg(feature = "decode")]
#[cfg(test)]
#[path = "batch_mixed_tests.rs"]
mod mixed_tests;

#[cfg(test)]
#[path = "batch_stream_tests.rs"]
mod stream_tests;
