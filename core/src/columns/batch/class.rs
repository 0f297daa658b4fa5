//! What each type of Arrow becomes.

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit as ArrowUnit};

use crate::schema::{ColumnType, Form, TextForm, TimeUnit};

/// The extension type of a UUID ("Canonical Extension Types" of the Arrow documentation).
const UUID: &str = "arrow.uuid";
const UUID_BYTES: i32 = 16;

/// The most dictionaries and runs in one another.
const ELSEWHERE_MAX: usize = 8;

/// The milliseconds of a day, of which a `Date64` is a multiple (Schema.fbs).
pub(super) const DAY_MS: i64 = 86_400_000;

/// What the values of a type of Arrow become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class<'t> {
    Null,
    /// Values that JSON has a kind for.
    Boolean,
    Int,
    Double,
    Text,
    /// Date-times and times of day without a zone: they become the texts that JSON has for them.
    Clock,
    /// Values that keep their type.
    Native(ColumnType),
    /// Values of this type, as JSON has them: ids must be texts or whole numbers.
    Plain(ColumnType),
    Struct(&'t Fields),
    List(&'t FieldRef),
    /// The values are in another array of this type (dictionaries and run-end encoding).
    Elsewhere(&'t DataType),
}

/// A type of Arrow, with what its field adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArrowType<'t> {
    pub(super) data_type: &'t DataType,
    is_uuid: bool,
    /// The values become what JSON has for them.
    plain: bool,
}

impl<'t> ArrowType<'t> {
    pub(super) fn of(field: &'t Field) -> Self {
        let is_uuid = field.extension_type_name() == Some(UUID);
        ArrowType { data_type: field.data_type(), is_uuid, plain: false }
    }

    /// The type of the documents.
    pub(super) fn of_rows(data_type: &'t DataType) -> Self {
        ArrowType { data_type, is_uuid: false, plain: false }
    }

    /// The same, with values as JSON has them.
    pub(super) fn plain(self) -> Self {
        ArrowType { plain: true, ..self }
    }

    /// The type of the values that lie elsewhere.
    pub(super) fn elsewhere(self, data_type: &'t DataType) -> Self {
        ArrowType { data_type, ..self }
    }

    /// What its values become. An error says why there is no column for them.
    pub(super) fn class(self) -> Result<Class<'t>, &'static str> {
        let native = |column_type| match self.plain {
            true => Ok(Class::Plain(column_type)),
            false => Ok(Class::Native(column_type)),
        };
        match self.data_type {
            DataType::Null => Ok(Class::Null),
            DataType::Boolean => Ok(Class::Boolean),
            DataType::Int8 => native(ColumnType::Int8),
            DataType::Int16 => native(ColumnType::Int16),
            DataType::Int32 => native(ColumnType::Int32),
            DataType::Int64 => Ok(Class::Int),
            DataType::UInt8 => native(ColumnType::Uint8),
            DataType::UInt16 => native(ColumnType::Uint16),
            DataType::UInt32 => native(ColumnType::Uint32),
            DataType::UInt64 => native(ColumnType::UINT64),
            DataType::Float16 | DataType::Float32 => native(ColumnType::Float32),
            DataType::Float64 => Ok(Class::Double),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(Class::Text),
            DataType::FixedSizeBinary(UUID_BYTES) if self.is_uuid => native(ColumnType::Uuid),
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => native(ColumnType::Binary),
            DataType::Date32 | DataType::Date64 => native(ColumnType::Date),
            DataType::Timestamp(unit, Some(_)) => native(timestamp(*unit)),
            DataType::Timestamp(_, None) | DataType::Time32(_) | DataType::Time64(_) => {
                Ok(Class::Clock)
            }
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => match u8::try_from(*scale) {
                Ok(scale) if scale <= *precision => native(ColumnType::Decimal {
                    precision: *precision,
                    scale,
                    form: Some(Form::Number),
                }),
                _ => Err("a decimal needs a scale from 0 to its precision; cast it"),
            },
            DataType::Decimal256(..) => {
                Err("Parquet's decimals have 38 digits at most; cast it to Decimal128 or Utf8")
            }
            DataType::Struct(fields) => Ok(Class::Struct(fields)),
            DataType::List(element)
            | DataType::LargeList(element)
            | DataType::FixedSizeList(element, _)
            | DataType::ListView(element)
            | DataType::LargeListView(element)
            // A map is a list of its entries.
            | DataType::Map(element, _) => Ok(Class::List(element)),
            DataType::Dictionary(..) | DataType::RunEndEncoded(..)
                if elsewheres(self.data_type) > ELSEWHERE_MAX =>
            {
                Err("its values lie in too many dictionaries in one another; unpack them")
            }
            DataType::Dictionary(_, values) => Ok(Class::Elsewhere(values)),
            DataType::RunEndEncoded(_, values) => Ok(Class::Elsewhere(values.data_type())),
            DataType::Duration(_) | DataType::Interval(_) => {
                Err("JSON and Parquet have no type for it; cast it to Int64 or Utf8")
            }
            DataType::Union(..) => Err("a column has one type; split it into columns"),
        }
    }
}

/// How many dictionaries and runs there are in one another.
fn elsewheres(data_type: &DataType) -> usize {
    fn below(data_type: &DataType) -> Option<&DataType> {
        match data_type {
            DataType::Dictionary(_, values) => Some(values),
            DataType::RunEndEncoded(_, values) => Some(values.data_type()),
            _ => None,
        }
    }
    std::iter::successors(below(data_type), |found| below(found)).count()
}

/// The column of instants in this unit. Parquet has no seconds.
fn timestamp(unit: ArrowUnit) -> ColumnType {
    let form = Some(Form::Text(TextForm::fixed(digits(unit))));
    let unit = match unit {
        ArrowUnit::Second | ArrowUnit::Millisecond => TimeUnit::Millis,
        ArrowUnit::Microsecond => TimeUnit::Micros,
        ArrowUnit::Nanosecond => TimeUnit::Nanos,
    };
    ColumnType::Timestamp { unit, form }
}

/// The decimal digits of a second in this unit.
pub(super) fn digits(unit: ArrowUnit) -> u8 {
    match unit {
        ArrowUnit::Second => 0,
        ArrowUnit::Millisecond => 3,
        ArrowUnit::Microsecond => 6,
        ArrowUnit::Nanosecond => 9,
    }
}
