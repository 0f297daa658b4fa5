//! The column builder: events in, one growing, widening column per path.
//!
//! Nothing is decided while rows come in: a node keeps every value it sees by kind, and `resolve`
//! chooses types once all rows are known. So no row is visited twice and no type is guessed.

#[cfg(feature = "arrow")]
mod batch;
mod builder;
mod events;
mod ids;
mod natives;
mod node;
mod values;

#[cfg(feature = "arrow")]
pub(crate) use batch::BatchRows;
pub(crate) use builder::{Builder, ROOT};
pub(crate) use natives::{Native, NativeText, Natives, Typed, TypedAs};
pub(crate) use node::{Cursor, Field, KINDS, Kind, Node, NodeId};
pub(crate) use values::{Blobs, Texts, Values};
