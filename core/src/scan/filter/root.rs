//! The filter, with everything it can do.

use std::fmt;
use std::str::FromStr;

use super::condition::Condition;
use super::path::ColumnPath;
use super::prune::Facts;
use super::row::FilterRow;
use super::{evaluate, json, parse, print, prune, shape};
use crate::json::JsonText;
use crate::sort::sort;
use crate::{Error, Result};

/// Which rows a query takes: a condition within the limits of this module.
///
/// Two filters are equal if they say the same thing in the same order. A filter has one shape: an
/// `and` never has an `and` as a part, nor an `or` an `or`, and both have at least two parts. The
/// values of an `in` are sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    condition: Condition,
    columns: Vec<ColumnPath>,
}

impl Filter {
    /// A filter of this condition. An error of kind `Settings` if a list in it is empty, and of
    /// kind `Limit` if it nests deeper than [`DEPTH_MAX`](super::DEPTH_MAX), or has more than
    /// [`ITEMS_MAX`](super::ITEMS_MAX) conditions and literals.
    pub fn new(condition: Condition) -> Result<Self> {
        let condition = shape::settle(condition)?;
        let mut columns = Vec::new();
        shape::add_columns(&condition, &mut columns);
        sort(&mut columns);
        columns.dedup();
        Ok(Filter { condition, columns })
    }

    /// Reads the text form, as `docs/filters.md` has it, or the JSON form, which begins with `{`.
    /// An error of kind `Settings` says the place and what was expected there; one of kind `Limit`
    /// says which limit the text is past.
    pub fn parse(text: &str) -> Result<Self> {
        // No filter in the text form begins so.
        if text.trim_start().starts_with('{') {
            return Self::from_json(text);
        }
        Self::new(parse::parse(text)?)
    }

    /// Reads the JSON form. Errors are as those of [`Filter::parse`].
    pub fn from_json(text: &str) -> Result<Self> {
        Self::new(json::read(text)?)
    }

    /// The JSON form. [`Filter::from_json`] reads it as the same filter.
    pub fn to_json(&self) -> String {
        let mut text = JsonText::default();
        json::write(&self.condition, &mut text);
        text.take()
    }

    /// What it asks for, to walk over. It nests at most [`DEPTH_MAX`](super::DEPTH_MAX) levels
    /// deep.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The paths of the columns it looks at, sorted, each of them once.
    pub fn columns(&self) -> &[ColumnPath] {
        &self.columns
    }

    /// Whether the query takes this row: the condition is true, and neither false nor unknown.
    pub fn matches(&self, row: &(impl FilterRow + ?Sized)) -> bool {
        self.truth(row) == Some(true)
    }

    /// Whether the condition is true for this row; `None` if that is unknown, as SQL says of a
    /// comparison with null.
    pub fn truth(&self, row: &(impl FilterRow + ?Sized)) -> Option<bool> {
        evaluate::truth(&self.condition, row)
    }

    /// Whether it asks for rows whose value at a path of this sort equals a literal: what a bloom
    /// filter can answer.
    pub(in crate::scan) fn equals_something(&self, path: impl Fn(&ColumnPath) -> bool) -> bool {
        shape::equals_something(&self.condition, &path)
    }

    /// Whether a row can match of which these facts are known. `false` is a promise: none does.
    pub fn may_match(&self, facts: &dyn Facts) -> bool {
        prune::may_match(&self.condition, facts)
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The text form. [`Filter::parse`] reads it as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::write(&self.condition, f)
    }
}
