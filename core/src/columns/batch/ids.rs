//! The ids of a batch's rows, by the rules of `columns/ids.rs` for single rows.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};

use super::class::{ArrowType, Class};
use super::slots::Slots;
use super::values::{KindOf, append};
use crate::columns::builder::Builder;
use crate::columns::ids::{missing_id, no_id};
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
    /// A value of this kind, described for people.
    Other(Kind, String),
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
                    Candidate::Other(kind, found) => {
                        return Err(refused(row, ID_COLUMN, kind, &found));
                    }
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
                Candidate::Nothing => return Err(refused(row, name, Kind::Null, "null")),
                Candidate::Other(kind, found) => return Err(refused(row, name, kind, &found)),
            };
            ids.own_id_differs |= match own.as_mut().map_or(Candidate::Nothing, Candidates::next) {
                Candidate::Nothing => false,
                Candidate::Id(own) => own != id,
                Candidate::Other(..) => true,
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
    let (at, field) = rows.fields().find(name)?;
    Some((rows.column(at), ArrowType::of(field)))
}

/// The values of the field at the end of this path.
fn at_path(rows: &StructArray, path: &[&str], first_row: u64, name: &str) -> Result<Candidates> {
    let missing =
        |row: usize| Error::new(ErrorKind::Row, missing_id(name)).at_row(first_row + row as u64);
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
        let found = match kind {
            Kind::String => return Candidate::Id(Cow::Borrowed(self.node.strings.text(index))),
            Kind::Int => return Candidate::Id(Cow::Owned(self.node.ints[index].to_string())),
            Kind::Big => return Candidate::Id(Cow::Owned(self.node.bigs[index].to_string())),
            Kind::Literal => self.node.literals.text(index).to_owned(),
            Kind::Double => {
                number::format(self.node.doubles[index], &mut number::buffer()).to_owned()
            }
            Kind::Boolean => self.node.booleans[index].to_string(),
            Kind::Object => "an object".to_owned(),
            Kind::Array => "an array".to_owned(),
            Kind::Absent | Kind::Null | Kind::Json | Kind::Native => return Candidate::Nothing,
        };
        Candidate::Other(kind, found)
    }
}

fn refused(row: u64, name: &str, kind: Kind, found: &str) -> Error {
    Error::new(ErrorKind::Row, no_id(name, kind, found)).at_row(row)
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
