//! The values that no column can hold: they go into `_rescued_data` under their paths, or they are
//! an error.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::leaf::Leaf;
use super::render::write_key;
use crate::columns::{Blobs, Values};
use crate::format::rescued::RescuedCounts;
use crate::schema::{ColumnType, RESCUED_COLUMN};
use crate::{Error, ErrorKind};

/// The words of an error for a path that the schema does not contain.
pub(super) const NO_COLUMN: &str = "no such column";

/// One step down a path; an element is written as its index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Field(Rc<str>),
    Element(usize),
}

#[derive(Debug)]
struct Rescue {
    row: usize,
    path: Vec<Step>,
    text: String,
}

/// The first value, by row, that a strict schema refuses.
#[derive(Debug)]
struct Refusal {
    row: usize,
    column: String,
    message: String,
}

/// Values on their way to `_rescued_data`.
#[derive(Debug, Default)]
pub(super) struct Rescues {
    found: Vec<Rescue>,
    counts: RescuedCounts,
    refusal: Option<Refusal>,
    /// Memory for the path of one value.
    shown: String,
}

impl Rescues {
    /// Keeps a value as it came. `expected` says what its column holds; `in_column`, whether the
    /// column has the value too, in its own form.
    pub(super) fn push(
        &mut self,
        row: usize,
        path: Vec<Step>,
        text: String,
        expected: &str,
        in_column: bool,
    ) {
        let mut column = std::mem::take(&mut self.shown);
        column.clear();
        show_in(&path, &mut column);
        self.counts.add(&column, in_column);
        if self.refusal.as_ref().is_none_or(|first| row < first.row) {
            let message = refusal(&text, expected);
            self.refusal = Some(Refusal { row, column: column.clone(), message });
        }
        self.shown = column;
        self.found.push(Rescue { row, path, text });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn take_counts(&mut self) -> RescuedCounts {
        std::mem::take(&mut self.counts)
    }

    /// The error of a strict schema for the first of them. `rows_before`: the number of rows before
    /// these.
    pub(super) fn first_as_error(&self, ids: &Leaf, rows_before: u64) -> Option<Error> {
        let refusal = self.refusal.as_ref()?;
        let error = Error::new(ErrorKind::Row, refusal.message.clone())
            .at_row(rows_before + refusal.row as u64)
            .in_column(refusal.column.clone());
        Some(match &ids.values {
            Values::Bytes(ids) => error.with_id(&String::from_utf8_lossy(ids.blob(refusal.row))),
            _ => error,
        })
    }

    /// The column `_rescued_data`: an object for each row that has any, null for the rest.
    pub(super) fn into_leaf(mut self, rows: usize) -> Leaf {
        self.found.sort_by_key(|rescue| rescue.row);
        let mut definitions = vec![0_i16; rows];
        let mut values = Blobs::default();
        let mut text = String::new();
        for row in self.found.chunk_by(|a, b| a.row == b.row) {
            text.clear();
            match row {
                // As nearly always.
                [one] => write_one(one, 0, &mut text),
                more => write_object(&more.iter().collect::<Vec<_>>(), 0, &mut text),
            }
            values.push(text.as_bytes());
            definitions[row[0].row] = 1;
        }
        Leaf {
            path: vec![RESCUED_COLUMN.to_owned()],
            definitions: definitions.into(),
            definition_max: 1,
            repetitions: Arc::default(),
            values: Values::Bytes(values),
        }
    }
}

/// Writes the values below one path, whose first `depth` steps are the same, as nested objects.
fn write_object(rescues: &[&Rescue], depth: usize, out: &mut String) {
    let mut places = BTreeMap::new();
    let mut groups: Vec<Vec<&Rescue>> = Vec::new();
    for rescue in rescues {
        let place = *places.entry(&rescue.path[depth]).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(rescue);
    }
    out.push('{');
    let mut comma = false;
    for group in groups {
        write_step(&group[0].path[depth], &mut comma, out);
        match group.as_slice() {
            [one] => write_one(one, depth + 1, out),
            _ => write_object(&group, depth + 1, out),
        }
    }
    out.push('}');
}

/// Writes one value as [`write_object`] does.
fn write_one(rescue: &Rescue, depth: usize, out: &mut String) {
    let below = &rescue.path[depth..];
    for step in below {
        out.push('{');
        write_step(step, &mut false, out);
    }
    out.push_str(&rescue.text);
    out.extend(below.iter().map(|_| '}'));
}

fn write_step(step: &Step, comma: &mut bool, out: &mut String) {
    match step {
        Step::Field(name) => write_key(out, comma, name),
        Step::Element(index) => write_key(out, comma, &index.to_string()),
    }
}

/// Why a strict schema refuses this value.
fn refusal(text: &str, expected: &str) -> String {
    let is_null = text == "null";
    if is_null && expected != NO_COLUMN {
        return "found null, but other rows leave the field out, and a file of policy \"strict\" \
                cannot tell one from the other; write null in all rows or in none, or choose \
                nulls = \"absent\" or policy \"rescue\""
            .to_owned();
    }
    let or_absent = if is_null { "nulls = \"absent\" or " } else { "" };
    let short: String = text.chars().take(80).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!(
        "found {short}{more}, but the schema has {expected} there; correct the row, change the \
         schema, or choose {or_absent}policy \"rescue\""
    )
}

/// What a column holds, for whoever wrote something else.
pub(super) fn expected(column_type: &ColumnType) -> String {
    match column_type {
        ColumnType::Timestamp { form: Some(form), .. }
        | ColumnType::Decimal { form: Some(form), .. } => {
            format!("{column_type} in the form {form}")
        }
        _ => column_type.to_string(),
    }
}

/// A path as people read it: `order.items[].price`.
pub(super) fn show(path: &[Step]) -> String {
    let mut text = String::new();
    show_in(path, &mut text);
    text
}

fn show_in(path: &[Step], text: &mut String) {
    for step in path {
        match step {
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Element(_) => text.push_str("[]"),
        }
    }
}
