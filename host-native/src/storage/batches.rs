//! Record batches of Arrow into the store.

use arrow_array::RecordBatch;
use coldpress_core::{Encoder, ObjectKey};

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::storage::stream::RowStream;
use crate::threads::internal;

/// How many rows the encoder of a stream takes at a time. What they become is sent before the next
/// ones are taken.
const SLICE_ROWS: usize = 1 << 16;

impl ColdStorage {
    /// Encodes record batches as one Parquet file, stores it, and returns its key. It is
    /// [`encode_and_upload`](Self::encode_and_upload) for batches, with the same promises.
    ///
    /// Ids come from [`Settings::id`](coldpress_core::Settings::id), and each column keeps its
    /// type: [`Encoder::push_batch`] has the rules.
    ///
    /// ```
    /// # use std::error::Error;
    /// # async fn example(storage: coldpress::ColdStorage) -> Result<(), Box<dyn Error>> {
    /// use std::sync::Arc;
    ///
    /// use coldpress::arrow_array::{Date32Array, RecordBatch, StringArray};
    ///
    /// let batch = RecordBatch::try_from_iter([
    ///     ("_id", Arc::new(StringArray::from(vec!["a", "b"])) as _),
    ///     ("day", Arc::new(Date32Array::from(vec![20_454, 20_455])) as _),
    /// ])?;
    /// let key = storage.encode_and_upload_batches("visits", 7, vec![batch], 100, 101).await?;
    /// assert_eq!(key, "data/7/visits/lsn-100-101.parquet");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn encode_and_upload_batches(
        &self,
        collection: &str,
        tenant_id: u64,
        batches: Vec<RecordBatch>,
        min_lsn: u64,
        max_lsn: u64,
    ) -> Result<ObjectKey> {
        let target = self.target_of(collection, tenant_id, min_lsn, max_lsn)?;
        let settings = self.settings.clone();
        let encoding = tokio::task::spawn_blocking(move || {
            let mut encoder = Encoder::new(settings)?;
            batches.iter().try_for_each(|batch| encoder.push_batch(batch))?;
            encoder.finish(&target)
        });
        let file = encoding.await.map_err(|error| internal(&error))??;
        self.put_file(&file).await?;
        Ok(file.key)
    }
}

impl RowStream<'_> {
    /// Takes the rows of a record batch. Ids come from the settings, and each column keeps its
    /// type: [`Encoder::push_batch`] has the rules.
    pub async fn push_batch(&mut self, batch: RecordBatch) -> Result<()> {
        let mut from = 0;
        loop {
            let rows = (batch.num_rows() - from).min(SLICE_ROWS);
            let slice = batch.slice(from, rows);
            self.encode(move |encoder| encoder.push_batch(&slice)).await?;
            from += rows;
            if from == batch.num_rows() {
                return Ok(());
            }
        }
    }
}
