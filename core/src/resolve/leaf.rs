//! One leaf column as it goes into a file: its values and levels.

use std::sync::Arc;

use super::levels::Levels;
use crate::columns::Values;

/// One leaf column, whole.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The names from the root of the file down.
    pub(crate) path: Vec<String>,
    /// Definition levels; empty if every entry is a value.
    pub(crate) definitions: Levels,
    pub(crate) definition_max: i16,
    /// Repetition levels; empty if every entry is a row of its own.
    pub(crate) repetitions: Arc<Levels>,
    pub(crate) values: Values,
}
