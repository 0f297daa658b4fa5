//! The ids of a batch's rows, by the rules of `columns/ids.rs` for single rows.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{DataType, Fields};

use super::class::{ArrowType, Class};
use super::slots::Slots;
use super::values::{KindOf, append};
use crate::columns::builder::Builder;
use crate::columns::node::{KINDS, Kind, Node};
use crate::columns::values::Texts;
use crate::json::number;
use crate::schema::ID_COLUMN;
use crate::{Error, ErrorKind, IdSource, Result};

/// The ids of all rows of a batch.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) texts: Texts,
    /// They are in the field of the chosen name, or at the end of the path that the name spells.
    pub(super) found: [bool; 2],
    /// Another field than `_id` was named for the ids, and a row has an `_id` that is not its id.
    pub(super) own_id_differs: bool,
}

/// The values of a column, one after the other, as they may be ids.
struct Candidates {
    /// Their values, appended in order.
    node: Node,
    kinds: KindOf,
    /// Which rows have a value; `None`: all.
    valid: Option<Vec<bool>>,
    row: usize,
    value: usize,
    next: [usize; KINDS],
}

/// A value that may be an id.
enum Candidate<'c> {
    /// Nothing, or a null.
    Nothing,
    Id(Cow<'c, str>),
    /// Something else, for people.
    Other(String),
}

impl Ids {
    /// The ids of these rows; an error of kind `Row` names the first row without one. `first_row`:
    /// the number of the first row.
    pub(super) fn of(rows: &StructArray, source: &IdSource, first_row: u64) -> Result<Self> {
        let mut ids = Ids::default();
        let mut own = column(rows, ID_COLUMN).map(|(array, arrow)| Candidates::of(array, arrow));
        let numbers = first_row..first_row + rows.len() as u64;
        let IdSource::Field(name) = source else {
            for row in numbers {
                match own.as_mut().map_or(Candidate::Nothing, Candidates::next) {
                    Candidate::Nothing => ids.texts.push(&row.to_string()),
                    Candidate::Id(id) => ids.texts.push(&id),
                    Candidate::Other(found) => return Err(no_id(row, ID_COLUMN, &found)),
                }
            }
            return Ok(ids);
        };
        let path: Vec<&str> = name.split('.').collect();
        let (mut found, at_path) = match column(rows, name) {
            Some((array, arrow)) => (Candidates::of(array, arrow), false),
            None => (at_path(rows, &path, first_row, name)?, true),
        };
        ids.found[usize::from(at_path)] = rows.len() > 0;
        for row in numbers {
            let id = match found.next() {
                Candidate::Id(id) => id,
                Candidate::Nothing => return Err(no_id(row, name, "null")),
                Candidate::Other(found) => return Err(no_id(row, name, &found)),
            };
            ids.own_id_differs |= match own.as_mut().map_or(Candidate::Nothing, Candidates::next) {
                Candidate::Nothing => false,
                Candidate::Id(own) => own != id,
                Candidate::Other(_) => true,
            };
            ids.texts.push(&id);
        }
        Ok(ids)
    }
}

impl Builder {
    /// Takes the ids of the rows `from..to` of a batch.
    pub(super) fn push_ids(&mut self, ids: &Ids, from: usize, to: usize) {
        for (all, found) in self.ids_found.iter_mut().zip(ids.found) {
            *all |= found;
        }
        self.own_id_differs |= ids.own_id_differs;
        (from..to).for_each(|at| self.ids.push(ids.texts.text(at)));
    }
}

fn column<'r>(rows: &'r StructArray, name: &str) -> Option<(&'r ArrayRef, ArrowType<'r>)> {
    let DataType::Struct(fields) = rows.data_type() else { return None };
    let (at, field) = named(fields, name)?;
    Some((rows.column(at), ArrowType::of(field)))
}

fn named<'f>(fields: &'f Fields, name: &str) -> Option<(usize, &'f arrow_schema::Field)> {
    fields.find(name).map(|(at, field)| (at, field.as_ref()))
}

/// The values of the field at the end of this path.
fn at_path(rows: &StructArray, path: &[&str], first_row: u64, name: &str) -> Result<Candidates> {
    let missing = |row: usize| {
        let message = format!(
            "the row has no field {name:?}, which must hold its id; add the field, or name another \
             one by the option id"
        );
        Error::new(ErrorKind::Row, message).at_row(first_row + row as u64)
    };
    let mut above = rows;
    let Some((last, structs)) = path.split_last() else { return Err(missing(0)) };
    for step in structs {
        let found = column(above, step).and_then(|(array, _)| array.as_struct_opt());
        above = found.ok_or_else(|| missing(0))?;
        if let Some(row) = (0..above.len()).find(|row| above.is_null(*row)) {
            return Err(missing(row));
        }
    }
    let (array, arrow) = column(above, last).ok_or_else(|| missing(0))?;
    Ok(Candidates::of(array, arrow))
}

impl Candidates {
    fn of(array: &ArrayRef, arrow: ArrowType<'_>) -> Self {
        let slots = Slots::of_rows(array.len());
        let (valid, slots) = match slots.with_values(array) {
            Some((valid, with_values)) => (Some(valid), with_values),
            None => (None, slots),
        };
        let mut node = Node::default();
        let kinds = values(&mut node, array, arrow.plain(), slots);
        Candidates { node, kinds, valid, row: 0, value: 0, next: [0; KINDS] }
    }

    fn next(&mut self) -> Candidate<'_> {
        let row = self.row;
        self.row += 1;
        if self.valid.as_ref().is_some_and(|valid| !valid[row]) {
            return Candidate::Nothing;
        }
        let kind = self.kinds.at(self.value);
        self.value += 1;
        let index = self.next[kind as usize];
        self.next[kind as usize] += 1;
        let other = |found: String| Candidate::Other(found);
        match kind {
            Kind::String => Candidate::Id(Cow::Borrowed(self.node.strings.text(index))),
            Kind::Int => Candidate::Id(Cow::Owned(self.node.ints[index].to_string())),
            Kind::Big => Candidate::Id(Cow::Owned(self.node.bigs[index].to_string())),
            Kind::Literal => other(format!("the number {}", self.node.literals.text(index))),
            Kind::Double => {
                let mut buffer = number::buffer();
                let text = number::format(self.node.doubles[index], &mut buffer);
                other(format!("the number {text}"))
            }
            Kind::Boolean => other(self.node.booleans[index].to_string()),
            Kind::Object => other("an object".to_owned()),
            Kind::Array => other("an array".to_owned()),
            _ => Candidate::Nothing,
        }
    }
}

/// Appends the values at these places to a node. Gives the kind of each.
fn values(node: &mut Node, array: &ArrayRef, arrow: ArrowType<'_>, slots: Slots) -> KindOf {
    match arrow.class() {
        Ok(Class::Elsewhere(data_type)) => {
            let (found, slots) = slots.elsewhere(array);
            values(node, found, arrow.elsewhere(data_type), slots)
        }
        Ok(Class::Struct(_)) => KindOf::All(Kind::Object),
        Ok(Class::List(_)) => KindOf::All(Kind::Array),
        Ok(Class::Null) | Err(_) => KindOf::All(Kind::Null),
        Ok(leaf) => append(node, array, &leaf, &slots),
    }
}

fn no_id(row: u64, name: &str, found: &str) -> Error {
    let message = format!(
        "the id in field {name:?} is {found}, but an id must be a text or a whole number of 64 \
         bits; name another field by the option id"
    );
    Error::new(ErrorKind::Row, message).at_row(row)
}
