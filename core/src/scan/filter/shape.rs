//! The one shape of a condition: checked, without needless levels, and with sorted lists.

use super::condition::{Comparison, Condition};
use super::limits::{Items, check_depth};
use super::literal::Literal;
use super::path::ColumnPath;
use crate::sort::sort_by;
use crate::{Error, Result};

/// Checks the limits, and removes levels that mean nothing: an `and` in an `and`, an `or` in an
/// `or`, and either of one part. Sorts lists of values, and removes those that equal another one.
pub(super) fn settle(condition: Condition) -> Result<Condition> {
    one(condition, 1, &mut Items::default())
}

/// It calls itself, and `depth` bounds that.
fn one(condition: Condition, depth: usize, items: &mut Items) -> Result<Condition> {
    check_depth(depth)?;
    match condition {
        Condition::And(parts) => {
            let parts = all(parts, depth, items, |part| match part {
                Condition::And(parts) => Ok(parts),
                part => Err(part),
            })?;
            Ok(joined(parts, Condition::And))
        }
        Condition::Or(parts) => {
            let parts = all(parts, depth, items, |part| match part {
                Condition::Or(parts) => Ok(parts),
                part => Err(part),
            })?;
            Ok(joined(parts, Condition::Or))
        }
        Condition::Not(inner) => Ok(Condition::Not(Box::new(one(*inner, depth + 1, items)?))),
        leaf => {
            let literals = match &leaf {
                Condition::Compare(..) => 1,
                Condition::In(column, values) if values.is_empty() => {
                    return Err(Error::settings(format!(
                        "the list of values for {column} is empty; give at least one"
                    )));
                }
                Condition::In(_, values) => values.len(),
                _ => 0,
            };
            (0..=literals).try_for_each(|_| items.add())?;
            Ok(match leaf {
                Condition::In(column, mut values) => {
                    sort_by(&mut values, Literal::place);
                    values.dedup_by(|one, other| one.place(other).is_eq());
                    Condition::In(column, values)
                }
                leaf => leaf,
            })
        }
    }
}

/// See [`Filter::equals_something`](super::Filter). It calls itself, and the depth is checked.
pub(super) fn equals_something(condition: &Condition, path: &dyn Fn(&ColumnPath) -> bool) -> bool {
    match condition {
        Condition::Compare(column, Comparison::Equal | Comparison::NotEqual, _)
        | Condition::In(column, _) => path(column),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().any(|part| equals_something(part, path))
        }
        Condition::Not(inner) => equals_something(inner, path),
        _ => false,
    }
}

/// `opens`: the parts of a part that is of the same kind as what is around it.
fn all(
    parts: Vec<Condition>,
    depth: usize,
    items: &mut Items,
    opens: fn(Condition) -> std::result::Result<Vec<Condition>, Condition>,
) -> Result<Vec<Condition>> {
    if parts.is_empty() {
        return Err(Error::settings(
            "an and, or an or, of the filter has no condition in it; give at least one",
        ));
    }
    let mut settled = Vec::with_capacity(parts.len());
    for part in parts {
        match opens(one(part, depth + 1, items)?) {
            Ok(inner) => settled.extend(inner),
            Err(part) => settled.push(part),
        }
    }
    Ok(settled)
}

/// The parts as one condition: a single part is itself.
pub(super) fn joined(
    mut parts: Vec<Condition>,
    join: fn(Vec<Condition>) -> Condition,
) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

/// Adds the columns of a condition whose depth has been checked.
pub(super) fn add_columns(condition: &Condition, columns: &mut Vec<ColumnPath>) {
    match condition {
        Condition::Compare(column, ..)
        | Condition::In(column, _)
        | Condition::Like(column, _)
        | Condition::IsNull(column)
        | Condition::IsNotNull(column) => columns.push(column.clone()),
        Condition::And(parts) | Condition::Or(parts) => {
            parts.iter().for_each(|part| add_columns(part, columns));
        }
        Condition::Not(inner) => add_columns(inner, columns),
    }
}
