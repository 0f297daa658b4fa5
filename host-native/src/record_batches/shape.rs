//! What kind of value a column has for a filter.

use arrow_schema::{DataType, TimeUnit};
use coldpress_core::filter::ColumnPath;
use coldpress_core::{ColumnType, Form, TextForm};
use parquet::basic::LogicalType;

use crate::record_batches::file::File;
use crate::record_batches::own::OwnColumn;
use crate::record_batches::place;

/// How a stored value is seen, where its type in Arrow does not say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// As its type says.
    Plain,
    /// Text that is JSON of any kind.
    Json,
    /// Text of a number.
    NumberText,
    /// A timestamp that is a number.
    Units,
    /// A timestamp that is a text of this form.
    Instant(TextForm),
    /// A decimal that is a text.
    DecimalText,
    /// 16 bytes that are a UUID.
    Uuid,
}

/// The shape of the column at this path.
pub(super) fn of(file: &File, path: &ColumnPath) -> Shape {
    if let Some(own) = &file.own {
        return match own.column(path) {
            OwnColumn::Ids { number: true } => Shape::NumberText,
            OwnColumn::Ids { number: false } | OwnColumn::Rescued | OwnColumn::None => Shape::Plain,
            OwnColumn::Typed(column_type) => of_own(column_type),
        };
    }
    let schema = file.metadata.file_metadata().schema_descr();
    let leaf = place::find(schema.root_schema(), path).filter(|leaves| leaves.len() == 1);
    let logical = leaf.map(|leaf| schema.column(leaf.start));
    match logical.as_ref().and_then(|column| column.logical_type_ref()) {
        Some(LogicalType::Uuid) => Shape::Uuid,
        _ => Shape::Plain,
    }
}

fn of_own(column_type: &ColumnType) -> Shape {
    match column_type {
        ColumnType::Json => Shape::Json,
        ColumnType::Uuid => Shape::Uuid,
        ColumnType::Timestamp { form: Some(Form::Text(form)), .. } => Shape::Instant(*form),
        ColumnType::Timestamp { .. } => Shape::Units,
        ColumnType::Decimal { form: Some(Form::Text(_)), .. } => Shape::DecimalText,
        _ => Shape::Plain,
    }
}

/// The digits of a second that the unit has.
pub(super) fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

/// The type of the values, without what only says how they lie in memory.
pub(super) fn of_values(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        data_type => data_type,
    }
}
