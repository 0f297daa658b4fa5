//! Columns and their types.

use std::fmt;

use super::form::Form;

/// The deepest nesting of a column; the document itself is level 1. Readers recurse over nested
/// columns, and their stack is limited.
pub(crate) const DEPTH_LIMIT: usize = 64;
/// The most lists within lists that become columns. With more of them, engines take very long
/// (DuckDB) or refuse the file (pyarrow).
pub(crate) const LISTS_LIMIT: usize = 16;

/// The column that holds the ids of the rows. It is always the first one, and no column of a schema
/// may have its name; only where the caller names the field of the ids
/// ([`IdSource::Field`](crate::IdSource::Field)), there is none, and a document's `_id` is a field
/// like any other.
pub const ID_COLUMN: &str = "_id";

/// The column that holds the values that no other column can hold. It is always the last one.
pub const RESCUED_COLUMN: &str = "_rescued_data";

/// The names of our own columns in a file; `named`: the ids are a field of the documents.
pub(crate) fn own_columns(named: bool) -> &'static [&'static str] {
    if named { &[RESCUED_COLUMN] } else { &[ID_COLUMN, RESCUED_COLUMN] }
}

/// The Parquet field ids of our own two columns; none unless a schema states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OwnFieldIds {
    /// The field id of `_id`. A file whose ids are a field of the documents has no such column:
    /// then this is `None`.
    pub id: Option<i32>,
    /// The field id of `_rescued_data`.
    pub rescued: Option<i32>,
}

/// One named column, or one named field of a struct.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name: any Unicode text, also with dots, and also the empty text.
    pub name: String,
    /// The type of its values.
    pub column_type: ColumnType,
    /// The Parquet field id, by which Iceberg finds the column. It is at least 1, and no other
    /// column has the same. Inferred columns have none, because the next file would give the same
    /// field another id.
    pub field_id: Option<i32>,
}

/// The elements of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The type of the elements.
    pub column_type: ColumnType,
    /// The Parquet field id, with the same rules as [`Column::field_id`].
    pub field_id: Option<i32>,
}

impl Column {
    /// A column without a field id.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        Column { name: name.into(), column_type, field_id: None }
    }
}

/// The unit of a stored timestamp, which counts from 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// The type of the values of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnType {
    /// All values were null. The schema has the name, but the file has no such column.
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
        /// The form of the values in the JSON. `None` in a given schema: the form of the first
        /// value.
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
        /// The unit of the stored number.
        unit: TimeUnit,
        /// The form of the values in the JSON. `None` in a given schema: the form of the most
        /// values.
        form: Option<Form>,
    },
    /// An object with these fields.
    Struct(Vec<Column>),
    /// An array whose elements are all of this type.
    List(Box<Element>),
}

/// The types without parameters, by their names in the JSON form of a schema.
pub(super) const SIMPLE: [(&str, ColumnType); 16] = [
    ("null", ColumnType::Null),
    ("boolean", ColumnType::Boolean),
    ("int8", ColumnType::Int8),
    ("int16", ColumnType::Int16),
    ("int32", ColumnType::Int32),
    ("int64", ColumnType::Int64),
    ("uint8", ColumnType::Uint8),
    ("uint16", ColumnType::Uint16),
    ("uint32", ColumnType::Uint32),
    ("float32", ColumnType::Float32),
    ("float64", ColumnType::Float64),
    ("string", ColumnType::String),
    ("json", ColumnType::Json),
    ("binary", ColumnType::Binary),
    ("uuid", ColumnType::Uuid),
    ("date", ColumnType::Date),
];

impl ColumnType {
    /// The type of a column of integers if some do not fit i64, and all fit u64. Every engine reads
    /// it.
    pub(crate) const UINT64: ColumnType =
        ColumnType::Decimal { precision: 20, scale: 0, form: Some(Form::Number) };

    /// The name of the type in the JSON form of a schema.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ColumnType::Decimal { .. } => "decimal",
            ColumnType::Timestamp { .. } => "timestamp",
            ColumnType::Struct(_) => "struct",
            ColumnType::List(_) => "list",
            simple => SIMPLE.iter().find(|(_, t)| t == simple).map_or("null", |(name, _)| name),
        }
    }

    /// Whether a value of the type, in the form in which it comes back, is a text or a whole number
    /// like that of an id.
    pub(crate) fn tells_ids(&self) -> bool {
        match self {
            ColumnType::Int8
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Uint8
            | ColumnType::Uint16
            | ColumnType::Uint32
            | ColumnType::String
            | ColumnType::Binary
            | ColumnType::Uuid
            | ColumnType::Date
            | ColumnType::Timestamp { .. } => true,
            ColumnType::Decimal { scale, .. } => *scale == 0,
            _ => false,
        }
    }

    /// The bits of a type of integers of at most 64 bits, and whether they have a sign.
    pub(crate) fn integer_bits(&self) -> Option<(u8, bool)> {
        match self {
            ColumnType::Int8 => Some((8, true)),
            ColumnType::Int16 => Some((16, true)),
            ColumnType::Int32 => Some((32, true)),
            ColumnType::Int64 => Some((64, true)),
            ColumnType::Uint8 => Some((8, false)),
            ColumnType::Uint16 => Some((16, false)),
            ColumnType::Uint32 => Some((32, false)),
            _ => None,
        }
    }

    /// A list of elements without a field id.
    pub fn list_of(column_type: ColumnType) -> Self {
        ColumnType::List(Box::new(Element { column_type, field_id: None }))
    }

    /// The number of columns, with all fields and elements below this one.
    pub(crate) fn columns_in_all(&self) -> usize {
        match self {
            ColumnType::Struct(fields) => {
                1 + fields.iter().map(|field| field.column_type.columns_in_all()).sum::<usize>()
            }
            ColumnType::List(element) => 1 + element.column_type.columns_in_all(),
            _ => 1,
        }
    }

    /// The number of leaf columns that a file has for it.
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
    /// The number of decimal digits of a second that the unit can hold.
    pub(crate) fn digits(self) -> u8 {
        match self {
            TimeUnit::Millis => 3,
            TimeUnit::Micros => 6,
            TimeUnit::Nanos => 9,
        }
    }

    /// How many of the unit a second has.
    pub(crate) fn per_second(self) -> i64 {
        match self {
            TimeUnit::Millis => 1_000,
            TimeUnit::Micros => 1_000_000,
            TimeUnit::Nanos => 1_000_000_000,
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

/// A text for people: `int64`, `list<string>`, `struct<a: int64, b: json>`, `decimal(10,2)`.
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
            simple => f.write_str(simple.name()),
        }
    }
}
