//! What a filter asks for.

use std::cmp::Ordering;

use super::literal::Literal;
use super::path::ColumnPath;

/// A condition on a row. [`Filter::new`](super::Filter::new) makes a filter of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Condition {
    /// Compares the value of a column with a literal.
    Compare(ColumnPath, Comparison, Literal),
    /// The value equals one of these literals, of which there is at least one. A filter sorts them
    /// by kind and value, and has no two that are equal.
    In(ColumnPath, Vec<Literal>),
    /// The value is a string that begins with this text. Every character of it stands for itself.
    Like(ColumnPath, String),
    /// The row has null at this path, or nothing.
    IsNull(ColumnPath),
    /// The row has a value at this path.
    IsNotNull(ColumnPath),
    /// All of these hold. There is at least one.
    And(Vec<Condition>),
    /// One of these holds. There is at least one.
    Or(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
}

/// How a value is compared with a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// All of them.
    pub(super) const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    /// The sign, as both forms write it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// The comparison that holds exactly where this one does not, for values that have an order.
    pub(super) fn opposite(self) -> Self {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }

    /// Whether it holds for a value that stands so to the literal.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}
