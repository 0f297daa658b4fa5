//! Comparisons with constants, exactly, in the type of the column.
//!
//! DataFusion compares a column with a constant of another type by casts, and rows go missing. Its
//! optimizer removes casts of timestamps and cuts the constant instead: of a column of
//! milliseconds, `t < '…06.000001Z'` is not true for `…06.000Z`. A number with a point is a double:
//! as a decimal of 15 places, 78574.49 becomes 78574.490000000008192, which no price is. And an
//! `int64` as a double is rounded beyond 2^53.
//!
//! This rule sees a comparison before DataFusion makes casts, and writes it in the column's own
//! type. Where the constant lies between two values of that type, `<` becomes `<=` of the lower
//! one. Without casts, statistics, page indexes and bloom filters count as well.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, lit, not,
};

use crate::constants::{Place, place};

/// The rule, for each expression of a plan.
#[derive(Debug)]
pub(crate) struct ExactComparisons;

impl FunctionRewrite for ExactComparisons {
    fn name(&self) -> &str {
        "coldpress_exact_comparisons"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let written = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let compared = Value::of(left, schema).and_then(|value| value.compared(*op, right));
                compared.or_else(|| Value::of(right, schema)?.compared(op.swap()?, left))
            }
            Expr::Between(between) => within(between, schema),
            Expr::InList(list) => listed(list, schema),
            _ => None,
        };
        Ok(written.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// The two comparisons. A value that is another one each time must not be asked for twice.
fn within(between: &Between, schema: &DFSchema) -> Option<Expr> {
    let value = Value::of(&between.expr, schema).filter(|value| !value.expr.is_volatile())?;
    let [low, high] = [(Operator::GtEq, &between.low), (Operator::LtEq, &between.high)]
        .map(|(op, bound)| (value.compared(op, bound), op, bound));
    if low.0.is_none() && high.0.is_none() {
        return None;
    }
    let [low, high] = [low, high].map(|(compared, op, bound)| {
        compared.unwrap_or_else(|| binary_expr(value.expr.clone(), op, (**bound).clone()))
    });
    let both = low.and(high);
    Some(if between.negated { not(both) } else { both })
}

/// Constants of a list in the own type, and the others in a list of their own.
fn listed(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let value = Value::of(&list.expr, schema).filter(|value| !value.expr.is_volatile())?;
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for constant in &list.list {
        match value.place(constant) {
            None => others.push(constant.clone()),
            Some(Place::Null) => own.push(lit(ScalarValue::try_from(&value.data_type).ok()?)),
            // DataFusion takes -0.0 for another value than 0.0 in a list, and only there.
            Some(Place::At(zero)) if is_zero(&zero) => {
                own.extend([lit(zero.clone()), lit(zero.arithmetic_negate().ok()?)]);
            }
            Some(Place::At(constant)) => own.push(lit(constant)),
            Some(Place::Below | Place::After(_) | Place::Above) => {}
        }
    }
    if others.len() == list.list.len() {
        return None;
    }
    let any_of = |constants: Vec<Expr>| value.expr.clone().in_list(constants, false);
    let of_own = if own.is_empty() { value.never() } else { any_of(own) };
    let found = if others.is_empty() { of_own } else { of_own.or(any_of(others)) };
    Some(if list.negated { not(found) } else { found })
}

fn is_zero(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(value)) => *value == 0.0,
        ScalarValue::Float64(Some(value)) => *value == 0.0,
        _ => false,
    }
}

/// A value that is compared, and its type.
struct Value<'e> {
    expr: &'e Expr,
    data_type: DataType,
}

impl<'e> Value<'e> {
    fn of(expr: &'e Expr, schema: &DFSchema) -> Option<Self> {
        Some(Value { expr, data_type: expr.get_type(schema).ok()? })
    }

    /// Where the constant lies among the values of the type; `None` if it is no constant.
    fn place(&self, constant: &Expr) -> Option<Place> {
        place(constant, &self.data_type)
    }

    fn compared(&self, op: Operator, constant: &Expr) -> Option<Expr> {
        use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom) {
            return None;
        }
        let value = || self.expr.clone();
        let with = |op, constant| binary_expr(value(), op, lit(constant));
        Some(match (self.place(constant)?, op) {
            (Place::At(constant), op) => with(op, constant),
            (Place::Null, IsDistinctFrom) => value().is_not_null(),
            (Place::Null, IsNotDistinctFrom) => value().is_null(),
            (Place::Null, _) => lit(ScalarValue::Boolean(None)),
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
