//! Writes the rows of an answer.

use std::io::Write;

use coldpress_core::json::write_string;
use coldpress_sql::JsonColumn;
use coldpress_sql::datafusion::arrow::array::RecordBatch;
use coldpress_sql::datafusion::arrow::datatypes::SchemaRef;
use coldpress_sql::datafusion::parquet::arrow::ArrowWriter;
use coldpress_sql::datafusion::parquet::basic::{Compression, ZstdLevel};
use coldpress_sql::datafusion::parquet::errors::ParquetError;
use coldpress_sql::datafusion::parquet::file::properties::WriterProperties;

use super::format::Format;
use super::output::Open;
use crate::failure::{Failure, one_line};
use crate::text::{Column, Table, line_width};

/// The most rows of a table: it is held in memory, because its widest cell may be the last one.
const TABLE_ROWS_MAX: usize = 1_000;

/// Writes the batches of one answer.
pub struct Writer {
    schema: SchemaRef,
    kind: Kind,
}

enum Kind {
    /// The lines of a plan.
    Plan,
    Table(Vec<Vec<String>>),
    Csv,
    Ndjson(Vec<String>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl Writer {
    /// A writer of rows with these columns. If they are a plan, people read it.
    pub fn new(
        format: Format,
        is_plan: bool,
        schema: SchemaRef,
        out: &mut Open,
    ) -> Result<Self, Failure> {
        let names = || schema.fields().iter().map(|field| field.name().clone());
        let kind = match format {
            Format::Table if is_plan => Kind::Plan,
            Format::Table => Kind::Table(Vec::new()),
            Format::Csv => {
                let header: Vec<String> = names().map(|name| csv(&name)).collect();
                writeln!(out, "{}", header.join(",")).map_err(|error| out.failed(error))?;
                Kind::Csv
            }
            Format::Ndjson => Kind::Ndjson(names().map(|name| json_key(&name)).collect()),
            Format::Parquet => {
                let codec = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(codec).build();
                let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(|error| unencodable(&error))?))
            }
        };
        Ok(Writer { schema, kind })
    }

    /// Writes a batch; false if no more rows are wanted.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Open) -> Result<bool, Failure> {
        if let Kind::Parquet(writer) = &mut self.kind {
            writer.write(batch).map_err(|error| unencodable(&error))?;
            let encoded = std::mem::take(writer.inner_mut());
            out.write_all(&encoded).map_err(|error| out.failed(error))?;
            return Ok(true);
        }
        let columns: Vec<JsonColumn> = batch
            .columns()
            .iter()
            .map(JsonColumn::new)
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::run(format_args!("cannot print a value: {error}")))?;
        let mut line = String::new();
        for row in 0..batch.num_rows() {
            line.clear();
            match &mut self.kind {
                Kind::Table(rows) if rows.len() == TABLE_ROWS_MAX => return Ok(false),
                Kind::Table(rows) => {
                    rows.push(columns.iter().map(|column| cell(column, row)).collect());
                    continue;
                }
                Kind::Plan => plan_lines(&columns, row, &mut line),
                Kind::Csv => csv_line(&columns, row, &mut line),
                Kind::Ndjson(names) => json_line(names, &columns, row, &mut line),
                Kind::Parquet(_) => {}
            }
            writeln!(out, "{line}").map_err(|error| out.failed(error))?;
        }
        Ok(true)
    }

    /// Writes what is left.
    pub fn finish(self, out: &mut Open) -> Result<(), Failure> {
        match self.kind {
            Kind::Plan | Kind::Csv | Kind::Ndjson(_) => {}
            Kind::Table(rows) => {
                let is_cut = rows.len() == TABLE_ROWS_MAX;
                table(&self.schema, rows, out)?;
                if is_cut {
                    // If standard error is closed, the rows are there nevertheless.
                    let _ = writeln!(
                        std::io::stderr(),
                        "note: a table shows 1,000 rows at most; --format csv and ndjson print all"
                    );
                }
            }
            Kind::Parquet(writer) => {
                let rest = writer.into_inner().map_err(|error| unencodable(&error))?;
                out.write_all(&rest).map_err(|error| out.failed(error))?;
            }
        }
        out.flush().map_err(|error| out.failed(error))
    }
}

fn unencodable(error: &ParquetError) -> Failure {
    Failure::run(format_args!(
        "cannot write the rows as Parquet: {error}; cast the columns in the statement"
    ))
}

fn table(schema: &SchemaRef, rows: Vec<Vec<String>>, out: &mut Open) -> Result<(), Failure> {
    let columns: Vec<Column> = schema
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            kind if kind.is_numeric() => Column::numbers(""),
            _ => Column::words("").or_cut(),
        })
        .collect();
    let mut table = Table::new(columns);
    let names: Vec<String> = schema.fields().iter().map(|field| one_line(field.name())).collect();
    let widths = names.iter().enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| one_line(&row[at]).chars().count());
        cells.max().unwrap_or(0).max(name.chars().count())
    });
    let rules: Vec<String> = widths.map(|width| "─".repeat(width)).collect();
    table.push(names);
    table.push(rules);
    rows.into_iter().for_each(|row| table.push(row));
    table.write(out, "", line_width()).map_err(|error| out.failed(error))
}

fn cell(column: &JsonColumn, row: usize) -> String {
    let mut text = String::new();
    match column.is_null(row) {
        true => text.push_str("null"),
        false => column.write_text(row, &mut text),
    }
    text
}

/// A plan: what kind it is, and its lines as they are.
fn plan_lines(columns: &[JsonColumn], row: usize, out: &mut String) {
    let texts: Vec<String> = columns.iter().map(|column| cell(column, row)).collect();
    let lines = texts.join("\n");
    for (at, line) in lines.trim_end().lines().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&one_line(line));
    }
}

fn csv_line(columns: &[JsonColumn], row: usize, out: &mut String) {
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if !column.is_null(row) {
            out.push_str(&csv(&cell(column, row)));
        }
    }
}

/// A text as a field of RFC 4180.
fn csv(text: &str) -> String {
    let is_plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']);
    if is_plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn json_key(name: &str) -> String {
    let mut key = String::new();
    write_string(&mut key, name);
    key.push(':');
    key
}

fn json_line(names: &[String], columns: &[JsonColumn], row: usize, out: &mut String) {
    out.push('{');
    for (at, (name, column)) in names.iter().zip(columns).enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(name);
        column.write(row, out);
    }
    out.push('}');
}
