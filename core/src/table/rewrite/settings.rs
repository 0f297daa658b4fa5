//! How files are rewritten.

use crate::filter::ColumnPath;
use crate::{Settings, StreamSettings};

/// In which order the new file has its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RewriteOrder {
    /// File by file, as they come.
    #[default]
    AsStored,
    /// By their ids: by value where a field holds the ids of all files, else by the bytes of their
    /// text.
    ById,
    /// By the value of a field. Booleans come first, then numbers by value, then texts by their
    /// bytes, then instants, and rows without such a value last. Instants are the texts of a
    /// timestamp column.
    By(ColumnPath),
}

/// How files are rewritten.
#[derive(Debug, Clone, PartialEq)]
pub struct RewriteSettings {
    /// How the rows are encoded. [`Settings::schema`] has the columns of the table; `None` chooses
    /// them anew. [`Settings::id`] is that of the table.
    pub encode: Settings,
    /// As [`StreamSettings::row_group_bytes_max`].
    pub row_group_bytes_max: usize,
    /// The order of the rows.
    pub order: RewriteOrder,
    /// The most memory for rows that are sorted, in bytes: their ids, their JSON text, the values
    /// to sort by, and about 100 bytes a row. More is an error of kind `Limit`. No effect with
    /// [`RewriteOrder::AsStored`]. Default: 1 GiB.
    pub sort_bytes_max: u64,
}

impl Default for RewriteSettings {
    fn default() -> Self {
        RewriteSettings {
            encode: Settings::default(),
            row_group_bytes_max: StreamSettings::default().row_group_bytes_max,
            order: RewriteOrder::default(),
            sort_bytes_max: 1 << 30,
        }
    }
}
