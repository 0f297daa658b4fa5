//! The baseline: what the project that Coldpress grew out of did, kept so that progress has a zero.
//!
//! Types come from the first row alone, every value is cloned into its column, and the columns
//! become arrow arrays for parquet's `ArrowWriter`. It loses data, which is why it is only a
//! baseline.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::Result;

/// The rows of one row group.
const ROW_GROUP_ROWS: usize = 65_536;

/// One zstd Parquet file of `rows`.
///
/// # Errors
///
/// Where there is no row, the first is no object, or a writer fails.
#[inline(never)] // A profiler finds the work by this name.
pub fn encode(rows: &[(String, Value)]) -> Result<Vec<u8>> {
    let Some((_, Value::Object(first))) = rows.first() else {
        return Err("the baseline needs a first row that is an object".into());
    };
    let mut fields = vec![Field::new("_id", DataType::Utf8, false)];
    fields.extend(first.iter().map(|(name, value)| Field::new(name, data_type(value), true)));

    // Ids and values are cloned, and texts once more below: that is the algorithm, so it stays.
    let ids: Vec<String> = rows.iter().map(|(id, _)| id.clone()).collect();
    let mut columns: Vec<Vec<Value>> =
        (0..first.len()).map(|_| Vec::with_capacity(rows.len())).collect();
    for (_, document) in rows {
        for (name, column) in first.keys().zip(&mut columns) {
            column.push(document.get(name).cloned().unwrap_or(Value::Null));
        }
    }
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(StringArray::from(ids))];
    arrays.extend(fields[1..].iter().zip(&columns).map(|(field, column)| array(field, column)));

    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

fn data_type(value: &Value) -> DataType {
    match value {
        Value::Number(number) if number.is_i64() => DataType::Int64,
        Value::Number(_) => DataType::Float64,
        _ => DataType::Utf8,
    }
}

fn array(field: &Field, column: &[Value]) -> ArrayRef {
    match field.data_type() {
        DataType::Int64 => Arc::new(column.iter().map(Value::as_i64).collect::<Int64Array>()),
        DataType::Float64 => Arc::new(column.iter().map(Value::as_f64).collect::<Float64Array>()),
        _ => Arc::new(StringArray::from(column.iter().map(text).collect::<Vec<_>>())),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_holds_the_rows_of_the_first_rows_types() {
        let rows: Vec<_> = (0..70_000)
            .map(|n| (format!("id-{n}"), json!({"a": n, "b": f64::from(n) + 0.5, "c": n % 2 == 0})))
            .collect();
        let file = SerializedFileReader::new(Bytes::from(encode(&rows).unwrap())).unwrap();
        assert_eq!(file.metadata().num_row_groups(), 2);
        let row = file.get_row_iter(None).unwrap().nth(69_999).unwrap().unwrap();
        let fields: Vec<_> = row.get_column_iter().map(|(_, field)| field.to_string()).collect();
        assert_eq!(fields, ["\"id-69999\"", "69999", "69999.5", "\"false\""]);
    }

    #[test]
    fn a_first_row_that_is_no_object_is_an_error() {
        assert!(encode(&[]).is_err());
        assert!(encode(&[("a".into(), json!(1))]).is_err());
    }
}
