//! The columns of a file: their names, types and the one JSON form they have everywhere.

pub(crate) mod dots;
mod field_ids;
mod json;
pub(crate) mod names;
pub(crate) mod parquet_type;

use std::collections::BTreeSet;
use std::fmt;

use crate::{Error, Names, Result, Settings};

/// The column that holds the row's id; always the first, and no field of a schema may have its
/// name.
pub const ID_COLUMN: &str = "_id";

/// The column that holds what no other column has a place for; always the last.
pub const RESCUED_COLUMN: &str = "_rescued_data";

/// The columns of a document, in order; `_id` and `_rescued_data` are not among them.
///
/// # Invariants
///
/// * names are unique within one struct; none at the top is `_id` or `_rescued_data`
/// * decimals have a precision from 1 to 38 and a scale of at most that
/// * nesting is at most [`Settings::DEPTH_LIMIT`] deep, with at most [`Settings::LISTS_LIMIT`]
///   lists; no struct or list is without a leaf
/// * field ids are at least 1, and no two are the same
///
/// ```
/// use coldpress_core::{ColumnType, Schema};
///
/// let text = r#"{"columns":[{"name":"ts","type":"timestamp","unit":"ms"},{"name":"tags","type":"list","element":{"type":"string"}}]}"#;
/// let schema = Schema::from_json(text)?;
/// assert_eq!(schema.columns()[1].column_type, ColumnType::list_of(ColumnType::String));
/// assert_eq!(schema.to_json(), text);
/// # Ok::<(), coldpress_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    columns: Vec<Column>,
    own_ids: OwnFieldIds,
}

/// The Parquet field ids of the two columns that are ours; none unless a schema states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OwnFieldIds {
    /// That of `_id`.
    pub id: Option<i32>,
    /// That of `_rescued_data`.
    pub rescued: Option<i32>,
}

/// One named column, or one named field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name: any Unicode, dots and the empty name included.
    pub name: String,
    /// What its values are.
    pub column_type: ColumnType,
    /// The Parquet field id, by which Iceberg knows the column: at least 1, and no other column's.
    /// Inferred columns have none: the same field would have another id in the next file.
    pub field_id: Option<i32>,
}

/// What the elements of a list are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// What its values are.
    pub column_type: ColumnType,
    /// The Parquet field id, as that of a [`Column`].
    pub field_id: Option<i32>,
}

impl Column {
    /// A column without a field id.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Column { name: name.into(), column_type, field_id: None }
    }
}

/// The unit a timestamp is stored in, since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// How the values of a timestamp or a decimal stand in the JSON, so that decoding can give the very
/// same text back. Values in another form are stored typed, and rescued as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// A JSON number: of the timestamp's unit, or the decimal itself.
    Number,
    /// A JSON string with this many digits after the point: RFC 3339 in UTC with `Z`, or a decimal.
    Text(u8),
}

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// Only nulls were seen: the name is known, the file has no such column.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A signed integer of 8 bits.
    Int8,
    /// A signed integer of 16 bits.
    Int16,
    /// A signed integer of 32 bits.
    Int32,
    /// A signed integer of 64 bits.
    Int64,
    /// An unsigned integer of 8 bits.
    Uint8,
    /// An unsigned integer of 16 bits.
    Uint16,
    /// An unsigned integer of 32 bits.
    Uint32,
    /// A floating-point number of 32 bits.
    Float32,
    /// A floating-point number of 64 bits.
    Float64,
    /// A decimal number.
    Decimal {
        /// Digits in all, from 1 to 38.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
        /// How values stand in the JSON; `None` in a given schema: as the first value does.
        form: Option<Form>,
    },
    /// Text.
    String,
    /// Any JSON value, as compact JSON text.
    Json,
    /// Bytes; in the JSON, padded base64 of the standard alphabet (RFC 4648, section 4).
    Binary,
    /// A UUID; in the JSON, in lower case with hyphens (RFC 9562).
    Uuid,
    /// A day; in the JSON, `YYYY-MM-DD`.
    Date,
    /// An instant in UTC.
    Timestamp {
        /// The unit it is stored in.
        unit: TimeUnit,
        /// How values stand in the JSON; `None` in a given schema: as the first value does.
        form: Option<Form>,
    },
    /// An object with these fields.
    Struct(Vec<Column>),
    /// An array whose elements are all of this type.
    List(Box<Element>),
}

impl Schema {
    /// A schema of these columns; an error of kind `Settings` where the invariants do not hold.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        for column in &columns {
            if column.name == ID_COLUMN || column.name == RESCUED_COLUMN {
                return Err(Error::settings(format!(
                    "a schema lists the document's own columns, and {:?} is ours; leave it out",
                    column.name
                )));
            }
        }
        check_fields(&columns, "the schema", 2, 0)?;
        let schema = Schema { columns, own_ids: OwnFieldIds::default() };
        field_ids::check(&schema)?;
        Ok(schema)
    }

    /// The schema with these field ids of our own two columns; an error of kind `Settings` where
    /// the invariants do not hold.
    pub fn with_own_field_ids(self, own_ids: OwnFieldIds) -> Result<Self> {
        let schema = Schema { own_ids, ..self };
        field_ids::check(&schema)?;
        Ok(schema)
    }

    /// The field ids of our own two columns.
    pub fn own_field_ids(&self) -> OwnFieldIds {
        self.own_ids
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name at the top.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Reads the JSON form; an error of kind `Settings` that names the place.
    pub fn from_json(text: &str) -> Result<Self> {
        json::read(text)
    }

    /// The JSON form, the same in Rust, in TypeScript, in a grant and in a file.
    pub fn to_json(&self) -> String {
        json::write(self)
    }

    /// How many columns there are, fields of structs and elements of lists among them.
    pub(crate) fn columns_in_all(&self) -> usize {
        self.columns.iter().map(|column| column.column_type.columns_in_all()).sum()
    }

    /// Columns as they were resolved, whose invariants hold by how they are made.
    pub(crate) fn resolved(columns: Vec<Column>, own_ids: OwnFieldIds) -> Self {
        Schema { columns, own_ids }
    }

    /// Checks that engines can read columns of these names; an error of kind `Settings`.
    pub(crate) fn check_names(&self, names: Names) -> Result<()> {
        names::check(&self.columns, names)
    }
}

impl ColumnType {
    /// The type integers take when some are past i64 and all within u64: every engine reads it.
    pub(crate) const UINT64: ColumnType =
        ColumnType::Decimal { precision: 20, scale: 0, form: Some(Form::Number) };

    /// A list of elements without a field id.
    pub fn list_of(column_type: ColumnType) -> Self {
        ColumnType::List(Box::new(Element { column_type, field_id: None }))
    }

    /// How many columns it is, with those below it.
    fn columns_in_all(&self) -> usize {
        match self {
            ColumnType::Struct(fields) => {
                1 + fields.iter().map(|field| field.column_type.columns_in_all()).sum::<usize>()
            }
            ColumnType::List(element) => 1 + element.column_type.columns_in_all(),
            _ => 1,
        }
    }

    /// How many leaf columns a file needs for it.
    pub(crate) fn leaves(&self) -> usize {
        match self {
            ColumnType::Null => 0,
            ColumnType::Struct(fields) => fields.iter().map(|f| f.column_type.leaves()).sum(),
            ColumnType::List(element) => element.column_type.leaves(),
            _ => 1,
        }
    }
}

impl TimeUnit {
    /// Digits after the point of a second that the unit holds.
    pub(crate) fn digits(self) -> u8 {
        match self {
            TimeUnit::Millis => 3,
            TimeUnit::Micros => 6,
            TimeUnit::Nanos => 9,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            TimeUnit::Millis => "ms",
            TimeUnit::Micros => "us",
            TimeUnit::Nanos => "ns",
        }
    }
}

/// As in the JSON form of a schema: `number`, `text:3`.
impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Number => f.write_str("number"),
            Form::Text(digits) => write!(f, "text:{digits}"),
        }
    }
}

/// As people read it: `int64`, `list<string>`, `struct<a: int64, b: json>`, `decimal(10,2)`.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Decimal { precision, scale, .. } => {
                write!(f, "decimal({precision},{scale})")
            }
            ColumnType::Timestamp { unit, .. } => write!(f, "timestamp({})", unit.name()),
            ColumnType::List(element) => write!(f, "list<{}>", element.column_type),
            ColumnType::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.column_type)?;
                }
                f.write_str(">")
            }
            simple => f.write_str(json::name(simple)),
        }
    }
}

fn check_fields(fields: &[Column], place: &str, depth: usize, lists: usize) -> Result<()> {
    let mut names = BTreeSet::new();
    for field in fields {
        if !names.insert(&field.name) {
            return Err(Error::settings(format!(
                "{place} names {:?} twice; give each column a name of its own",
                field.name
            )));
        }
        check_type(&field.column_type, &format!("column {:?}", field.name), depth, lists)?;
    }
    Ok(())
}

fn check_type(column_type: &ColumnType, place: &str, depth: usize, lists: usize) -> Result<()> {
    if lists > Settings::LISTS_LIMIT {
        return Err(Error::settings(format!(
            "{place} has more than {} lists within lists; make it a json column",
            Settings::LISTS_LIMIT
        )));
    }
    let nests = matches!(column_type, ColumnType::Struct(_) | ColumnType::List(_));
    if nests && depth > Settings::DEPTH_LIMIT {
        return Err(Error::settings(format!(
            "{place} nests deeper than {}; make it a json column",
            Settings::DEPTH_LIMIT
        )));
    }
    match column_type {
        ColumnType::Decimal { precision, scale, form } => {
            if *precision < 1 || *precision > 38 || scale > precision {
                return Err(Error::settings(format!(
                    "{place} is decimal({precision},{scale}); the precision goes from 1 to 38 and the scale up to it"
                )));
            }
            if form.is_some_and(|form| form != Form::Number && form != Form::Text(*scale)) {
                return Err(Error::settings(format!(
                    "{place} has scale {scale}; its form is \"number\" or \"text:{scale}\""
                )));
            }
            Ok(())
        }
        ColumnType::Timestamp { unit, form: Some(Form::Text(digits)) }
            if *digits > unit.digits() =>
        {
            Err(Error::settings(format!(
                "{place} is in {}, which holds no {digits} digits after the point; choose a finer unit",
                unit.name()
            )))
        }
        ColumnType::Struct(_) | ColumnType::List(_) if column_type.leaves() == 0 => {
            Err(Error::settings(format!(
                "{place} is a {} of nothing, which Parquet has not; make it a json column",
                json::name(column_type)
            )))
        }
        ColumnType::Struct(fields) => check_fields(fields, place, depth + 1, lists),
        ColumnType::List(element) => check_type(&element.column_type, place, depth + 1, lists + 1),
        _ => Ok(()),
    }
}
