//! The Parquet schema of a file, written as Parquet's specification demands.
//!
//! Lists take the three-level form of `LogicalTypes.md`.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit as ParquetUnit, Type as Physical};
use parquet::schema::types::{Type, TypePtr};

use super::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN, Schema, TimeUnit};
use crate::{Error, Result};

/// How a version of our format writes a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TreeForm {
    /// Version 1: every node has a field id. `_id` has 1, `_rescued_data` has 2, the other nodes
    /// count from 3 in pre-order. JSON columns have the JSON logical type.
    #[cfg(feature = "decode")]
    Numbered,
    /// Version 2: the file has the field ids that the schema states. JSON columns have the STRING
    /// logical type, which every engine reads.
    Stated,
}

/// The root of the Parquet schema for `schema`; without `_id` if the ids are `named`, and with
/// `_rescued_data` if `rescued`.
pub(crate) fn file_type(
    schema: &Schema,
    named: bool,
    rescued: bool,
    form: TreeForm,
) -> Result<TypePtr> {
    let mut tree = Tree {
        form,
        #[cfg(feature = "decode")]
        next_id: FIRST_FIELD_ID,
    };
    let own = match form {
        TreeForm::Stated => [schema.own_ids.id, schema.own_ids.rescued],
        #[cfg(feature = "decode")]
        TreeForm::Numbered => [Some(1), Some(2)],
    };
    let mut fields = match named {
        false => vec![id_type(own[0])?],
        true => Vec::new(),
    };
    fields.extend(tree.fields(&schema.columns)?);
    if rescued {
        fields.push(tree.leaf(RESCUED_COLUMN, &ColumnType::Json, own[1])?);
    }
    let root = Type::group_type_builder("schema").with_fields(fields).build().map_err(refused)?;
    Ok(Arc::new(root))
}

/// The first id that version 1 gives to a column of the documents.
#[cfg(feature = "decode")]
const FIRST_FIELD_ID: i32 = 3;

/// The bytes of a decimal of this precision in a FIXED_LEN_BYTE_ARRAY; the precision is above 18.
pub(crate) fn decimal_width(precision: u8) -> usize {
    // The smallest n with 10^precision <= 2^(8n - 1).
    let bits = f64::from(precision) * std::f64::consts::LOG2_10 + 1.0;
    (bits / 8.0).ceil() as usize
}

/// Builds the nodes of a Parquet schema, in one form.
struct Tree {
    form: TreeForm,
    /// The id of the next node in the numbered form.
    #[cfg(feature = "decode")]
    next_id: i32,
}

impl Tree {
    /// The id of the next node. `stated` is the id that the schema states for it.
    fn id(&mut self, stated: Option<i32>) -> Option<i32> {
        match self.form {
            TreeForm::Stated => stated,
            #[cfg(feature = "decode")]
            TreeForm::Numbered => {
                let id = self.next_id;
                self.next_id += 1;
                Some(id)
            }
        }
    }

    fn fields(&mut self, fields: &[Column]) -> Result<Vec<TypePtr>> {
        fields
            .iter()
            .filter(|field| field.column_type != ColumnType::Null)
            .map(|field| self.node(&field.name, &field.column_type, field.field_id))
            .collect()
    }

    fn node(
        &mut self,
        name: &str,
        column_type: &ColumnType,
        stated: Option<i32>,
    ) -> Result<TypePtr> {
        let id = self.id(stated);
        let (logical, fields) = match column_type {
            ColumnType::Struct(fields) => (None, self.fields(fields)?),
            ColumnType::List(element) => {
                let element = self.node("element", &element.column_type, element.field_id)?;
                let repeated = Type::group_type_builder("list")
                    .with_repetition(Repetition::REPEATED)
                    .with_fields(vec![element])
                    .build()
                    .map_err(refused)?;
                (Some(LogicalType::List), vec![Arc::new(repeated)])
            }
            leaf => return self.leaf(name, leaf, id),
        };
        Type::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_fields(fields)
            .with_id(id)
            .build()
            .map(Arc::new)
            .map_err(refused)
    }

    fn leaf(&self, name: &str, column_type: &ColumnType, id: Option<i32>) -> Result<TypePtr> {
        let (physical, logical) = physical_and_logical(column_type, self.form);
        let mut builder = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .with_id(id);
        if let ColumnType::Decimal { precision, scale, .. } = column_type {
            builder = builder.with_precision(i32::from(*precision)).with_scale(i32::from(*scale));
        }
        if physical == Physical::FIXED_LEN_BYTE_ARRAY {
            builder = builder.with_length(fixed_width(column_type) as i32);
        }
        builder.build().map(Arc::new).map_err(refused)
    }
}

fn id_type(id: Option<i32>) -> Result<TypePtr> {
    Type::primitive_type_builder(ID_COLUMN, Physical::BYTE_ARRAY)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::String))
        .with_id(id)
        .build()
        .map(Arc::new)
        .map_err(refused)
}

/// The bytes of one value of a FIXED_LEN_BYTE_ARRAY column.
pub(crate) fn fixed_width(column_type: &ColumnType) -> usize {
    match column_type {
        ColumnType::Decimal { precision, .. } => decimal_width(*precision),
        _ => 16,
    }
}

fn physical_and_logical(
    column_type: &ColumnType,
    form: TreeForm,
) -> (Physical, Option<LogicalType>) {
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
            // LogicalTypes.md allows DECIMAL in INT32 up to 9 digits and in INT64 up to 18. They
            // are smaller.
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
        // Null, structs and lists are not leaves, so no caller asks for them.
        ColumnType::Json | ColumnType::Null | ColumnType::Struct(_) | ColumnType::List(_) => {
            let logical = match form {
                TreeForm::Stated => LogicalType::String,
                #[cfg(feature = "decode")]
                TreeForm::Numbered => LogicalType::Json,
            };
            (Physical::BYTE_ARRAY, Some(logical))
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
