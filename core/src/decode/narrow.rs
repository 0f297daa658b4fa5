//! Leaves out those fields of a column that nobody asks for.

use super::cut::Fields;
use crate::schema::facts::Facts;
use crate::schema::{Column, ColumnType};

/// A column with some of its fields.
pub(super) struct Narrowed {
    pub(super) column: Column,
    /// The facts of the column, and behind them those of the columns below it.
    pub(super) facts: Vec<Facts>,
    /// Its leaves, counted from the first leaf of the whole column.
    pub(super) leaves: Vec<usize>,
}

impl Narrowed {
    /// The column with the fields of `fields`, which are those of a document; all, if it is `None`.
    /// `facts`: those of the column, and behind them those of the columns below it.
    pub(super) fn new(column: &Column, facts: &[Facts], fields: Option<&Fields>) -> Self {
        let below = fields.and_then(|fields| fields.below(&column.name));
        let narrowed = below.and_then(|below| part(column, facts, below));
        narrowed.unwrap_or_else(|| Narrowed {
            column: column.clone(),
            facts: facts.to_vec(),
            leaves: (0..column.column_type.leaves()).collect(),
        })
    }
}

/// `None` if the column is no struct, or if no leaf would be left: a leaf says which rows have the
/// object.
fn part(column: &Column, facts: &[Facts], fields: &Fields) -> Option<Narrowed> {
    let ColumnType::Struct(all) = &column.column_type else { return None };
    let (own, mut behind) = facts.split_first()?;
    let (mut columns, mut facts, mut leaves) = (Vec::new(), vec![own.clone()], Vec::new());
    let mut first = 0;
    for field in all {
        let (of_field, rest) = behind.split_at_checked(field.column_type.columns_in_all())?;
        behind = rest;
        if fields.has(&field.name) {
            let narrowed = Narrowed::new(field, of_field, Some(fields));
            columns.push(narrowed.column);
            facts.extend(narrowed.facts);
            leaves.extend(narrowed.leaves.iter().map(|leaf| first + leaf));
        }
        first += field.column_type.leaves();
    }
    if leaves.is_empty() {
        return None;
    }
    let mut column = column.clone();
    column.column_type = ColumnType::Struct(columns);
    Some(Narrowed { column, facts, leaves })
}
