//! Reads parts of files for DataFusion's Parquet source.

use std::ops::Range;
use std::sync::Arc;

use coldpress::bytes::Bytes;
use coldpress::{ErrorKind, ObjectKey};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{
    ParquetFileMetrics, ParquetFileReaderFactory,
};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::coalesce_ranges;

use crate::files::{Files, Tail};

/// Ranges with at most so many bytes between them are one request.
const JOIN_GAP_BYTES: u64 = 1 << 20;

/// Makes readers over the files of a store. What is known of their footers is not read again.
#[derive(Debug)]
pub(crate) struct Readers(pub(crate) Arc<Files>);

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        _: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let name = file.object_meta.location.as_ref();
        let key = ObjectKey::parse(self.0.storage().prefix(), name)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let metrics = ParquetFileMetrics::new(partition, name, metrics);
        let bytes = file.object_meta.size;
        let tail = self.0.known_tail(&key, bytes);
        Ok(Box::new(Reader { files: Arc::clone(&self.0), key, bytes, tail, metrics }))
    }
}

struct Reader {
    files: Arc<Files>,
    key: ObjectKey,
    bytes: u64,
    /// The end of the file, once it is known.
    tail: Option<Arc<Tail>>,
    metrics: ParquetFileMetrics,
}

impl Reader {
    async fn read(&self, range: Range<u64>) -> coldpress::Result<Bytes> {
        let wanted = range.end.saturating_sub(range.start);
        if range.end > self.bytes || range.start > range.end {
            let message = "the file is damaged: a part of it lies behind its end; check it with \
                `coldpress verify`";
            return Err(coldpress::Error::new(ErrorKind::Corrupt, message).at(self.key.as_str()));
        }
        if let Some(tail) = &self.tail
            && let Some(from) = (range.start + tail.bytes.len() as u64).checked_sub(self.bytes)
        {
            let (from, length) = (from as usize, wanted as usize);
            return Ok(tail.bytes.slice(from..from + length));
        }
        self.metrics.bytes_scanned.add(usize::try_from(wanted).unwrap_or(usize::MAX));
        self.files.storage().read_range(&self.key, range).await
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { self.read(range).await.map_err(external) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let reader = &*self;
            coalesce_ranges(&ranges, |range| reader.read(range), JOIN_GAP_BYTES)
                .await
                .map_err(external)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let tail = self.files.tail(&self.key, self.bytes).await.map_err(external)?;
            self.tail = Some(Arc::clone(&tail));
            Ok(Arc::clone(&tail.metadata))
        }
        .boxed()
    }
}

fn external(error: coldpress::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
