//! INT96, in which old writers have instants. Its range is that of years without end, so it is read
//! as microseconds: nanoseconds end in the year 2262, and Spark writes 9999-12-31 for "never".

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};
use parquet::basic::Type;
use parquet::schema::types::SchemaDescriptor;

/// The fields, with microseconds where the file has INT96.
pub(super) fn in_microseconds(fields: &Fields, schema: &SchemaDescriptor) -> Fields {
    match schema.columns().iter().any(|column| column.physical_type() == Type::INT96) {
        true => each(fields, schema, &mut 0),
        false => fields.clone(),
    }
}

fn each(fields: &Fields, schema: &SchemaDescriptor, leaf: &mut usize) -> Fields {
    fields.iter().map(|field| one(field, schema, leaf)).collect()
}

/// `leaf`: the number of its first leaf; then of the next one. It calls itself, and the depth of a
/// schema is bounded.
fn one(field: &FieldRef, schema: &SchemaDescriptor, leaf: &mut usize) -> FieldRef {
    let mut below = |field: &FieldRef| one(field, schema, leaf);
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(each(fields, schema, leaf)),
        DataType::List(element) => DataType::List(below(element)),
        DataType::LargeList(element) => DataType::LargeList(below(element)),
        DataType::FixedSizeList(element, size) => DataType::FixedSizeList(below(element), *size),
        DataType::Map(entries, sorted) => DataType::Map(below(entries), *sorted),
        data_type => {
            let column = schema.columns().get(*leaf);
            *leaf += 1;
            match (data_type, column.map(|column| column.physical_type())) {
                (DataType::Timestamp(TimeUnit::Nanosecond, zone), Some(Type::INT96)) => {
                    DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
                }
                (data_type, _) => data_type.clone(),
            }
        }
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}
