//! What the footer of a file says.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_schema::{DataType, Fields};
use coldpress_core::filter::ColumnPath;
use coldpress_core::{ReadLimits, foreign};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::ParquetMetaData;

use crate::error::{Error, ErrorKind, Result};
use crate::quiet::quietly;
use crate::record_batches::int96::in_microseconds;
use crate::record_batches::own::Own;

/// A file of which the footer was read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// Its columns in Arrow.
    pub(super) fields: Fields,
    /// What Coldpress says of it, if Coldpress wrote it.
    pub(super) own: Option<Own>,
}

impl File {
    /// Reads the footer of a file of `bytes` bytes; `tail` is its end.
    pub(crate) fn open(tail: &[u8], bytes: u64, limits: &ReadLimits) -> Result<Self> {
        guarded(|| {
            let metadata = foreign::read_footer(tail, bytes, limits)?;
            let own = Own::of(&metadata, tail, bytes, limits)?;
            let metadata = Arc::new(metadata);
            let fields = fields(&metadata)?;
            Ok(File { metadata, fields, own })
        })
    }

    /// The type of the column at this path in Arrow. A path leads through structs only.
    pub(super) fn data_type(&self, path: &ColumnPath) -> Option<&DataType> {
        let (mut fields, mut found) = (&self.fields, None::<&DataType>);
        for name in path.names() {
            match found {
                None => {}
                Some(DataType::Struct(below)) => fields = below,
                Some(_) => return None,
            }
            found = Some(fields.iter().find(|field| field.name() == name)?.data_type());
        }
        found
    }
}

/// The columns in Arrow. A writer of Arrow says more of them than Parquet's schema does; if that
/// cannot be read, Parquet's schema is enough.
fn fields(metadata: &Arc<ParquetMetaData>) -> Result<Fields> {
    let read = |skip| {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(skip);
        ArrowReaderMetadata::try_new(Arc::clone(metadata), options)
    };
    let said = catch_unwind(AssertUnwindSafe(|| read(false))).ok().and_then(|read| read.ok());
    let found = match said {
        Some(found) => found,
        None => read(true).map_err(|error| unreadable(&error))?,
    };
    let schema = metadata.file_metadata().schema_descr();
    Ok(in_microseconds(found.schema().fields(), schema))
}

/// Calls code that uses parquet. It panics on some damage, and this makes an error of the panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // After a panic, nobody uses what `work` left half done: the caller only reports the error.
    quietly(|| catch_unwind(AssertUnwindSafe(work))).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(unreadable(&said))
    })
}

/// An error of kind `Corrupt`, for what parquet says of a file.
pub(super) fn unreadable(said: &dyn std::fmt::Display) -> Error {
    let message = format!(
        "the file is damaged, or has something that Coldpress does not read: {said}; fetch it \
         again, or write it anew"
    );
    Error::new(ErrorKind::Corrupt, message)
}
