//! Writes the rows of an answer.

use std::collections::HashSet;
use std::io;
use std::io::Write;
use std::sync::Arc;

use coldpress_core::json::write_string;
use coldpress_sql::JsonColumn;
use coldpress_sql::datafusion::arrow::array::RecordBatch;
use coldpress_sql::datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
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
    Parquet(Box<ArrowWriter<Vec<u8>>>, SchemaRef),
}

impl Writer {
    /// A writer of rows with these columns. If they are a plan, people read it.
    pub fn new(
        format: Format,
        is_plan: bool,
        schema: SchemaRef,
        out: &mut Open,
    ) -> Result<Self, Failure> {
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(match format {
            Format::Table if is_plan => Writer::Plan,
            Format::Table => Writer::Table(Aligned::new(names)),
            Format::Csv => {
                let header = csv_line(&names);
                out.write_all(header.as_bytes()).map_err(|error| out.failed(error))?;
                Writer::Csv
            }
            Format::Ndjson => {
                Writer::Ndjson(each_once(names).iter().map(|name| json_key(name)).collect())
            }
            Format::Parquet => {
                let named =
                    |(field, name): (&FieldRef, String)| field.as_ref().clone().with_name(name);
                let fields = schema.fields().iter().zip(each_once(names)).map(named);
                let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
                let codec = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(codec).build();
                let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties));
                Writer::Parquet(Box::new(writer.map_err(|error| unencodable(&error))?), schema)
            }
        })
    }

    /// Writes a batch.
    pub fn write(&mut self, batch: &RecordBatch, out: &mut Open) -> Result<(), Failure> {
        if let Writer::Parquet(writer, schema) = self {
            let batch = RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec());
            let written = batch.map_err(ParquetError::from).and_then(|batch| writer.write(&batch));
            written.map_err(|error| unencodable(&error))?;
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
            Writer::Parquet(..) => Ok(()),
        }
    }

    /// Writes what is left.
    pub fn finish(self, out: &mut Open) -> Result<(), Failure> {
        match self {
            Writer::Plan | Writer::Csv | Writer::Ndjson(_) => {}
            Writer::Table(mut table) => table.end(out).map_err(|error| out.failed(error))?,
            Writer::Parquet(writer, _) => {
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

/// The names, each with a number behind it that it needs to be the only one of its kind. A join
/// gives two columns `_id`, of which readers of JSON and of Parquet would lose one.
fn each_once(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut seen = HashSet::new();
    let mut once = |name: String| {
        if seen.insert(name.clone()) {
            return name;
        }
        let mut numbered = (1_u64..).map(|number| format!("{name}_{number}"));
        let free = numbered.find(|name| taken.insert(name.clone()));
        free.unwrap_or(name)
    };
    names.into_iter().map(&mut once).collect()
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
