//! Filters of columns of numbers, as stretches of the number line: a row is then tested by a machine
//! number. The filter itself says of each stretch whether it is taken.

use super::filter::{Condition, Filter, Literal};
use crate::decode::{Regions, StoredValue, double_at, place_of};
use crate::json::Number;
use crate::schema::{ColumnType, Form};

/// Whole numbers up to this one are doubles exactly.
const ALL_EXACT_TO: f64 = 9_007_199_254_740_992.0;

/// The stretches that a filter of one column of this type takes. `takes` is the filter's answer for
/// a stored value. `None` if not only the order of the stored numbers decides.
pub(super) fn regions(
    filter: &Filter,
    column_type: &ColumnType,
    takes: &mut dyn FnMut(StoredValue<'_>) -> Option<bool>,
) -> Option<Regions> {
    let double = match column_type {
        ColumnType::Float64 => true,
        ColumnType::Timestamp { form: Some(Form::Text(_)), .. } => return None,
        ColumnType::Timestamp { .. } => false,
        // The bits of a u32 are stored as an i32.
        ColumnType::Uint32 => return None,
        integer if integer.integer_bits().is_some() => false,
        _ => return None,
    };
    let mut starts = vec![if double { place_of(f64::MIN) } else { i64::MIN }];
    add(filter.condition(), double, &mut starts)?;
    Regions::new(starts, &mut |start| {
        takes(match double {
            true => StoredValue::Double(double_at(start)),
            false => StoredValue::Int64(start),
        })
    })
}

/// Adds where stretches begin: at each literal, and right behind it. It calls itself, and the depth
/// of filters has been checked.
fn add(condition: &Condition, double: bool, starts: &mut Vec<i64>) -> Option<()> {
    let literals = match condition {
        Condition::Compare(_, _, literal) => std::slice::from_ref(literal),
        Condition::In(_, literals) => literals,
        Condition::And(parts) | Condition::Or(parts) => {
            return parts.iter().try_for_each(|part| add(part, double, starts));
        }
        Condition::Not(part) => return add(part, double, starts),
        _ => &[],
    };
    for literal in literals {
        // A number is unequal to everything else, and has no order with it.
        let Literal::Number(number) = literal else { continue };
        let start = match (double, number.number()) {
            (true, Number::Int(value)) => place_of(value as f64),
            (true, Number::Big(value)) => place_of(value as f64),
            (true, Number::Double(value)) => place_of(value),
            (false, Number::Int(value)) => value,
            (false, Number::Double(value)) if value.abs() < ALL_EXACT_TO => value.floor() as i64,
            _ => return None,
        };
        starts.push(start);
        starts.extend(start.checked_add(1));
    }
    Some(())
}
