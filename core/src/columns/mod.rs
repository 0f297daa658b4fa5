//! The column builder: events in, one growing, widening column per path.
//!
//! Nothing is decided while rows come in: a node keeps every value it sees by kind, and `resolve`
//! chooses types once all rows are known. So no row is visited twice and no type is guessed.

mod builder;
mod events;
mod ids;
mod node;

pub(crate) use builder::{Builder, ROOT};
pub(crate) use node::{Cursor, Field, KINDS, Kind, Node, NodeId, Texts};
