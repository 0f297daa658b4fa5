//! The columns of a file: their names, their types, and their JSON form, which is the same
//! everywhere.

mod column;
pub(crate) mod dots;
pub(crate) mod facts;
mod field_ids;
mod form;
mod json;
mod name_check;
pub(crate) mod names;
pub(crate) mod parquet_type;
mod warnings;

pub use column::{Column, ColumnType, Element, ID_COLUMN, OwnFieldIds, RESCUED_COLUMN, TimeUnit};
pub(crate) use column::{DEPTH_LIMIT, LISTS_LIMIT, own_columns};
pub use form::{Digits, Form, TextForm, Zone};
pub use names::Names;

use crate::sort::sort;
use crate::{Error, Result};
use facts::Facts;

/// The columns of the documents of a file, in order. `_id` and `_rescued_data` are not among them.
///
/// # Invariants
///
/// * names are unique within one struct; no column at the top has the name `_rescued_data`, and one
///   has the name `_id` only where a field is named for the ids
///   ([`IdSource::Field`](crate::IdSource::Field))
/// * decimals have a precision from 1 to 38, and a scale of at most the precision
/// * nesting is at most [`Settings::DEPTH_LIMIT`](crate::Settings::DEPTH_LIMIT) deep, with at most
///   [`Settings::LISTS_LIMIT`](crate::Settings::LISTS_LIMIT) lists; each struct and each list has
///   at least one leaf
/// * field ids are at least 1, and no two are the same
///
/// ```
/// use coldpress_core::{ColumnType, Schema};
///
/// let text = concat!(
///     r#"{"columns":[{"name":"ts","type":"timestamp","unit":"ms"},"#,
///     r#"{"name":"tags","type":"list","element":{"type":"string"}}]}"#,
/// );
/// let schema = Schema::from_json(text)?;
/// assert_eq!(schema.columns()[1].column_type, ColumnType::list_of(ColumnType::String));
/// assert_eq!(schema.to_json(), text);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    columns: Vec<Column>,
    own_ids: OwnFieldIds,
    inferred: bool,
}

impl Schema {
    /// A schema of these columns; an error of kind `Settings` if an invariant does not hold.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        name_check::check_own(&columns, own_columns(true))?;
        check_fields(&columns, "the schema", 2, 0)?;
        let schema = Schema { columns, ..Schema::default() };
        field_ids::check(&schema.columns, schema.own_ids)?;
        Ok(schema)
    }

    /// The schema with these field ids of our own two columns; an error of kind `Settings` if an
    /// invariant does not hold.
    pub fn with_own_field_ids(self, own_ids: OwnFieldIds) -> Result<Self> {
        let schema = Schema { own_ids, ..self };
        field_ids::check(&schema.columns, schema.own_ids)?;
        Ok(schema)
    }

    /// The field ids of our own two columns.
    pub fn own_field_ids(&self) -> OwnFieldIds {
        self.own_ids
    }

    /// Whether rows meet the schema as if it were inferred from them. A schema from
    /// [`Schema::new`] is given; that of an encoder without [`Settings::schema`] is inferred.
    ///
    /// An inferred schema differs from a given one of the same columns in this:
    ///
    /// * a file has `_rescued_data` only if a value is rescued
    /// * days before 1582-10-15 and instants before 1900 are rescued, because Spark 3.5 refuses a
    ///   file with them
    /// * the columns get no room before other fields, so the limits of
    ///   [`Settings`](crate::Settings) are those of inference
    ///
    /// So the rows of an inferred schema, encoded with it, give the same bytes again.
    ///
    /// [`Settings::schema`]: crate::Settings::schema
    pub fn is_inferred(&self) -> bool {
        self.inferred
    }

    /// The same columns, inferred or given: see [`Schema::is_inferred`].
    pub fn with_inferred(self, inferred: bool) -> Self {
        Schema { inferred, ..self }
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column at the top with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Reads the JSON form. The error of kind `Settings` names the place.
    ///
    /// The words by which a file tells the form of its values (`nulls`, `whole`) are accepted, and
    /// have no effect.
    pub fn from_json(text: &str) -> Result<Self> {
        Ok(Schema::from_file_json(text)?.0)
    }

    /// Reads the JSON form in a file, with what the file says of its columns.
    pub(crate) fn from_file_json(text: &str) -> Result<(Self, Vec<Facts>)> {
        let (read, facts) = json::read(text)?;
        let schema = Schema::new(read.columns)?.with_own_field_ids(read.own_ids)?;
        Ok((schema.with_inferred(read.inferred), facts))
    }

    /// The JSON form. It is the same in Rust, in TypeScript, in a grant and in a file.
    pub fn to_json(&self) -> String {
        self.to_file_json(&[])
    }

    /// The JSON form in a file that says this of its columns.
    pub(crate) fn to_file_json(&self, facts: &[Facts]) -> String {
        let Schema { columns, own_ids, inferred } = self;
        let parts = json::Parts { columns: &columns[..], own_ids: *own_ids, inferred: *inferred };
        json::write(&parts, facts)
    }

    /// The number of columns, with the fields of structs and the elements of lists.
    pub(crate) fn columns_in_all(&self) -> usize {
        self.columns.iter().map(|column| column.column_type.columns_in_all()).sum()
    }

    /// The schema of resolved columns. `resolve` makes only columns that keep the invariants.
    pub(crate) fn resolved(columns: Vec<Column>, given: Option<&Schema>) -> Self {
        match given {
            Some(given) => Schema { columns, ..*given },
            None => Schema { columns, inferred: true, ..Schema::default() },
        }
    }

    /// Checks that engines can read columns of these names beside our own; an error of kind
    /// `Settings`. `named`: the ids are a field of the documents.
    pub(crate) fn check_names(&self, names: Names, named: bool) -> Result<()> {
        name_check::check(&self.columns, names, named)
    }

    /// The type of the field at this path of structs.
    #[cfg(feature = "decode")]
    pub(crate) fn type_at(&self, path: &[String]) -> Option<&ColumnType> {
        let (name, mut below) = path.split_first()?;
        let mut found = &self.column(name)?.column_type;
        while let Some((name, rest)) = below.split_first() {
            let ColumnType::Struct(fields) = found else { return None };
            found = &fields.iter().find(|field| field.name == *name)?.column_type;
            below = rest;
        }
        Some(found)
    }
}

fn check_fields(fields: &[Column], place: &str, depth: usize, lists: usize) -> Result<()> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    sort(&mut names);
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::settings(format!(
            "{place} has the name {:?} twice; give each column a name of its own",
            twice[0]
        )));
    }
    for field in fields {
        check_type(&field.column_type, &format!("column {:?}", field.name), depth, lists)?;
    }
    Ok(())
}

fn check_type(column_type: &ColumnType, place: &str, depth: usize, lists: usize) -> Result<()> {
    if lists > LISTS_LIMIT {
        return Err(Error::settings(format!(
            "{place} has more than {} lists within lists; make it a json column",
            LISTS_LIMIT
        )));
    }
    let nests = matches!(column_type, ColumnType::Struct(_) | ColumnType::List(_));
    if nests && depth > DEPTH_LIMIT {
        return Err(Error::settings(format!(
            "{place} nests deeper than {} levels; make it a json column",
            DEPTH_LIMIT
        )));
    }
    match column_type {
        ColumnType::Decimal { precision, scale, form } => {
            if *precision < 1 || *precision > 38 || scale > precision {
                return Err(Error::settings(format!(
                    "{place} is decimal({precision},{scale}); the precision must be from 1 to 38, \
                     and the scale at most the precision"
                )));
            }
            let text = Form::Text(TextForm::fixed(*scale));
            if form.is_some_and(|form| form != Form::Number && form != text) {
                return Err(Error::settings(format!(
                    "{place} has the scale {scale}, so its form must be \"number\" or \
                     \"text:{scale}\""
                )));
            }
            Ok(())
        }
        ColumnType::Timestamp { unit, form: Some(Form::Text(text)) } => {
            check_text_form(*unit, *text, place)
        }
        ColumnType::Struct(_) | ColumnType::List(_) if column_type.leaves() == 0 => {
            Err(Error::settings(format!(
                "{place} is a {} without any value column, which Parquet cannot store; make it a \
                 json column",
                column_type.name()
            )))
        }
        ColumnType::Struct(fields) => check_fields(fields, place, depth + 1, lists),
        ColumnType::List(element) => check_type(&element.column_type, place, depth + 1, lists + 1),
        _ => Ok(()),
    }
}

fn check_text_form(unit: TimeUnit, form: TextForm, place: &str) -> Result<()> {
    if let Some(digits) = form.digits.fixed().filter(|digits| *digits > unit.digits()) {
        return Err(Error::settings(format!(
            "{place} has the unit {}, which cannot hold {digits} digits after the point; choose a \
             finer unit",
            unit.name()
        )));
    }
    match form.zone {
        Zone::Offset(minutes) if minutes.unsigned_abs() >= 24 * 60 => {
            Err(Error::settings(format!(
                "{place} has a zone {minutes} minutes ahead of UTC; it must be less than a day"
            )))
        }
        _ => Ok(()),
    }
}
