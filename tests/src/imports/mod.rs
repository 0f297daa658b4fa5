//! Which file of a package imports from which: read from the sources, through re-exports to the file
//! that defines a name.
//!
//! A path is an arrow from the file where it stands to the file that defines what it names: `mod.rs`
//! files that pass a name on are passed through. A path that names only a module is no arrow; the
//! paths through it are. Method calls and the names that macros make up are not seen.

mod rules;
mod source;
mod tree;

pub use rules::{Floors, circles, off_plan};
pub use source::{Declared, Import, Source};
pub use tree::{Arrow, Package};
