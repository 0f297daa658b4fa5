//! Record batches of Arrow out of the store.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;
use coldpress_core::filter::ColumnPath;
use coldpress_core::foreign::{PageTerms, chunk_range};
use coldpress_core::{ObjectKey, ReadLimits};
use object_store::{ObjectStoreExt, coalesce_ranges};

use crate::error::{Error, ErrorKind, Result};
use crate::record_batches::{
    BatchSettings, Collected, File, Wanted, decode, guarded, leaves, schema,
};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::key::ToKey;
use crate::store::path::store_path;
use crate::threads::{StopOnDrop, blocking};

/// Two ranges with at most this many bytes between them become one request: it costs as much.
const JOIN_GAP_BYTES: u64 = 128 << 10;

/// What a failed request was for.
const DOING: &str = "read columns of the object";

impl ColdStorage {
    /// All rows of one data file as record batches, with the columns of the projection.
    ///
    /// `projection`: paths of columns, which lead through structs only; `None` for all. The batches
    /// have them in the order of the file. They are the columns as they are stored: `_id` and
    /// `_rescued_data` are columns too. There is at least one batch.
    ///
    /// Requests the end of the file, and of each row group only the bytes of these columns. Decodes
    /// on blocking threads; stops if the future is dropped. All batches together are within
    /// [`ReadLimits::batches_bytes_max`]. An error of kind [`ErrorKind::Settings`] if the file does
    /// not have one of the columns.
    ///
    /// ```
    /// # use std::error::Error;
    /// # async fn example(storage: coldpress::ColdStorage) -> Result<(), Box<dyn Error>> {
    /// use coldpress::filter::ColumnPath;
    ///
    /// let columns = [ColumnPath::new(["device"])?, "place.lat".parse()?];
    /// let batches = storage
    ///     .read_batches("data/7/readings/lsn-100-199.parquet", Some(&columns))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn read_batches(
        &self,
        key: impl ToKey,
        projection: Option<&[ColumnPath]>,
    ) -> Result<Vec<RecordBatch>> {
        let key = self.own_key(&key)?;
        let batches = self.batches_of(&key, projection.map(<[ColumnPath]>::to_vec)).await;
        batches.map_err(|error| error.at(key.as_str()))
    }

    async fn batches_of(
        &self,
        key: &ObjectKey,
        projection: Option<Vec<ColumnPath>>,
    ) -> Result<Vec<RecordBatch>> {
        let limits = ReadLimits::default();
        let path = store_path(key.as_str())?;
        let store = self.object_store();
        let head = async { store.head(&path).await };
        let bytes = self.within("look at the object", key.as_str(), head).await?.size;
        let tail = self.tail_of(key, bytes, &limits).await?;

        let stop = StopOnDrop::new();
        let terms = Arc::new(PageTerms::new(&limits, stop.flag()));
        let mut batches = Collected::new(&limits);
        let (opened_within, limits) = (limits.clone(), Arc::new(limits));
        let opened = move || {
            let file = File::open(&tail, bytes, &opened_within)?;
            let leaves = guarded(|| leaves(&file, projection.as_deref()))?;
            Ok((Arc::new(file), Arc::new(leaves)))
        };
        let (file, leaves) = blocking(opened).await?;
        for group in 0..file.metadata.num_row_groups() {
            let chunks = self.chunks_of(key, &file, group, &leaves, bytes).await?;
            let (file, leaves) = (Arc::clone(&file), Arc::clone(&leaves));
            let (terms, limits) = (Arc::clone(&terms), Arc::clone(&limits));
            let decoded = move || {
                let batch_rows = BatchSettings::default().batch_rows;
                let (leaves, limits) = (&leaves, &limits);
                let wanted = Wanted { group, leaves, chunks, rows: None, batch_rows, limits };
                guarded(|| decode(&file, wanted, &terms, &mut |batch| batches.add(batch)))?;
                Ok(batches)
            };
            batches = blocking(decoded).await?;
        }
        blocking(move || Ok(batches.finish(guarded(|| schema(&file, &leaves))?))).await
    }

    /// The bytes of the pages of these leaves, in their order. Ranges that lie close together come
    /// in one request.
    async fn chunks_of(
        &self,
        key: &ObjectKey,
        file: &File,
        group: usize,
        leaves: &[usize],
        bytes: u64,
    ) -> Result<Vec<Bytes>> {
        let columns = file.metadata.row_group(group).columns();
        let ranges = leaves.iter().map(|leaf| Ok(chunk_range(&columns[*leaf], bytes)?));
        let ranges: Vec<Range<u64>> = ranges.collect::<Result<_>>()?;
        let path = store_path(key.as_str())?;
        let store = self.object_store();
        let fetch = |range: Range<u64>| async { store.get_range(&path, range).await };
        let get = coalesce_ranges(&ranges, fetch, JOIN_GAP_BYTES);
        let chunks = self.within(DOING, key.as_str(), get).await?;
        let fits = |(range, chunk): (&Range<u64>, &Bytes)| {
            chunk.len() as u64 == range.end.saturating_sub(range.start)
        };
        if chunks.len() != ranges.len() || !ranges.iter().zip(&chunks).all(fits) {
            let message = "the store returned other ranges than the requested ones; try again";
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        Ok(chunks)
    }
}
