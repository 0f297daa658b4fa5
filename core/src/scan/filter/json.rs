//! The JSON form: `{"and":[{">=":["year",2005]},{"is_null":"a.b"}]}`.

use super::condition::{Comparison, Condition};
use super::limits::{Items, check_depth};
use super::literal::{DateLiteral, InstantLiteral, Literal};
use super::parse::no_such_time;
use super::path::ColumnPath;
use super::pattern::{pattern_of, prefix_of};
use super::tree::Tree;
use crate::json::{Events, JsonText};
use crate::{Error, Result};

const SHAPES: &str = "an object with one key: and, or, not, =, !=, <, <=, >, >=, in, like, is_null \
                      or is_not_null";
const NO_VALUE: &str = "expected a value: a number, a string, true, false, {\"timestamp\": \"…\"} \
                        or {\"date\": \"…\"}";

/// Reads the JSON of a filter.
pub(super) fn read(text: &str) -> Result<Condition> {
    let tree = Tree::read(text)?;
    Reader { place: Vec::new(), items: Items::default() }.condition(tree, 1)
}

struct Reader {
    /// Where it reads, from the top down, for errors.
    place: Vec<String>,
    items: Items,
}

impl Reader {
    /// It calls itself, and `depth` bounds that.
    fn condition(&mut self, tree: Tree, depth: usize) -> Result<Condition> {
        check_depth(depth)?;
        let (key, argument) = self.only_key(tree)?;
        self.place.push(key.clone());
        let condition = match (key.as_str(), argument) {
            ("and", argument) => Condition::And(self.parts(argument, depth)?),
            ("or", argument) => Condition::Or(self.parts(argument, depth)?),
            ("not", argument) => Condition::Not(Box::new(self.condition(argument, depth + 1)?)),
            (key, argument) => {
                self.items.add()?;
                self.comparison(key, argument)?
            }
        };
        self.place.pop();
        Ok(condition)
    }

    fn only_key(&self, tree: Tree) -> Result<(String, Tree)> {
        let Tree::Object(mut fields) = tree else {
            return Err(self.fault(&format!("expected {SHAPES}")));
        };
        match (fields.pop(), fields.is_empty()) {
            (Some(field), true) => Ok(field),
            _ => Err(self.fault(&format!("expected {SHAPES}; join conditions with and, or or"))),
        }
    }

    fn parts(&mut self, tree: Tree, depth: usize) -> Result<Vec<Condition>> {
        let Tree::Array(parts) = tree else {
            return Err(self.fault("expected an array of conditions"));
        };
        let mut conditions = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            self.place.push(at.to_string());
            conditions.push(self.condition(part, depth + 1)?);
            self.place.pop();
        }
        Ok(conditions)
    }

    fn comparison(&mut self, key: &str, argument: Tree) -> Result<Condition> {
        match key {
            "is_null" => return Ok(Condition::IsNull(self.column(argument)?)),
            "is_not_null" => return Ok(Condition::IsNotNull(self.column(argument)?)),
            _ => {}
        }
        let comparison = Comparison::ALL.into_iter().find(|known| known.sign() == key);
        if comparison.is_none() && !matches!(key, "in" | "like") {
            self.place.pop();
            let shown: String = key.chars().take(40).collect();
            return Err(self.fault(&format!("there is no {shown:?}; expected {SHAPES}")));
        }
        let Some((column, value)) = pair(argument) else {
            return Err(self.fault("expected an array of a column and what to compare it with"));
        };
        let column = self.column(column)?;
        match (comparison, key, value) {
            (Some(comparison), _, value) => {
                Ok(Condition::Compare(column, comparison, self.literal(value)?))
            }
            (None, "like", Tree::String(pattern)) => match prefix_of(&pattern) {
                Ok(prefix) => Ok(Condition::Like(column, prefix)),
                Err(wrong) => Err(self.fault(&wrong)),
            },
            (None, "like", _) => Err(self.fault("expected a pattern, as in \"The %\"")),
            (None, _, Tree::Array(values)) => {
                let values = values.into_iter().map(|value| self.literal(value));
                Ok(Condition::In(column, values.collect::<Result<_>>()?))
            }
            _ => Err(self.fault("expected an array of values behind the column")),
        }
    }

    /// A column is the text of its path, or an array of the plain names.
    fn column(&self, tree: Tree) -> Result<ColumnPath> {
        const NO_COLUMN: &str = "expected a column: its path as text, or an array of its names";
        match tree {
            Tree::String(text) => {
                text.parse().map_err(|error: Error| self.fault(&error.to_string()))
            }
            Tree::Array(names) => {
                let names = names.into_iter().map(|name| match name {
                    Tree::String(name) => Ok(name),
                    _ => Err(self.fault(NO_COLUMN)),
                });
                ColumnPath::new(names.collect::<Result<Vec<_>>>()?)
            }
            _ => Err(self.fault(NO_COLUMN)),
        }
    }

    fn literal(&mut self, tree: Tree) -> Result<Literal> {
        self.items.add()?;
        match tree {
            Tree::Boolean(value) => Ok(Literal::Boolean(value)),
            Tree::Number(value) => Ok(Literal::Number(value)),
            Tree::String(text) => Ok(Literal::String(text)),
            Tree::Object(fields) => self.time(&fields),
            Tree::Null => {
                Err(self.fault("a comparison with null is never true; use is_null or is_not_null"))
            }
            Tree::Array(_) => Err(self.fault(NO_VALUE)),
        }
    }

    fn time(&self, fields: &[(String, Tree)]) -> Result<Literal> {
        let [(kind, Tree::String(text))] = fields else { return Err(self.fault(NO_VALUE)) };
        let literal = match kind.as_str() {
            "timestamp" => InstantLiteral::read(text).map(Literal::Instant),
            "date" => DateLiteral::read(text).map(Literal::Date),
            _ => return Err(self.fault(NO_VALUE)),
        };
        literal.ok_or_else(|| self.fault(no_such_time(kind)))
    }

    fn fault(&self, what: &str) -> Error {
        if self.place.is_empty() {
            return Error::settings(format!("the filter is wrong at its top: {what}"));
        }
        Error::settings(format!("the filter is wrong at /{}: {what}", self.place.join("/")))
    }
}

fn pair(tree: Tree) -> Option<(Tree, Tree)> {
    let Tree::Array(parts) = tree else { return None };
    let [column, value] = <[Tree; 2]>::try_from(parts).ok()?;
    Some((column, value))
}

/// Writes a condition whose depth has been checked: it calls itself.
pub(super) fn write(condition: &Condition, out: &mut JsonText) {
    out.open_object();
    match condition {
        Condition::Compare(column, comparison, value) => {
            write_pair(comparison.sign(), column, out, |out| write_literal(value, out));
        }
        Condition::In(column, values) => write_pair("in", column, out, |out| {
            out.open_array();
            values.iter().for_each(|value| write_literal(value, out));
            out.close_array();
        }),
        Condition::Like(column, prefix) => {
            write_pair("like", column, out, |out| out.string(&pattern_of(prefix)));
        }
        Condition::IsNull(column) => write_column("is_null", column, out),
        Condition::IsNotNull(column) => write_column("is_not_null", column, out),
        Condition::And(parts) => write_parts("and", parts, out),
        Condition::Or(parts) => write_parts("or", parts, out),
        Condition::Not(inner) => {
            out.key("not");
            write(inner, out);
        }
    }
    out.close_object();
}

fn write_parts(key: &str, parts: &[Condition], out: &mut JsonText) {
    out.key(key);
    out.open_array();
    parts.iter().for_each(|part| write(part, out));
    out.close_array();
}

fn write_column(key: &str, column: &ColumnPath, out: &mut JsonText) {
    out.key(key);
    out.string(&column.to_string());
}

fn write_pair(
    key: &str,
    column: &ColumnPath,
    out: &mut JsonText,
    value: impl FnOnce(&mut JsonText),
) {
    out.key(key);
    out.open_array();
    out.string(&column.to_string());
    value(out);
    out.close_array();
}

fn write_literal(value: &Literal, out: &mut JsonText) {
    let mut time = |key: &str, text: String| {
        out.open_object();
        out.key(key);
        out.string(&text);
        out.close_object();
    };
    match value {
        Literal::Instant(instant) => time("timestamp", instant.text()),
        Literal::Date(date) => time("date", date.text()),
        Literal::Boolean(value) => out.boolean(*value),
        Literal::Number(value) => out.number(value.number()),
        Literal::String(text) => out.string(text),
    }
}
