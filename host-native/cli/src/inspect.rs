//! `coldpress inspect`: shows the schema and the layout of an object.

use std::collections::BTreeSet;
use std::io;
use std::io::Write;

use clap::Args;
use coldpress_core::{ChunkReport, FileReport, ParquetFile, Rescued, RowGroupReport};
use serde_json::{Map, Value, json};

use super::failure::{Failure, one_line};
use super::store::StoreArgs;
use super::text::{Column, Table, counted, human_bytes, human_count, line_width};
use super::{fetch, tree};

/// Indent of everything under a heading.
const INDENT: &str = "  ";
/// Metadata that is shown in words, or as a tree.
const METADATA_TOLD: [&str; 5] = [
    "coldpress.schema",
    "coldpress.tenant",
    "coldpress.collection",
    "coldpress.min_lsn",
    "coldpress.max_lsn",
];

/// Show an object's schema, row groups, encodings and sizes
///
/// It also counts the rescued values. If headers of pages, indexes, bloom filters or rescued values
/// are damaged, this shows what the footer says, and ends with exit code 1. `verify` also reads
/// the values
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The key of an object, or the path of a local Parquet file that coldpress made
    #[arg(value_name = "KEY")]
    key: String,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
}

/// Runs `coldpress inspect`.
pub fn run(args: &InspectArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let bytes = fetch::fetch(store_args, &args.key)?;
    let size = bytes.len() as u64;
    let in_file = |error| Failure::run(format_args!("{}: {error}", args.key));
    let file = coldpress::quietly(|| ParquetFile::open(bytes)).map_err(in_file)?;
    // An error in the outline says more than one in the pages.
    let checked = coldpress::quietly(|| file.check_outline().and_then(|()| file.rescued()));
    let (rescued, checked) = match checked {
        Ok(rescued) => (Some(rescued), Ok(())),
        Err(error) => (None, Err(error)),
    };
    let inspected = Inspected { key: &args.key, size, report: file.report(), file, rescued };
    let mut out = Vec::new();
    if args.json {
        writeln!(out, "{}", inspected.json())
    } else {
        inspected.write_text(&mut out, line_width())
    }
    .and_then(|()| io::stdout().write_all(&out))
    .map_err(Failure::output)?;
    checked.map_err(in_file)
}

struct Inspected<'a> {
    key: &'a str,
    size: u64,
    file: ParquetFile,
    report: FileReport,
    /// `None` if the file is damaged.
    rescued: Option<Vec<Rescued>>,
}

impl Inspected<'_> {
    fn write_text(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        writeln!(out, "{}", one_line(self.key))?;
        self.facts().write(out, INDENT, width)?;
        writeln!(out, "\nschema")?;
        let chunks = self.report.row_groups.first().map_or(&[][..], |group| &group.chunks);
        tree::table(self.file.footer(), chunks).write(out, INDENT, width)?;
        for (number, group) in self.report.row_groups.iter().enumerate() {
            write_row_group(out, number, group, width)?;
        }
        write_rescued(out, self.rescued.as_deref().unwrap_or_default(), width)
    }

    fn facts(&self) -> Table {
        let mut table = Table::new([Column::words(""), Column::words("").or_cut()]);
        let mut line = |name: &str, value: String| table.push([name.to_owned(), value]);
        let groups = counted(self.report.row_groups.len() as u64, "row group");
        line("rows", format!("{} in {groups}", human_count(self.file.rows_count())));
        line("size", human_bytes(self.size));
        line("tenant", self.file.tenant_id().to_string());
        line("collection", self.file.collection().to_owned());
        line("LSNs", self.file.lsns().to_string());
        line("created by", self.report.created_by.clone());
        for (name, value) in &self.report.metadata {
            if !METADATA_TOLD.contains(&name.as_str()) {
                line(name, value.clone());
            }
        }
        table
    }

    fn json(&self) -> Value {
        let metadata: Map<String, Value> =
            self.report.metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let schema = self.file.schema().to_json();
        json!({
            "key": self.key,
            "bytes": self.size,
            "rows": self.file.rows_count(),
            "tenant_id": self.file.tenant_id(),
            "collection": self.file.collection(),
            "min_lsn": self.file.lsns().min(),
            "max_lsn": self.file.lsns().max(),
            "created_by": self.report.created_by,
            "metadata": metadata,
            "schema": serde_json::from_str::<Value>(&schema).unwrap_or(Value::String(schema)),
            "rescued": self.rescued,
            "row_groups": self.report.row_groups,
        })
    }
}

fn write_rescued(out: &mut dyn Write, rescued: &[Rescued], width: usize) -> io::Result<()> {
    if rescued.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        Column::words("rescued values of").or_cut(),
        Column::numbers("not in the column"),
        Column::numbers("in the column, in another form"),
    ]);
    for Rescued { path, count, other_form } in rescued {
        let counts = [human_count(count - other_form), human_count(*other_form)];
        table.push([path.clone()].into_iter().chain(counts));
    }
    writeln!(out)?;
    table.write(out, INDENT, width)
}

fn write_row_group(
    out: &mut dyn Write,
    number: usize,
    group: &RowGroupReport,
    width: usize,
) -> io::Result<()> {
    let compressed: u64 = group.chunks.iter().map(|chunk| chunk.compressed_bytes).sum();
    let raw: u64 = group.chunks.iter().map(|chunk| chunk.uncompressed_bytes).sum();
    let codecs: BTreeSet<&str> = group.chunks.iter().map(|chunk| chunk.codec.as_str()).collect();
    writeln!(
        out,
        "\nrow group {number}: {}, {} ({} uncompressed), {}",
        counted(group.rows, "row"),
        human_bytes(compressed),
        human_bytes(raw),
        one_line(&Vec::from_iter(codecs.iter().copied()).join(" and "))
    )?;
    let mut storage = STORAGE.to_vec();
    if codecs.len() > 1 {
        storage.insert(1, CODEC);
    }
    let all = chunk_table(group, &[&[NAME], &storage[..], &STATISTICS].concat());
    if all.fits(width.saturating_sub(INDENT.len())) {
        return all.write(out, INDENT, width);
    }
    // So many columns seldom fit, and cells cut to a few letters tell nothing. So there are two
    // tables: first how each column is stored, then what its values are.
    chunk_table(group, &[&[NAME], &storage[..]].concat()).write(out, INDENT, width)?;
    writeln!(out)?;
    chunk_table(group, &[&[NAME][..], &STATISTICS].concat()).write(out, INDENT, width)
}

/// A fact about each column chunk: one column of the table.
#[derive(Clone, Copy)]
struct Fact {
    column: Column,
    show: fn(&ChunkReport) -> String,
}

const NAME: Fact =
    Fact { column: Column::words("column").or_cut(), show: |chunk| chunk.column.clone() };

/// Shown only if the chunks have different codecs.
const CODEC: Fact = Fact { column: Column::words("codec"), show: |chunk| chunk.codec.clone() };

const STORAGE: [Fact; 5] = [
    Fact { column: Column::words("type").or_cut(), show: parquet_type },
    Fact { column: Column::words("encodings").or_cut(), show: encodings },
    Fact {
        column: Column::numbers("compressed"),
        show: |chunk| human_bytes(chunk.compressed_bytes),
    },
    Fact {
        column: Column::numbers("uncompressed"),
        show: |chunk| human_bytes(chunk.uncompressed_bytes),
    },
    Fact { column: Column::words("indexes"), show: indexes },
];

const STATISTICS: [Fact; 4] = [
    Fact { column: Column::numbers("values"), show: |chunk| human_count(chunk.values) },
    Fact {
        column: Column::numbers("nulls"),
        show: |chunk| chunk.nulls.map(human_count).unwrap_or_default(),
    },
    Fact {
        column: Column::words("min").or_cut(),
        show: |chunk| chunk.min.clone().unwrap_or_default(),
    },
    Fact {
        column: Column::words("max").or_cut(),
        show: |chunk| chunk.max.clone().unwrap_or_default(),
    },
];

fn chunk_table(group: &RowGroupReport, facts: &[Fact]) -> Table {
    let mut table = Table::new(facts.iter().map(|fact| fact.column).collect::<Vec<_>>());
    for chunk in &group.chunks {
        table.push(facts.iter().map(|fact| (fact.show)(chunk)));
    }
    table
}

/// The logical type if there is one, because it says more.
fn parquet_type(chunk: &ChunkReport) -> String {
    match chunk.logical_type.as_str() {
        "" => chunk.physical_type.clone(),
        logical => logical.to_owned(),
    }
}

/// The encodings of the values. Every list has RLE, for the levels. Only booleans have values in
/// RLE.
fn encodings(chunk: &ChunkReport) -> String {
    let levels_only =
        |name: &str| name == "RLE" && chunk.encodings.len() > 1 && chunk.physical_type != "BOOLEAN";
    let names: Vec<&str> =
        chunk.encodings.iter().map(String::as_str).filter(|name| !levels_only(name)).collect();
    names.join(" ")
}

fn indexes(chunk: &ChunkReport) -> String {
    // Parquet calls the two of them together the page index.
    let page = match (chunk.column_index, chunk.offset_index) {
        (true, true) => Some("page"),
        (true, false) => Some("column"),
        (false, true) => Some("offset"),
        (false, false) => None,
    };
    let bloom = chunk.bloom_filter.then_some("bloom");
    bloom.into_iter().chain(page).collect::<Vec<_>>().join(" ")
}
