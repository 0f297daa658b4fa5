//! The columns of a table, and those of one more file.

use std::collections::BTreeMap;

use super::types::in_delta;
use crate::schema::names::folded;
use crate::{Column, ColumnType, Error, ErrorKind, Result};

/// What joining needs to know besides the columns.
pub(super) struct Join<'j> {
    /// The paths of the table's columns whose type we do not have.
    pub(super) opaque: &'j [Vec<String>],
    /// The file, for errors.
    pub(super) file: &'j str,
    /// Whether the file has a column that the table lacks.
    pub(super) found: bool,
    path: Vec<String>,
}

impl<'j> Join<'j> {
    pub(super) fn new(opaque: &'j [Vec<String>], file: &'j str) -> Self {
        Join { opaque, file, found: false, path: Vec::new() }
    }

    /// The columns of the table with those of the file. New ones come last, because engines and
    /// people count on the places of the others. An error of kind `Conflict` if a column of the
    /// file cannot be one of the table.
    pub(super) fn columns(&mut self, table: &[Column], file: &[Column]) -> Result<Vec<Column>> {
        let mut joined: Vec<Column> = table.to_vec();
        let places = table.iter().enumerate();
        let places: BTreeMap<_, usize> =
            places.map(|(at, column)| (folded(&column.name), at)).collect();
        let mut typed = Vec::new();
        for column in file.iter().filter(|column| column.column_type != ColumnType::Null) {
            self.path.push(column.name.clone());
            if self.opaque.contains(&self.path) {
                return Err(self.clash("has a type that Coldpress does not have", column));
            }
            let place = places.get(&folded(&column.name)).copied();
            match place.and_then(|at| Some((at, joined.get_mut(at)?))) {
                Some((at, there)) if there.column_type == ColumnType::Null => {
                    // It was no column so far, so it comes last too.
                    typed.push(at);
                    joined.push(column.clone());
                    self.found = true;
                }
                Some((_, there)) if there.name == column.name => {
                    there.column_type =
                        self.joined(&there.column_type, &column.column_type, column)?;
                }
                Some((_, there)) => {
                    let what = format!("is named {:?}, the same but for case,", there.name);
                    return Err(self.clash(&what, column));
                }
                None => {
                    joined.push(column.clone());
                    self.found = true;
                }
            }
            self.path.pop();
        }
        let kept = joined.into_iter().enumerate().filter(|(at, _)| !typed.contains(at));
        Ok(kept.map(|(_, column)| column).collect())
    }

    /// The type of the table's column once the file is in it.
    fn joined(
        &mut self,
        table: &ColumnType,
        file: &ColumnType,
        column: &Column,
    ) -> Result<ColumnType> {
        match (table, file) {
            (ColumnType::Struct(table), ColumnType::Struct(file)) => {
                Ok(ColumnType::Struct(self.columns(table, file)?))
            }
            (ColumnType::List(element), ColumnType::List(of_file)) => {
                let joined = self.joined(&element.column_type, &of_file.column_type, column)?;
                let mut element = element.clone();
                element.column_type = joined;
                Ok(ColumnType::List(element))
            }
            (table, file) if same_values(table, file) => Ok(table.clone()),
            (table, _) => Err(self.clash(&format!("is {table} in the table,"), column)),
        }
    }

    fn clash(&self, what: &str, column: &Column) -> Error {
        Error::new(
            ErrorKind::Conflict,
            format!(
                "the column {what} but {} in {}, so that file cannot be in the table; put its rows \
                 again with --schema and the table's columns: what does not fit them is rescued",
                column.column_type, self.file
            ),
        )
        .in_column(self.path.join("."))
    }
}

/// Whether two types of values have the same values. The form of their texts says nothing about
/// them.
fn same_values(one: &ColumnType, other: &ColumnType) -> bool {
    use ColumnType::{Decimal, Timestamp};
    match (one, other) {
        (Timestamp { unit: one, .. }, Timestamp { unit: other, .. }) => one == other,
        (Decimal { .. }, Decimal { .. }) => in_delta(one) == in_delta(other),
        (one, other) => one == other,
    }
}

/// The columns that Delta's text has, with our types of them where they are the same for Delta.
/// Columns of ours that Delta does not know, because they have only nulls, come last.
pub(super) fn refined(delta: &[Column], ours: &[Column]) -> Vec<Column> {
    let by_name: BTreeMap<&str, &Column> =
        ours.iter().map(|column| (column.name.as_str(), column)).collect();
    let mut columns: Vec<Column> = delta
        .iter()
        .map(|column| match by_name.get(column.name.as_str()) {
            Some(ours) => Column {
                column_type: refined_type(&column.column_type, &ours.column_type),
                ..(*ours).clone()
            },
            None => column.clone(),
        })
        .collect();
    let known: BTreeMap<&str, ()> = delta.iter().map(|column| (column.name.as_str(), ())).collect();
    let nulls = ours.iter().filter(|column| column.column_type == ColumnType::Null);
    columns.extend(nulls.filter(|column| !known.contains_key(column.name.as_str())).cloned());
    columns
}

fn refined_type(delta: &ColumnType, ours: &ColumnType) -> ColumnType {
    match (delta, ours) {
        (ColumnType::Struct(delta), ColumnType::Struct(ours)) => {
            ColumnType::Struct(refined(delta, ours))
        }
        (ColumnType::List(delta), ColumnType::List(ours)) => {
            let mut element = ours.clone();
            element.column_type = refined_type(&delta.column_type, &ours.column_type);
            ColumnType::List(element)
        }
        (delta, ours) if in_delta(ours) == *delta => ours.clone(),
        (delta, _) => delta.clone(),
    }
}
