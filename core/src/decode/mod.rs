//! Decodes a Coldpress file into exactly the rows that were encoded.

mod assemble;
mod batch;
mod chunk;
mod column;
mod cut;
mod damage;
mod document;
mod ends;
mod extent;
mod file;
mod footer;
#[cfg(feature = "arrow")]
pub mod foreign;
mod form;
mod group;
mod id;
mod indexes;
mod integers;
mod layout;
mod limits;
mod narrow;
mod outline;
mod page_index;
mod pages;
mod prefixed;
mod regions;
mod report;
mod rescued;
mod row;
mod rows;
mod sift;
mod tell;
mod thrift;
mod values;
mod verify;
mod write;

pub(crate) use assemble::Assembler;
pub(crate) use batch::{LeafBatch, StoredValue};
pub(crate) use chunk::{ChunkPages, place};
pub(crate) use cut::Fields;
pub(crate) use damage::corrupt;
pub(crate) use ends::{Ends, StoredEnd, ends_of_chunk, nulls_in};
pub use file::ParquetFile;
pub(crate) use form::{Plain, plain};
pub(crate) use group::GroupReader;
pub(crate) use indexes::blocks;
pub use integers::IntegerBounds;
pub use layout::Footer;
pub(crate) use layout::{FieldPlace, Layout};
pub use limits::ReadLimits;
pub(crate) use page_index::{IndexedPage, PageFacts};
pub(crate) use regions::{Regions, double_at, place_of};
pub use report::{ChunkReport, FileReport, RowGroupReport};
pub use row::{Projection, StoredRow};
pub use rows::Rows;
pub(crate) use sift::{ValueTest, add_run, sift};
pub use verify::Verified;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod forms_tests;
