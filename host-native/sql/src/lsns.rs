//! Filters on the LSNs of files.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result};
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::logical_expr::Expr;

use crate::files::DataFile;

/// The columns that say which LSNs the file of a row holds.
pub(crate) const LSN_COLUMNS: [&str; 2] = ["_lsn_min", "_lsn_max"];

/// The columns, for a table's schema.
pub(crate) fn fields() -> Vec<FieldRef> {
    LSN_COLUMNS.map(|name| Arc::new(Field::new(name, DataType::UInt64, false))).to_vec()
}

/// Whether the LSNs alone decide this filter, so that it takes all rows of a file or none.
pub(crate) fn decide(filter: &Expr) -> bool {
    let has_subquery = filter.exists(|expr| {
        let is_subquery = matches!(
            expr,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        );
        Ok(is_subquery)
    });
    !filter.column_refs().is_empty()
        && !has_subquery.unwrap_or(true)
        && expr_applicable_for_cols(&LSN_COLUMNS, filter)
}

/// The files that these filters take; [`decide`] holds for each.
pub(crate) fn chosen(
    session: &dyn Session,
    files: &[DataFile],
    filters: &[&Expr],
) -> Result<Vec<usize>> {
    let mut chosen: Vec<usize> = (0..files.len()).collect();
    let schema = Arc::new(Schema::new(fields()));
    let named = DFSchema::try_from(Arc::clone(&schema))?;
    for filter in filters {
        let lsns = |at: &usize| files[*at].facts.footer.lsns();
        let min: UInt64Array = chosen.iter().map(|at| Some(lsns(at).min())).collect();
        let max: UInt64Array = chosen.iter().map(|at| Some(lsns(at).max())).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(min), Arc::new(max)])?;
        let filter = session.create_physical_expr((*filter).clone(), &named)?;
        let taken = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let taken = taken.as_boolean();
        let is_taken = |place: &usize| taken.is_valid(*place) && taken.value(*place);
        chosen = (0..chosen.len()).filter(is_taken).map(|place| chosen[place]).collect();
    }
    Ok(chosen)
}
