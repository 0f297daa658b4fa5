//! The Parquet schema of a file, as the format's specification wants it written.
//!
//! Lists take the three-level form of `LogicalTypes.md`. Every node has a field id: `_id` 1 and
//! `_rescued_data` 2 for ever, the rest from 3 on in pre-order.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit as ParquetUnit, Type as Physical};
use parquet::schema::types::{Type, TypePtr};

use super::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN, Schema, TimeUnit};
use crate::{Error, Result};

const ID_FIELD_ID: i32 = 1;
const RESCUED_FIELD_ID: i32 = 2;
const FIRST_FIELD_ID: i32 = 3;

/// The root of a file that holds `schema`, with `_rescued_data` where `rescued`.
pub(crate) fn file_type(schema: &Schema, rescued: bool) -> Result<TypePtr> {
    let mut ids = FieldIds(FIRST_FIELD_ID);
    let mut fields = vec![id_type()?];
    fields.extend(field_types(&schema.columns, &mut ids)?);
    if rescued {
        fields.push(leaf_type(RESCUED_COLUMN, &ColumnType::Json, RESCUED_FIELD_ID)?);
    }
    let root = Type::group_type_builder("schema").with_fields(fields).build().map_err(refused)?;
    Ok(Arc::new(root))
}

/// Bytes that a decimal of this precision takes in a FIXED_LEN_BYTE_ARRAY; precision above 18.
pub(crate) fn decimal_width(precision: u8) -> usize {
    // The smallest n with 10^precision <= 2^(8n - 1).
    let bits = f64::from(precision) * std::f64::consts::LOG2_10 + 1.0;
    (bits / 8.0).ceil() as usize
}

struct FieldIds(i32);

impl FieldIds {
    fn next(&mut self) -> i32 {
        let id = self.0;
        self.0 += 1;
        id
    }
}

fn id_type() -> Result<TypePtr> {
    Type::primitive_type_builder(ID_COLUMN, Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .with_id(Some(ID_FIELD_ID))
        .build()
        .map(Arc::new)
        .map_err(refused)
}

fn field_types(fields: &[Column], ids: &mut FieldIds) -> Result<Vec<TypePtr>> {
    fields
        .iter()
        .filter(|field| field.column_type != ColumnType::Null)
        .map(|field| node_type(&field.name, &field.column_type, ids))
        .collect()
}

fn node_type(name: &str, column_type: &ColumnType, ids: &mut FieldIds) -> Result<TypePtr> {
    let id = ids.next();
    let (logical, fields) = match column_type {
        ColumnType::Struct(fields) => (None, field_types(fields, ids)?),
        ColumnType::List(element) => {
            let element = node_type("element", element, ids)?;
            let repeated = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![element])
                .build()
                .map_err(refused)?;
            (Some(LogicalType::List), vec![Arc::new(repeated)])
        }
        leaf => return leaf_type(name, leaf, id),
    };
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_fields(fields)
        .with_id(Some(id))
        .build()
        .map(Arc::new)
        .map_err(refused)
}

fn leaf_type(name: &str, column_type: &ColumnType, id: i32) -> Result<TypePtr> {
    let (physical, logical) = physical_and_logical(column_type);
    let mut builder = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .with_id(Some(id));
    if let ColumnType::Decimal { precision, scale, .. } = column_type {
        builder = builder.with_precision(i32::from(*precision)).with_scale(i32::from(*scale));
    }
    if physical == Physical::FIXED_LEN_BYTE_ARRAY {
        builder = builder.with_length(fixed_width(column_type) as i32);
    }
    builder.build().map(Arc::new).map_err(refused)
}

/// Bytes of one value of a FIXED_LEN_BYTE_ARRAY column.
pub(crate) fn fixed_width(column_type: &ColumnType) -> usize {
    match column_type {
        ColumnType::Decimal { precision, .. } => decimal_width(*precision),
        _ => 16,
    }
}

fn physical_and_logical(column_type: &ColumnType) -> (Physical, Option<LogicalType>) {
    let integer = |bits, signed| (Physical::INT32, Some(LogicalType::integer(bits, signed)));
    match column_type {
        ColumnType::Boolean => (Physical::BOOLEAN, None),
        ColumnType::Int8 => integer(8, true),
        ColumnType::Int16 => integer(16, true),
        ColumnType::Int32 => (Physical::INT32, None),
        ColumnType::Int64 => (Physical::INT64, None),
        ColumnType::Uint8 => integer(8, false),
        ColumnType::Uint16 => integer(16, false),
        ColumnType::Uint32 => integer(32, false),
        ColumnType::Float32 => (Physical::FLOAT, None),
        ColumnType::Float64 => (Physical::DOUBLE, None),
        ColumnType::Decimal { precision, scale, .. } => {
            // DECIMAL in INT32 to 9 digits and INT64 to 18: what LogicalTypes.md allows, and smaller.
            let physical = match precision {
                0..=9 => Physical::INT32,
                10..=18 => Physical::INT64,
                _ => Physical::FIXED_LEN_BYTE_ARRAY,
            };
            (physical, Some(LogicalType::decimal(i32::from(*scale), i32::from(*precision))))
        }
        ColumnType::String => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Binary => (Physical::BYTE_ARRAY, None),
        ColumnType::Uuid => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)),
        ColumnType::Date => (Physical::INT32, Some(LogicalType::Date)),
        ColumnType::Timestamp { unit, .. } => {
            let unit = match unit {
                TimeUnit::Millis => ParquetUnit::MILLIS,
                TimeUnit::Micros => ParquetUnit::MICROS,
                TimeUnit::Nanos => ParquetUnit::NANOS,
            };
            (Physical::INT64, Some(LogicalType::timestamp(true, unit)))
        }
        // Null, structs and lists are no leaves: their callers never ask.
        ColumnType::Json | ColumnType::Null | ColumnType::Struct(_) | ColumnType::List(_) => {
            (Physical::BYTE_ARRAY, Some(LogicalType::Json))
        }
    }
}

fn refused(error: parquet::errors::ParquetError) -> Error {
    Error::settings(format!("Parquet cannot hold this schema: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_take_the_fewest_bytes_that_hold_them() {
        for (precision, width) in [(19, 9), (20, 9), (21, 9), (22, 10), (28, 12), (38, 16)] {
            assert_eq!(decimal_width(precision), width, "precision {precision}");
        }
    }
}
