//! The smallest and the largest value of some rows, as a file states them.

use std::ops::Range;

#[cfg(feature = "arrow")]
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

/// A value as Parquet stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StoredEnd<'s> {
    /// A boolean.
    Boolean(bool),
    /// A whole number of 32 or 64 bits. Whoever knows the type of the column knows what it counts.
    Integer(i64),
    /// A floating-point number of 32 bits.
    Float(f32),
    /// A floating-point number of 64 bits.
    Double(f64),
    /// Bytes: a text, which may be cut, a decimal, or others.
    Bytes(&'s [u8]),
}

/// The smallest and the largest value; `None` where the file does not state it.
pub type Ends<'s> = (Option<StoredEnd<'s>>, Option<StoredEnd<'s>>);

/// Those of a column chunk, by its statistics.
pub fn ends_of_chunk(statistics: &Statistics) -> Ends<'_> {
    match statistics {
        Statistics::Boolean(of) => both(of.min_opt(), of.max_opt(), boolean),
        Statistics::Int32(of) => both(of.min_opt(), of.max_opt(), int32),
        Statistics::Int64(of) => both(of.min_opt(), of.max_opt(), int64),
        Statistics::Float(of) => both(of.min_opt(), of.max_opt(), float),
        Statistics::Double(of) => both(of.min_opt(), of.max_opt(), double),
        Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => {
            bytes(statistics.min_bytes_opt(), statistics.max_bytes_opt())
        }
        Statistics::Int96(_) => (None, None),
    }
}

/// Those of a page, which the column index must have, as parquet reads it.
#[cfg(feature = "arrow")]
pub fn ends_of_page(index: &ColumnIndexMetaData, page: usize) -> Ends<'_> {
    use ColumnIndexMetaData as Index;
    match index {
        Index::BOOLEAN(of) => both(of.min_value(page), of.max_value(page), boolean),
        Index::INT32(of) => both(of.min_value(page), of.max_value(page), int32),
        Index::INT64(of) => both(of.min_value(page), of.max_value(page), int64),
        Index::FLOAT(of) => both(of.min_value(page), of.max_value(page), float),
        Index::DOUBLE(of) => both(of.min_value(page), of.max_value(page), double),
        Index::BYTE_ARRAY(of) => bytes(of.min_value(page), of.max_value(page)),
        Index::FIXED_LEN_BYTE_ARRAY(of) => bytes(of.min_value(page), of.max_value(page)),
        Index::NONE | Index::INT96(_) => (None, None),
    }
}

/// How many of these rows are null, which lie in a page of these rows. `nulls` counts the nulls of
/// the page. `None` if that does not say it: if only some rows of the page are null, nothing says
/// how many of these are.
pub fn nulls_in(nulls: Option<u64>, page: &Range<usize>, rows: &Range<usize>) -> Option<u64> {
    match nulls {
        Some(nulls) if nulls == page.len() as u64 => Some(rows.len() as u64),
        Some(0) => Some(0),
        nulls => nulls.filter(|_| page == rows),
    }
}

fn both<'s, T>(min: Option<&T>, max: Option<&T>, stored: fn(&T) -> StoredEnd<'s>) -> Ends<'s> {
    (min.map(stored), max.map(stored))
}

fn bytes<'s>(min: Option<&'s [u8]>, max: Option<&'s [u8]>) -> Ends<'s> {
    (min.map(StoredEnd::Bytes), max.map(StoredEnd::Bytes))
}

fn boolean(value: &bool) -> StoredEnd<'static> {
    StoredEnd::Boolean(*value)
}

fn int32(value: &i32) -> StoredEnd<'static> {
    StoredEnd::Integer(i64::from(*value))
}

fn int64(value: &i64) -> StoredEnd<'static> {
    StoredEnd::Integer(*value)
}

fn float(value: &f32) -> StoredEnd<'static> {
    StoredEnd::Float(*value)
}

fn double(value: &f64) -> StoredEnd<'static> {
    StoredEnd::Double(*value)
}
