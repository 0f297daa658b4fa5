//! Cold storage, as a server uses it: put, list, read, stream, verify, delete.

#[cfg(feature = "arrow")]
mod batches;
pub(crate) mod claims;
pub(crate) mod cold_storage;
mod content;
mod contents;
mod delete;
mod footer;
pub(crate) mod key;
pub(crate) mod list;
mod put;
mod read;
#[cfg(feature = "arrow")]
mod read_batches;
mod repair;
mod stream;
mod verify;
pub(crate) mod writer;

pub use cold_storage::ColdStorage;
pub use content::StoredContent;
pub use key::ToKey;
pub use list::found::{
    Contents, FOREIGN_NAMES_KEPT, ForeignName, ForeignNames, Leftover, StoredObject,
};
pub use repair::{DamagedObject, Examined, Likeness, Proof, Repaired};
pub use stream::{RowStream, StoredFile};
pub use verify::VerifiedObject;
pub use writer::ObjectWriter;
