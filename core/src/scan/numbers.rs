//! Filters of columns of numbers, as stretches of the number line. A row is then tested by a
//! machine number. The filter itself says whether a stretch is taken.

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

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: [i64; 11] = [
        i64::MIN,
        -(1 << 53) - 1,
        -2,
        -1,
        0,
        1,
        2,
        (1 << 53) - 1,
        1 << 53,
        (1 << 53) + 1,
        i64::MAX,
    ];
    const DOUBLES: [f64; 13] = [
        f64::MIN,
        -9_007_199_254_740_993.0,
        -1.5,
        -1.0,
        -5e-324,
        -0.0,
        0.0,
        0.1,
        1.0,
        1.000_000_000_000_000_2,
        1.5,
        9_007_199_254_740_992.0,
        1e300,
    ];
    const LITERALS: [&str; 16] = [
        "-9223372036854775808",
        "-1.5",
        "-1",
        "-0.0",
        "0",
        "0.1",
        "1.0",
        "1.0000000000000002",
        "1.00000000000000011",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993.0",
        "18446744073709551615",
        "1e300",
        "5e-324",
        "'1'",
    ];

    /// The answers by stretches, and those of the filter; `None` where there are no stretches.
    fn both(filter: &Filter, values: &[f64], whole: &[i64]) -> Option<[Vec<bool>; 2]> {
        let double = !values.is_empty();
        let column_type = if double { ColumnType::Float64 } else { ColumnType::Int64 };
        let row = |value: StoredValue<'_>| match value {
            StoredValue::Double(value) => serde_json::json!({"a": value}),
            StoredValue::Int64(value) => serde_json::json!({"a": value}),
            _ => unreachable!(),
        };
        let mut takes = |value: StoredValue<'_>| Some(filter.matches(&row(value)));
        let regions = regions(filter, &column_type, &mut takes)?;
        let places = values.iter().map(|value| place_of(*value)).chain(whole.iter().copied());
        let stored = values.iter().map(|value| StoredValue::Double(*value));
        let stored = stored.chain(whole.iter().map(|value| StoredValue::Int64(*value)));
        let found = places.map(|place| regions.takes(place)).collect();
        Some([found, stored.filter_map(&mut takes).collect()])
    }

    #[test]
    fn stretches_say_what_the_filter_says() {
        let mut tested = 0;
        for sign in ["=", "!=", "<", "<=", ">", ">="] {
            for (one, other) in LITERALS.iter().flat_map(|one| LITERALS.map(|other| (one, other))) {
                let text = format!("a {sign} {one} or not a in ({other}, 1) and a < {other}");
                let filter = Filter::parse(&text).unwrap();
                for (doubles, whole) in [(&DOUBLES[..], &[][..]), (&[], &WHOLE)] {
                    if let Some([found, expected]) = both(&filter, doubles, whole) {
                        assert_eq!(found, expected, "{text}");
                        tested += 1;
                    }
                }
            }
        }
        assert!(tested > 1_000, "{tested}");
    }
}
