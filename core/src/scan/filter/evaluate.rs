//! A filter's answer for one row, in the three-valued logic of SQL.

use std::cmp::Ordering;

use super::condition::{Comparison, Condition};
use super::literal::{DateLiteral, InstantLiteral, Kind, Literal};
use super::number::compare;
use super::row::{FilterRow, Seen};
use crate::json::Number;
use crate::json::number::read_whole;

/// How a row's value stands to a literal.
enum Relation {
    /// There is no value.
    Nothing,
    /// It is of another kind: unequal, and without an order.
    Other,
    Ordered(Ordering),
}

/// Whether a condition is true; `None` for unknown. It calls itself, and its depth has been
/// checked, and its lists are sorted.
pub(super) fn truth(condition: &Condition, row: &(impl FilterRow + ?Sized)) -> Option<bool> {
    match condition {
        Condition::Compare(column, comparison, literal) => {
            compared(&row.seen(column), *comparison, literal)
        }
        Condition::In(column, literals) => match row.seen(column) {
            Seen::Nothing => None,
            seen => Some(is_one_of(&seen, literals)),
        },
        Condition::Like(column, prefix) => match row.seen(column) {
            Seen::Nothing => None,
            Seen::String(text) => Some(text.starts_with(prefix.as_str())),
            _ => Some(false),
        },
        Condition::IsNull(column) => Some(row.seen(column) == Seen::Nothing),
        Condition::IsNotNull(column) => Some(row.seen(column) != Seen::Nothing),
        Condition::And(parts) => {
            any(parts, |part| truth(part, row).map(|truth| !truth)).map(|one_fails| !one_fails)
        }
        Condition::Or(parts) => any(parts, |part| truth(part, row)),
        Condition::Not(inner) => truth(inner, row).map(|truth| !truth),
    }
}

/// True if one is true, else unknown if one is unknown, else false.
fn any<T>(parts: &[T], truth: impl Fn(&T) -> Option<bool>) -> Option<bool> {
    let mut all = Some(false);
    for part in parts {
        match truth(part) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => all = None,
        }
    }
    all
}

fn compared(seen: &Seen<'_>, comparison: Comparison, literal: &Literal) -> Option<bool> {
    match relation(seen, literal) {
        Relation::Nothing => None,
        Relation::Ordered(order) => Some(comparison.holds(order)),
        Relation::Other => match comparison {
            Comparison::Equal => Some(false),
            Comparison::NotEqual => Some(true),
            _ => None,
        },
    }
}

/// Whether a value equals one of these literals, which are sorted: by kind, and then by value.
fn is_one_of(seen: &Seen<'_>, literals: &[Literal]) -> bool {
    let kinds = match seen {
        Seen::Nothing | Seen::Nested => return false,
        Seen::Boolean(_) => &[Kind::Boolean][..],
        Seen::Number(_) | Seen::Literal(_) => &[Kind::Number],
        Seen::String(_) => &[Kind::String, Kind::Instant, Kind::Date],
    };
    let has = |kind: &Kind| {
        literals.binary_search_by(|literal| {
            literal.kind().cmp(kind).then_with(|| match relation(seen, literal) {
                Relation::Ordered(order) => order.reverse(),
                // Such a string is no instant, or no date: it equals none of them.
                _ => Ordering::Less,
            })
        })
    };
    kinds.iter().any(|kind| has(kind).is_ok())
}

fn relation(seen: &Seen<'_>, literal: &Literal) -> Relation {
    let order = match (seen, literal) {
        (Seen::Nothing, _) => return Relation::Nothing,
        (Seen::Boolean(value), Literal::Boolean(literal)) => Some(value.cmp(literal)),
        (Seen::Number(value), Literal::Number(literal)) => numbers(*value, literal.number()),
        (Seen::Literal(text), Literal::Number(literal)) => {
            read_whole(text).and_then(|value| numbers(value, literal.number()))
        }
        (Seen::String(text), Literal::String(literal)) => Some((*text).cmp(literal)),
        (Seen::String(text), Literal::Instant(literal)) => {
            InstantLiteral::read(text).map(|value| value.cmp(literal))
        }
        (Seen::String(text), Literal::Date(literal)) => {
            DateLiteral::read(text).map(|value| value.cmp(literal))
        }
        _ => None,
    };
    order.map_or(Relation::Other, Relation::Ordered)
}

/// `None` for an infinity, or not a number, which JSON has not.
fn numbers(value: Number<'_>, literal: Number<'_>) -> Option<Ordering> {
    match value {
        Number::Double(value) if !value.is_finite() => None,
        value => Some(compare(value, literal)),
    }
}
