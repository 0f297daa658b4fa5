//! Writes the rows of an answer.

use std::io;
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
use crate::cells::{Aligned, csv_line};
use crate::failure::{Failure, one_line};

/// Writes the batches of one answer.
pub enum Writer {
    /// The lines of a plan.
    Plan,
    Table(Aligned),
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
        Ok(match format {
            Format::Table if is_plan => Writer::Plan,
            Format::Table => Writer::Table(Aligned::new(names().collect())),
            Format::Csv => {
                let header = csv_line(&names().collect::<Vec<_>>());
                out.write_all(header.as_bytes()).map_err(|error| out.failed(error))?;
                Writer::Csv
            }
            Format::Ndjson => Writer::Ndjson(names().map(|name| json_key(&name)).collect()),
            Format::Parquet => {
                let codec = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(codec).build();
                let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties));
                Writer::Parquet(Box::new(writer.map_err(|error| unencodable(&error))?))
            }
        })
    }

    /// Writes a batch.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Open) -> Result<(), Failure> {
        if let Writer::Parquet(writer) = self {
            writer.write(batch).map_err(|error| unencodable(&error))?;
            let encoded = std::mem::take(writer.inner_mut());
            out.write_all(&encoded).map_err(|error| out.failed(error))?;
            return Ok(());
        }
        let columns: Vec<JsonColumn> = batch
            .columns()
            .iter()
            .map(JsonColumn::new)
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::run(format_args!("cannot print a value: {error}")))?;
        for row in 0..batch.num_rows() {
            self.row(&columns, row, out).map_err(|error| out.failed(error))?;
        }
        Ok(())
    }

    fn row(&mut self, columns: &[JsonColumn], row: usize, out: &mut Open) -> io::Result<()> {
        let cells = || columns.iter().map(|column| cell(column, row)).collect::<Vec<_>>();
        match self {
            Writer::Plan => write_plan(&cells(), out),
            Writer::Table(table) => table.row(cells(), out),
            Writer::Csv => out.write_all(csv_line(&cells()).as_bytes()),
            Writer::Ndjson(names) => {
                let mut line = String::new();
                json_line(names, columns, row, &mut line);
                writeln!(out, "{line}")
            }
            Writer::Parquet(_) => Ok(()),
        }
    }

    /// Writes what is left.
    pub fn finish(self, out: &mut Open) -> Result<(), Failure> {
        match self {
            Writer::Plan | Writer::Csv | Writer::Ndjson(_) => {}
            Writer::Table(mut table) => table.end(out).map_err(|error| out.failed(error))?,
            Writer::Parquet(writer) => {
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

/// A value as text; a null is empty.
fn cell(column: &JsonColumn, row: usize) -> String {
    let mut text = String::new();
    if !column.is_null(row) {
        column.write_text(row, &mut text);
    }
    text
}

/// A plan: what kind it is, and its lines as they are.
fn write_plan(texts: &[String], out: &mut Open) -> io::Result<()> {
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.filter(|line| !line.is_empty()).try_for_each(|line| writeln!(out, "{}", one_line(line)))
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
