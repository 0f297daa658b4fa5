//! The columns of tables.

use coldpress_core::table::{Table, TableColumns};

use crate::error::{Error, Result};

/// The columns of a table.
pub(crate) fn columns_of(table: &Table) -> Result<TableColumns> {
    let metadata = table.metadata().cloned().unwrap_or_default();
    let columns = TableColumns::from_metadata(&metadata);
    columns.map_err(|error| Error::from(error).at(table.place().log_folder()))
}
