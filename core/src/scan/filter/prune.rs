//! Which rows cannot match, by what is known of many of them.

use super::condition::{Comparison, Condition};
use super::literal::{DateLiteral, InstantLiteral, Kind, Literal};
use super::path::ColumnPath;

/// What is known of some rows: of a file, a row group or a page.
pub trait Facts {
    /// What is known of the values at this path.
    fn column(&self, path: &ColumnPath) -> ColumnFacts;

    /// Whether a row may hold a value that equals this literal: what a bloom filter answers.
    /// `false` is a promise. It is asked only where no value hides ([`ColumnFacts::hides`]).
    ///
    /// A string has one text, but a number or an instant has several: answer `true` where the
    /// bloom filter was not made of a form that all equal values share.
    fn may_hold(&self, path: &ColumnPath, literal: &Literal) -> bool {
        let _ = (path, literal);
        true
    }
}

/// What is known of the values at one path.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ColumnFacts {
    /// Values of this path may lie where these facts do not see them: in `_rescued_data`, be it the
    /// value itself or one around it. Then nothing else here counts.
    pub hides: bool,
    /// A row may have null at this path, or nothing.
    pub some_null: bool,
    /// A row may have a value at this path.
    pub some_value: bool,
    /// What all the values are like; `None` if nothing is known, or if their kinds may differ.
    pub bounds: Option<Bounds>,
}

impl ColumnFacts {
    /// Nothing is known.
    pub fn unknown() -> Self {
        ColumnFacts { hides: true, some_null: true, some_value: true, bounds: None }
    }

    /// No value hides. `nulls` of `rows` rows have null at this path, or nothing; `None` if that
    /// is not known.
    pub fn new(rows: u64, nulls: Option<u64>, bounds: Option<Bounds>) -> Self {
        ColumnFacts {
            hides: false,
            some_null: nulls != Some(0) && rows > 0,
            some_value: nulls.is_none_or(|nulls| nulls < rows),
            bounds,
        }
    }
}

/// All values at a path are of one kind, and lie between two literals of that kind.
///
/// The kind is that of the rows as they were put. [`Kind::Instant`] means strings that each read as
/// an instant, so it does not fit a timestamp column whose rows have numbers: their kind is
/// [`Kind::Number`]. In the same way, a decimal column whose rows have texts has no bounds: the
/// order of texts is not that of numbers. A bound that a writer cut or rounded must be one that no
/// value is past.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    kind: Kind,
    min: Option<Literal>,
    max: Option<Literal>,
}

impl Bounds {
    /// No value is smaller than `min` or larger than `max`; both may be further away than the
    /// values are. `None`, or a literal of another kind: there is no such bound.
    pub fn new(kind: Kind, min: Option<Literal>, max: Option<Literal>) -> Self {
        let of_kind = |literal: &Literal| literal.kind() == kind;
        Bounds { kind, min: min.filter(of_kind), max: max.filter(of_kind) }
    }

    /// The kind of all values.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a value may equal this literal.
    pub(in crate::scan) fn may_equal(&self, literal: &Literal) -> bool {
        within(self, Comparison::Equal, literal).truth
    }

    /// Whether a value may stand so to the literal, which is of this kind.
    fn allow(&self, comparison: Comparison, literal: &Literal) -> bool {
        let min = self.min.as_ref().and_then(|min| min.compare(literal));
        let max = self.max.as_ref().and_then(|max| max.compare(literal));
        match comparison {
            Comparison::Equal => {
                min.is_none_or(|min| min.is_le()) && max.is_none_or(|max| max.is_ge())
            }
            Comparison::NotEqual => {
                min.is_none_or(|min| min.is_ne()) || max.is_none_or(|max| max.is_ne())
            }
            Comparison::Less => min.is_none_or(|min| min.is_lt()),
            Comparison::LessOrEqual => min.is_none_or(|min| min.is_le()),
            Comparison::Greater => max.is_none_or(|max| max.is_gt()),
            Comparison::GreaterOrEqual => max.is_none_or(|max| max.is_ge()),
        }
    }

    /// Whether a string may begin so, and whether one may not.
    fn allow_prefix(&self, prefix: &str) -> Outcomes {
        let text = |literal: &Option<Literal>| match literal {
            Some(Literal::String(text)) => Some(text.clone()),
            _ => None,
        };
        let (min, max) = (text(&self.min), text(&self.max));
        let begins = |text: &Option<String>| text.as_ref().is_some_and(|t| t.starts_with(prefix));
        let below = max.as_ref().is_some_and(|max| max.as_str() < prefix);
        let above = min.as_ref().is_some_and(|min| min.as_str() > prefix) && !begins(&min);
        Outcomes { truth: !below && !above, falsehood: !(begins(&min) && begins(&max)) }
    }
}

/// What a condition may be for some row. Where it can only be unknown, both are false.
#[derive(Debug, Clone, Copy)]
struct Outcomes {
    truth: bool,
    falsehood: bool,
}

const ANY: Outcomes = Outcomes { truth: true, falsehood: true };
const NEITHER: Outcomes = Outcomes { truth: false, falsehood: false };

/// Whether a row can match of which these facts are known. The condition's depth has been checked.
pub(super) fn may_match(condition: &Condition, facts: &dyn Facts) -> bool {
    outcomes(condition, facts).truth
}

fn outcomes(condition: &Condition, facts: &dyn Facts) -> Outcomes {
    match condition {
        Condition::Compare(column, comparison, literal) => {
            let known = facts.column(column);
            compared(facts, column, &known, *comparison, literal)
        }
        Condition::In(column, literals) => {
            let known = facts.column(column);
            any(literals, |literal| compared(facts, column, &known, Comparison::Equal, literal))
        }
        Condition::Like(column, prefix) => like(&facts.column(column), prefix),
        Condition::IsNull(column) => {
            let known = facts.column(column);
            let (truth, falsehood) = (known.some_null, known.some_value);
            Outcomes { truth: truth || known.hides, falsehood: falsehood || known.hides }
        }
        Condition::IsNotNull(column) => {
            let known = facts.column(column);
            let (truth, falsehood) = (known.some_value, known.some_null);
            Outcomes { truth: truth || known.hides, falsehood: falsehood || known.hides }
        }
        Condition::And(parts) => not(any(parts, |part| not(outcomes(part, facts)))),
        Condition::Or(parts) => any(parts, |part| outcomes(part, facts)),
        Condition::Not(inner) => not(outcomes(inner, facts)),
    }
}

fn not(outcomes: Outcomes) -> Outcomes {
    Outcomes { truth: outcomes.falsehood, falsehood: outcomes.truth }
}

/// One of the parts must be true for the whole to be true, and all must be false for it to be
/// false.
fn any<T>(parts: &[T], outcomes: impl Fn(&T) -> Outcomes) -> Outcomes {
    let mut all = Outcomes { truth: false, falsehood: true };
    for part in parts {
        let part = outcomes(part);
        all.truth |= part.truth;
        all.falsehood &= part.falsehood;
    }
    all
}

fn compared(
    facts: &dyn Facts,
    column: &ColumnPath,
    known: &ColumnFacts,
    comparison: Comparison,
    literal: &Literal,
) -> Outcomes {
    if known.hides {
        return ANY;
    }
    if !known.some_value {
        return NEITHER;
    }
    let mut outcomes = known.bounds.as_ref().map_or(ANY, |b| within(b, comparison, literal));
    match comparison {
        Comparison::Equal if outcomes.truth => outcomes.truth = facts.may_hold(column, literal),
        Comparison::NotEqual if outcomes.falsehood => {
            outcomes.falsehood = facts.may_hold(column, literal);
        }
        _ => {}
    }
    outcomes
}

/// What a comparison may be for values within these bounds.
fn within(bounds: &Bounds, comparison: Comparison, literal: &Literal) -> Outcomes {
    let both = |literal: &Literal| Outcomes {
        truth: bounds.allow(comparison, literal),
        falsehood: bounds.allow(comparison.opposite(), literal),
    };
    match (bounds.kind, literal) {
        (kind, literal) if kind == literal.kind() => both(literal),
        // Each of these strings may be an instant or a date, or not.
        (Kind::String, Literal::Instant(_) | Literal::Date(_)) => ANY,
        // An instant has many texts, and the order of texts is not that of instants.
        (Kind::Instant, Literal::String(text)) => match comparison {
            Comparison::Equal => Outcomes { truth: has_instant(bounds, text), falsehood: true },
            Comparison::NotEqual => Outcomes { truth: true, falsehood: has_instant(bounds, text) },
            _ => ANY,
        },
        // A date has one text, and the order of texts is that of dates.
        (Kind::Date, Literal::String(text)) => match DateLiteral::read(text) {
            Some(date) => both(&Literal::Date(date)),
            None => unequal(comparison).unwrap_or(ANY),
        },
        _ => unequal(comparison).unwrap_or(NEITHER),
    }
}

/// Whether the text is an instant within the bounds. A text that is none equals no value.
fn has_instant(bounds: &Bounds, text: &str) -> bool {
    InstantLiteral::read(text)
        .is_some_and(|instant| bounds.allow(Comparison::Equal, &Literal::Instant(instant)))
}

/// What `=` and `!=` are where no value equals the literal.
fn unequal(comparison: Comparison) -> Option<Outcomes> {
    match comparison {
        Comparison::Equal => Some(Outcomes { truth: false, falsehood: true }),
        Comparison::NotEqual => Some(Outcomes { truth: true, falsehood: false }),
        _ => None,
    }
}

fn like(known: &ColumnFacts, prefix: &str) -> Outcomes {
    if known.hides {
        return ANY;
    }
    if !known.some_value {
        return NEITHER;
    }
    match &known.bounds {
        None => ANY,
        Some(bounds) => match bounds.kind {
            Kind::String => bounds.allow_prefix(prefix),
            Kind::Instant | Kind::Date => ANY,
            Kind::Boolean | Kind::Number => Outcomes { truth: false, falsehood: true },
        },
    }
}
