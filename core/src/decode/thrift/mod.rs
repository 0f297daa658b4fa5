//! Our own walk over Thrift bytes. All bytes must pass it before parquet's decoder sees them.
//! `shape` has the structs of `parquet.thrift` as tables, `walk` walks a struct by its table, and
//! `footer` walks a footer.

mod footer;
mod shape;
mod walk;

pub(super) use footer::check_footer;
pub(super) use shape::{BLOOM_FILTER_HEADER, COLUMN_INDEX, OFFSET_INDEX, PAGE_LOCATION};
pub(super) use walk::Found;
