//! What footers say of a table's columns, for the optimizer.

use std::sync::Arc;

use coldpress::Footer;
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::file::metadata::ParquetMetaData;

use crate::convert::{are_instants, casts_suffice};
use crate::facts::FileFacts;
use crate::types::{is_nested, is_text, viewed_schema};

/// What a footer says of the file's own columns.
pub(crate) fn of_file(footer: Footer, metadata: &ParquetMetaData) -> Result<FileFacts> {
    let schema = parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None)?;
    let schema = Arc::new(viewed_schema(&schema));
    let found = DFParquetMetadata::statistics_from_parquet_metadata(metadata, &schema)?;
    let fields = schema.fields().iter();
    let columns = fields
        .zip(found.column_statistics)
        .map(|(field, found)| match is_nested(field.data_type()) {
            // Parquet has statistics of leaves only.
            true => ColumnStatistics::new_unknown(),
            false => ColumnStatistics { distinct_count: Precision::Absent, ..bounded(found) },
        })
        .collect();
    let bytes: i64 = metadata.row_groups().iter().map(|group| group.total_byte_size()).sum();
    let plain_bytes = usize::try_from(bytes).unwrap_or_default();
    Ok(FileFacts { footer, schema, columns, plain_bytes })
}

/// Bounds that are null say nothing. Those that are a zero do not say its sign.
fn bounded(mut of: ColumnStatistics) -> ColumnStatistics {
    for bound in [&mut of.min_value, &mut of.max_value] {
        let is_zero = match bound.get_value() {
            Some(value) if value.is_null() => {
                *bound = Precision::Absent;
                continue;
            }
            Some(ScalarValue::Float64(Some(value))) => *value == 0.0,
            Some(ScalarValue::Float32(Some(value))) => *value == 0.0,
            _ => false,
        };
        if is_zero {
            *bound = std::mem::take(bound).to_inexact();
        }
    }
    of
}

/// What the file says of the columns of the table.
pub(crate) fn of_table_columns(facts: &FileFacts, table: &SchemaRef) -> Statistics {
    let rows = rows(facts);
    let column = |(name, to): (&str, &DataType)| match facts.schema.index_of(name) {
        Ok(at) => in_type(&facts.columns[at], facts.schema.field(at).data_type(), to),
        Err(_) => {
            let null_count = Precision::Exact(rows);
            ColumnStatistics { null_count, ..ColumnStatistics::new_unknown() }
        }
    };
    let columns = table.fields().iter().map(|field| (field.name().as_str(), field.data_type()));
    Statistics {
        num_rows: Precision::Exact(rows),
        total_byte_size: Precision::Inexact(facts.plain_bytes),
        column_statistics: columns.map(column).collect(),
    }
}

fn rows(facts: &FileFacts) -> usize {
    usize::try_from(facts.footer.rows_count()).unwrap_or(usize::MAX)
}

fn in_type(of: &ColumnStatistics, from: &DataType, to: &DataType) -> ColumnStatistics {
    if from == to {
        return of.clone();
    }
    let null_count = of.null_count;
    let unknown = ColumnStatistics { null_count, ..ColumnStatistics::new_unknown() };
    let widens = casts_suffice(from, to) || are_instants(from, to);
    if is_text(to) || is_nested(to) || !widens {
        return unknown;
    }
    // Numbers and instants only become wider, so their order and their values stay.
    let cast = |bound: &Precision<ScalarValue>| match bound {
        Precision::Exact(value) => value.cast_to(to).map(Precision::Exact).unwrap_or_default(),
        Precision::Inexact(value) => value.cast_to(to).map(Precision::Inexact).unwrap_or_default(),
        Precision::Absent => Precision::Absent,
    };
    let (min_value, max_value) = (cast(&of.min_value), cast(&of.max_value));
    ColumnStatistics { min_value, max_value, ..unknown }
}

/// The statistics of files together.
///
/// DataFusion's own merging makes the bounds of a column unknown if one file has only nulls there,
/// as every file has that lacks the column.
pub(crate) fn merged<'s>(
    files: impl Iterator<Item = &'s Statistics> + Clone,
    table: &Schema,
) -> Statistics {
    let mut merged = Statistics::new_unknown(table);
    merged.num_rows = sum(files.clone().map(|file| file.num_rows));
    merged.total_byte_size = sum(files.clone().map(|file| file.total_byte_size));
    for (at, column) in merged.column_statistics.iter_mut().enumerate() {
        column.null_count = sum(files.clone().map(|file| file.column_statistics[at].null_count));
        let with_values = files.clone().filter(|file| {
            file.column_statistics[at].null_count != file.num_rows
                || file.num_rows.is_exact() != Some(true)
        });
        let columns = with_values.map(|file| &file.column_statistics[at]);
        let min = columns.clone().map(|column| column.min_value.clone());
        let max = columns.map(|column| column.max_value.clone());
        column.min_value = min.reduce(|a, b| a.min(&b)).unwrap_or_default();
        column.max_value = max.reduce(|a, b| a.max(&b)).unwrap_or_default();
    }
    merged
}

fn sum(counts: impl Iterator<Item = Precision<usize>>) -> Precision<usize> {
    counts.reduce(|a, b| a.add(&b)).unwrap_or(Precision::Exact(0))
}
