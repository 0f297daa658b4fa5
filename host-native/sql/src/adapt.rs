//! Makes expressions over a table's columns into expressions over one file's columns.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};

use crate::convert::{are_instants, casts_suffice, converted};

/// DataFusion's own adapter fills missing columns with nulls and casts numbers and timestamps. This
/// one adds what it lacks: structs and lists whose parts differ, and values as text.
#[derive(Debug)]
pub(crate) struct Adapters;

impl PhysicalExprAdapterFactory for Adapters {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        // What this adapter converts looks to DataFusion's like a column of the file's type.
        // So does a column that differs in nothing but field ids and nullability: a cast would
        // hide it from bloom filters.
        let field = |field: &FieldRef| match file.field_with_name(field.name()) {
            Ok(there) if is_ours(there, field) => Arc::new(there.clone()),
            _ => Arc::clone(field),
        };
        let seen: Fields = table.fields().iter().map(field).collect();
        let casts = DefaultPhysicalExprAdapterFactory
            .create(Arc::new(Schema::new(seen)), Arc::clone(&file))?;
        Ok(Arc::new(Adapter { table, file, casts }))
    }
}

/// Whether the column needs no cast of DataFusion's.
fn is_ours(file: &Field, table: &Field) -> bool {
    file.data_type() == table.data_type() || !casts_suffice(file.data_type(), table.data_type())
}

#[derive(Debug)]
struct Adapter {
    table: SchemaRef,
    file: SchemaRef,
    casts: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = expr.transform_up(|expr| Ok(self.converted(expr))).data()?;
        self.casts.rewrite(expr)
    }
}

impl Adapter {
    fn converted(&self, expr: Arc<dyn PhysicalExpr>) -> Transformed<Arc<dyn PhysicalExpr>> {
        let fields = expr.downcast_ref::<Column>().map(Column::name).and_then(|name| {
            let file = self.file.field_with_name(name).ok()?;
            Some((file, self.table.field_with_name(name).ok()?))
        });
        if let Some(cast) = expr.downcast_ref::<CastExpr>()
            && let Ok(from) = cast.expr().data_type(&self.table)
            && are_instants(&from, cast.cast_type())
        {
            let to = Arc::new(Field::new(cast.to_string(), cast.cast_type().clone(), true));
            return Transformed::yes(Arc::new(Converted { column: Arc::clone(cast.expr()), to }));
        }
        match fields {
            Some((file, table)) if !casts_suffice(file.data_type(), table.data_type()) => {
                let to = Arc::new(table.clone());
                Transformed::yes(Arc::new(Converted { column: expr, to }))
            }
            _ => Transformed::no(expr),
        }
    }
}

/// A column of a file in the type of the table's column.
#[derive(Debug, Clone)]
struct Converted {
    column: Arc<dyn PhysicalExpr>,
    to: FieldRef,
}

impl PartialEq for Converted {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.to == other.to
    }
}

impl Eq for Converted {}

impl Hash for Converted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.to.hash(state);
    }
}

impl fmt::Display for Converted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "converted({})", self.column)
    }
}

impl PhysicalExpr for Converted {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(self.to.data_type().clone())
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.to))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        let array = converted(&array, self.to.data_type()).map_err(|error| {
            let column = self.to.name();
            DataFusionError::Execution(format!(
                "could not read {column:?} as {}: {error}",
                self.to.data_type()
            ))
        })?;
        Ok(ColumnarValue::Array(array))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.pop().unwrap_or_else(|| Arc::clone(&self.column));
        Ok(Arc::new(Converted { column, to: Arc::clone(&self.to) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt_sql(f)
    }
}
