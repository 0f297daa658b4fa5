//! What parquet's writer of footers and indexes refuses.

use parquet::errors::ParquetError;

use crate::{Error, ErrorKind};

/// An error of kind `Limit` that says what parquet said.
pub(super) fn refused(error: ParquetError) -> Error {
    Error::new(ErrorKind::Limit, format!("Parquet cannot hold these rows: {error}"))
}
