//! The ids of a batch's rows, by the rules of `columns/ids.rs` for single rows.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_schema::{DataType, Fields};

use super::class::{ArrowType, Class};
use super::slots::Slots;
use super::values::{self, KindOf};
use crate::columns::builder::Builder;
use crate::columns::node::{Kind, Node};
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

/// A value that may be an id.
enum Candidate {
    /// Nothing, or a null.
    Nothing,
    Id(String),
    /// Something else, for people.
    Other(String),
}

impl Ids {
    /// The ids of these rows; an error of kind `Row` names the first row without one. `first_row`:
    /// the number of the first row.
    pub(super) fn of(rows: &StructArray, source: &IdSource, first_row: u64) -> Result<Self> {
        let mut ids = Ids::default();
        let own = column(rows, ID_COLUMN).map(|(array, arrow)| candidates(array, arrow));
        let IdSource::Field(name) = source else {
            let own = own.unwrap_or_default().into_iter().map(Some);
            let own = own.chain(std::iter::repeat_with(|| None));
            for (own, row) in own.take(rows.len()).zip(first_row..) {
                ids.texts.push(&match own {
                    None | Some(Candidate::Nothing) => row.to_string(),
                    Some(Candidate::Id(id)) => id,
                    Some(Candidate::Other(found)) => return Err(no_id(row, ID_COLUMN, &found)),
                });
            }
            return Ok(ids);
        };
        let path: Vec<&str> = name.split('.').collect();
        let (found, at_path) = match column(rows, name) {
            Some((array, arrow)) => (candidates(array, arrow), false),
            None => (at_path(rows, &path, first_row, name)?, true),
        };
        ids.found[usize::from(at_path)] = rows.len() > 0;
        let mut own = own.unwrap_or_default().into_iter();
        for (found, row) in found.into_iter().zip(first_row..) {
            let id = match found {
                Candidate::Id(id) => id,
                Candidate::Nothing => return Err(no_id(row, name, "null")),
                Candidate::Other(found) => return Err(no_id(row, name, &found)),
            };
            ids.own_id_differs |= match own.next() {
                None | Some(Candidate::Nothing) => false,
                Some(Candidate::Id(own)) => own != id,
                Some(Candidate::Other(_)) => true,
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
fn at_path(
    rows: &StructArray,
    path: &[&str],
    first_row: u64,
    name: &str,
) -> Result<Vec<Candidate>> {
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
    Ok(candidates(array, arrow))
}

/// What each value of a column is as an id.
fn candidates(array: &ArrayRef, arrow: ArrowType<'_>) -> Vec<Candidate> {
    let slots = Slots::of_rows(array.len());
    let split = slots.with_values(array);
    let (valid, slots) = match split {
        Some((valid, with_values)) => (Some(valid), with_values),
        None => (None, slots),
    };
    let mut values = plain(array, arrow.plain(), slots).into_iter();
    let mut next = |valid: bool| match valid {
        true => values.next().unwrap_or(Candidate::Nothing),
        false => Candidate::Nothing,
    };
    match valid {
        Some(valid) => valid.into_iter().map(next).collect(),
        None => (0..array.len()).map(|_| next(true)).collect(),
    }
}

fn plain(array: &ArrayRef, arrow: ArrowType<'_>, slots: Slots) -> Vec<Candidate> {
    let all = |found: &str| {
        let found = found.to_owned();
        (0..slots.len()).map(|_| Candidate::Other(found.clone())).collect()
    };
    match arrow.class() {
        Ok(Class::Elsewhere(data_type)) => {
            let (values, slots) = slots.elsewhere(array);
            plain(values, arrow.elsewhere(data_type), slots)
        }
        Ok(Class::Struct(_)) => all("an object"),
        Ok(Class::List(_)) => all("an array"),
        Ok(Class::Null) => (0..slots.len()).map(|_| Candidate::Nothing).collect(),
        Ok(leaf) => {
            let mut node = Node::default();
            let kinds = values::append(&mut node, array, &leaf, &slots);
            of_node(&node, &kinds, slots.len())
        }
        Err(_) => all("no text and no whole number"),
    }
}

/// The values of a node with as many values, which were appended in order.
fn of_node(node: &Node, kinds: &KindOf, count: usize) -> Vec<Candidate> {
    let mut next = [0_usize; crate::columns::node::KINDS];
    let candidate = |at: usize| {
        let kind = kinds.at(at);
        let index = next[kind as usize];
        next[kind as usize] += 1;
        match kind {
            Kind::String => Candidate::Id(node.strings.text(index).to_owned()),
            Kind::Int => Candidate::Id(node.ints[index].to_string()),
            Kind::Big => Candidate::Id(node.bigs[index].to_string()),
            Kind::Literal => Candidate::Other(format!("the number {}", node.literals.text(index))),
            Kind::Double => {
                let mut buffer = number::buffer();
                let text = number::format(node.doubles[index], &mut buffer);
                Candidate::Other(format!("the number {text}"))
            }
            _ => Candidate::Other(format!("{:?}", node.booleans.get(index).copied())),
        }
    };
    (0..count).map(candidate).collect()
}

fn no_id(row: u64, name: &str, found: &str) -> Error {
    let message = format!(
        "the id in field {name:?} is {found}, but an id must be a text or a whole number of 64 \
         bits; name another field by the option id"
    );
    Error::new(ErrorKind::Row, message).at_row(row)
}
