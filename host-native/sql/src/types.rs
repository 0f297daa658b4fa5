//! The types of a table's columns, as Arrow has them.

use std::sync::Arc;

use coldpress::{Column, ColumnType, TimeUnit};
use datafusion::arrow::datatypes::{
    DataType, Field, Fields, Schema, SchemaRef, TimeUnit as ArrowUnit,
};

/// The zone of all timestamps.
const UTC: &str = "UTC";

/// The columns of a table, in the order of `columns`. All are nullable.
pub(crate) fn schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| {
        let data_type = viewed(data_type(&column.column_type));
        Field::new(&column.name, data_type, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// The columns of a file as the scan reads them: see [`viewed`].
pub(crate) fn viewed_schema(schema: &Schema) -> Schema {
    let field = |field: &Arc<Field>| {
        let data_type = viewed(field.data_type().clone());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    Schema::new(schema.fields().iter().map(field).collect::<Fields>())
}

/// Texts and bytes as views, which DataFusion reads faster. Only of whole columns: those in structs
/// and lists are read as they are.
fn viewed(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        other => other,
    }
}

fn data_type(column_type: &ColumnType) -> DataType {
    match column_type {
        ColumnType::Null => DataType::Null,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int8 => DataType::Int8,
        ColumnType::Int16 => DataType::Int16,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Uint8 => DataType::UInt8,
        ColumnType::Uint16 => DataType::UInt16,
        ColumnType::Uint32 => DataType::UInt32,
        ColumnType::Float32 => DataType::Float32,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Decimal { precision, scale, .. } => {
            // The scale is at most 38.
            DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
        }
        ColumnType::Binary => DataType::Binary,
        ColumnType::Uuid => DataType::FixedSizeBinary(16),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp { unit, .. } => {
            let unit = match unit {
                TimeUnit::Millis => ArrowUnit::Millisecond,
                TimeUnit::Micros => ArrowUnit::Microsecond,
                TimeUnit::Nanos => ArrowUnit::Nanosecond,
            };
            DataType::Timestamp(unit, Some(UTC.into()))
        }
        ColumnType::Struct(fields) => {
            let field =
                |field: &Column| Field::new(&field.name, data_type(&field.column_type), true);
            DataType::Struct(fields.iter().map(field).collect())
        }
        ColumnType::List(element) => {
            let element = Field::new("element", data_type(&element.column_type), true);
            DataType::List(Arc::new(element))
        }
        // What has no type that we know is text.
        _ => DataType::Utf8,
    }
}

/// Whether a value of this type holds values of other types.
pub(crate) fn is_nested(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Struct(_) | DataType::List(_))
}

/// Whether columns of this type hold text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => matches!(other, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8),
    }
}

/// The type of a column of text that is one of bytes in some file.
///
/// DataFusion's Parquet source would read the bytes of that file as text, without a look whether
/// they are UTF-8, if the table's type were one of the plain types of text.
pub(crate) fn text_beside_bytes() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}
