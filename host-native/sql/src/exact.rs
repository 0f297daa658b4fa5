//! Comparisons with constants, exactly, in the type of the column.
//!
//! DataFusion compares a column with a constant of a wider type by a cast of the column. That loses
//! rows in three ways. Its optimizer removes casts of timestamps and cuts the constant instead: of a
//! column of milliseconds, `t < '…06.000001Z'` is not true for `…06.000Z`. A number with a point is
//! a double: as a decimal of 15 places, 78574.49 becomes 78574.490000000008192, which no price is.
//! And an `int64` as a double is rounded beyond 2^53.
//!
//! This rule writes such a comparison in the column's own type before the optimizer sees it. Where
//! the constant lies between two values of that type, `<` becomes `<=` of the lower one. Without
//! casts, statistics, page indexes and bloom filters count as well.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, lit, not,
};
use datafusion::optimizer::AnalyzerRule;

use crate::constants::{Place, place};

/// The rule. It belongs behind DataFusion's coercion of types, which makes the casts.
#[derive(Debug)]
pub(crate) struct ExactComparisons;

impl ExactComparisons {
    pub(crate) const NAME: &str = "coldpress_exact_comparisons";
}

impl AnalyzerRule for ExactComparisons {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(exact_plan).data()
    }
}

fn exact_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    let names = NamePreserver::new(&plan);
    let written = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| Ok(exact(expr, &schema)))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?;
    written.map_data(LogicalPlan::recompute_schema)
}

fn exact(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let written = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let compared = Widened::of(left, schema).and_then(|value| value.compared(*op, right));
            compared.or_else(|| Widened::of(right, schema)?.compared(op.swap()?, left))
        }
        Expr::Between(between) => within(between, schema),
        Expr::InList(list) => listed(list, schema),
        _ => None,
    };
    written.map_or_else(|| Transformed::no(expr), Transformed::yes)
}

fn within(between: &Between, schema: &DFSchema) -> Option<Expr> {
    let value = Widened::of(&between.expr, schema)?;
    let low = value.compared(Operator::GtEq, &between.low)?;
    let both = low.and(value.compared(Operator::LtEq, &between.high)?);
    Some(if between.negated { not(both) } else { both })
}

fn listed(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let value = Widened::of(&list.expr, schema)?;
    let places: Vec<Place> =
        list.list.iter().map(|constant| value.place(constant)).collect::<Option<_>>()?;
    let exact = |place| match place {
        Place::At(constant) => Some(lit(constant)),
        _ => None,
    };
    let own: Vec<Expr> = places.into_iter().filter_map(exact).collect();
    Some(match (own.is_empty(), list.negated) {
        (true, false) => value.never(),
        (true, true) => value.always(),
        (false, negated) => value.expr.clone().in_list(own, negated),
    })
}

/// A value that a comparison casts.
struct Widened<'e> {
    expr: &'e Expr,
    from: DataType,
    to: &'e DataType,
}

impl<'e> Widened<'e> {
    fn of(expr: &'e Expr, schema: &DFSchema) -> Option<Self> {
        let Expr::Cast(Cast { expr, field }) = expr else { return None };
        let from = expr.get_type(schema).ok()?;
        Some(Widened { expr, from, to: field.data_type() })
    }

    /// Where the constant lies among the values of the own type; `None` if it is no constant.
    fn place(&self, constant: &Expr) -> Option<Place> {
        place(constant, &self.from, self.to)
    }

    fn compared(&self, op: Operator, constant: &Expr) -> Option<Expr> {
        use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom) {
            return None;
        }
        let with = |op, constant| binary_expr(self.expr.clone(), op, lit(constant));
        Some(match (self.place(constant)?, op) {
            (Place::At(constant), op) => with(op, constant),
            (_, IsDistinctFrom) => lit(true),
            (_, IsNotDistinctFrom) => lit(false),
            (_, Eq) => self.never(),
            (_, NotEq) => self.always(),
            (Place::After(floor), Lt | LtEq) => with(LtEq, floor),
            (Place::After(floor), _) => with(Gt, floor),
            (Place::Above, Lt | LtEq) | (Place::Below, Gt | GtEq) => self.always(),
            (Place::Above | Place::Below, _) => self.never(),
        })
    }

    /// False, or null where the value is null.
    fn never(&self) -> Expr {
        self.expr.clone().is_null().and(lit(ScalarValue::Boolean(None)))
    }

    /// True, or null where the value is null.
    fn always(&self) -> Expr {
        self.expr.clone().is_not_null().or(lit(ScalarValue::Boolean(None)))
    }
}
