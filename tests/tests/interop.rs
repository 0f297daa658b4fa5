//! Files that strangers read: every codec, type, encoding, and odd name, through nine engines. The
//! scripts in `interop/` compare each value with the source. `docs/engines.md` says what each
//! engine makes of each file. A difference is a failure, until `cargo xtask bless` renews the page.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "interop/cases.rs"]
mod cases;
#[path = "interop/names.rs"]
mod names;
#[path = "interop/page.rs"]
mod page;
#[path = "interop/source.rs"]
mod source;
#[path = "interop/types.rs"]
mod types;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use cases::{Case, Section};
use coldpress_core::{
    Codec, ColumnType, Encoder, Encodings, FileReport, KeyPrefix, LsnRange, LsnWidth, Names,
    ParquetFile, Target,
};
use coldpress_tests::tools;
use page::{Answer, Engine};
use serde_json::{Value, json};

/// The page, and the lines between which it is measured.
const PAGE: &str = "docs/engines.md";
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

#[test]
fn each_engine_reads_what_its_column_of_the_page_says() {
    let folder = tempfile::tempdir().unwrap();
    let cases = write_cases(folder.path());
    thread::scope(|scope| {
        // Each JVM beside the others: the half that waits for it is not idle.
        let spark = scope.spawn(|| ["3", "4"].map(|version| ask_spark(folder.path(), version)));
        ask_python(&tools::python().unwrap(), folder.path(), "engines");
        ask_hyparquet(folder.path());
        spark.join().unwrap();
    });
    let engines = page::engines(folder.path());
    assert_all_answered(&cases, &engines);
    let measured = page::write(&cases, &engines);
    hold_promises(&cases, &engines);
    compare_page(&measured);
}

/// What the files say of themselves, seen by pyarrow and DuckDB, in every codec and encoding.
#[test]
fn files_are_what_our_own_inspector_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for source in source::all() {
        let combined = Codec::ALL.map(|codec| (codec, Encodings::Compact));
        for (codec, encodings) in combined
            .into_iter()
            .chain([(Codec::default(), Encodings::Portable), (Codec::default(), Encodings::Legacy)])
        {
            let name = format!("{}-{}-{}", source.name, codec.name(), encodings.name());
            let case = Case::of(source.clone(), codec, encodings);
            cases.push(write_footer_case(folder.path(), &name, &case));
        }
    }
    fs::write(folder.path().join("manifest.json"), json!({ "cases": cases }).to_string()).unwrap();
    let mut python = script(&tools::python().unwrap(), "check.py");
    let output = tools::run(python.arg(folder.path())).unwrap_or_else(|wrong| panic!("{wrong}"));
    let printed = String::from_utf8(output.stdout).unwrap();
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.ends_with(" passed, 0 failed") && !last.starts_with("0 "), "{last}");
}

fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    // Compiled scripts would be written beside the sources.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(tools::root().join("tests/interop").join(name));
    command
}

fn ask_python(python: &Path, folder: &Path, module: &str) {
    let mut command = script(python, "read.py");
    // A JVM leaves files where it is started.
    command.arg(folder).arg(module).current_dir(folder);
    tools::run(&mut command).unwrap_or_else(|problem| panic!("{problem}"));
}

fn ask_spark(folder: &Path, version: &str) {
    tools::run(Command::new("java").arg("-version")).unwrap_or_else(|problem| panic!("{problem}"));
    ask_python(&tools::spark(version).unwrap(), folder, "spark");
}

fn ask_hyparquet(folder: &Path) {
    let mut node = Command::new("node");
    node.arg(tools::root().join("tests/interop/read.mjs"));
    node.arg(folder).arg(tools::npm().unwrap());
    tools::run(&mut node).unwrap_or_else(|problem| panic!("{problem}"));
}

/// The files of the page, and their names.
fn write_cases(folder: &Path) -> Vec<(String, Case)> {
    let mut manifest = Vec::new();
    let mut named = Vec::new();
    for (number, case) in cases::all().into_iter().enumerate() {
        // Names of files are plain: what stands in them is no matter of the engines.
        let file = format!("{number:03}.parquet");
        let bytes = encode(&case);
        let parquet = ParquetFile::open(bytes.clone().into()).unwrap();
        assert_has_encoding(&case, &parquet);
        let schema = schema_of(&parquet);
        let rows = format!("{number:03}.ndjson");
        let mut text = case.source.with_ids(ids_are_in_documents(&parquet.report()));
        let mut entry = json!({ "file": file, "rows": rows, "schema": schema });
        if let Some(engines) = case.engines {
            entry["engines"] = json!(engines);
        }
        if let Some(second) = &case.more {
            let second = Case::of(second.clone(), case.codec, case.encodings);
            let bytes = encode(&second);
            let report = ParquetFile::open(bytes.clone().into()).unwrap().report();
            text += &second.source.with_ids(ids_are_in_documents(&report));
            let name = format!("{number:03}-more.parquet");
            fs::write(folder.join(&name), bytes).unwrap();
            entry["more"] = json!([name]);
        }
        fs::write(folder.join(&rows), text).unwrap();
        fs::write(folder.join(&file), bytes).unwrap();
        manifest.push(entry);
        named.push((file, case));
    }
    fs::write(folder.join("manifest.json"), json!({ "cases": manifest }).to_string()).unwrap();
    named
}

/// A line about an encoding is one only where every column of the file has it.
fn assert_has_encoding(case: &Case, parquet: &ParquetFile) {
    let Some(wanted) = case.has else { return };
    let report = parquet.report();
    let columns = parquet.schema().columns().iter();
    // Booleans have no dictionary: they are bits already.
    let columns = columns
        .filter(|column| wanted == "PLAIN" || column.column_type != ColumnType::Boolean)
        .map(|column| column.name.as_str());
    for name in columns {
        let below = format!("{name}.");
        let chunk = report.row_groups[0]
            .chunks
            .iter()
            .find(|chunk| chunk.column == name || chunk.column.starts_with(&below))
            .unwrap();
        let has = chunk.encodings.iter().any(|encoding| encoding == wanted);
        assert!(has, "{}: {name} has {:?}", case.what, chunk.encodings);
    }
}

/// What the page may not say `no` or `wrong` of, whoever blesses it.
fn hold_promises(cases: &[(String, Case)], engines: &[Engine]) {
    let mut broken = Vec::new();
    for (file, case) in cases {
        for engine in engines.iter().filter(|engine| promised(engine, case)) {
            let Some(answer) = engine.answers.get(file) else { continue };
            let (name, what) = (engine.name.as_str(), case.what.as_str());
            let kept = match answer {
                Answer::Reads { losses, .. } => {
                    !losses.iter().any(|loss| loss.starts_with("renames"))
                }
                _ => false,
            };
            if kept == EXCEPTIONS.contains(&(name, what)) {
                broken.push(format!("{name} {what}: {answer:?}"));
            }
        }
    }
    assert!(broken.is_empty(), "engines read less, or more, than promised:\n{}", broken.join("\n"));
}

/// Everybody reads inferred columns in `portable` and in `legacy`, by their own names, and the
/// codecs in common use. Spark 4.3 reads `compact` too, and fastparquet promises nothing.
fn promised(engine: &Engine, case: &Case) -> bool {
    let spark_3 = engine.name == "Spark 3" && case.encodings == Encodings::Compact;
    if engine.name == "fastparquet" || spark_3 || case.names == Names::Exact {
        return false;
    }
    match case.section {
        Section::Rows => case.source.schema.is_none(),
        Section::Codecs => matches!(case.codec, Codec::None | Codec::Snappy | Codec::Zstd(_)),
        Section::Names | Section::Encodings => true,
        Section::Iceberg => case.what != "other field ids",
        Section::Types => case.source.schema.is_none(),
    }
}

/// What engines do not read all the same, and we cannot mend.
const EXCEPTIONS: &[(&str, &str)] = &[
    // A name ends at its zero byte.
    ("DuckDB", "a zero byte"),
    ("DuckDB", "golden: names"),
    // Wrong texts without an error (SPARK-60320); the reason why `portable` leaves it out.
    ("Spark 4", "DELTA_BYTE_ARRAY, `none`"),
];

fn assert_all_answered(cases: &[(String, Case)], engines: &[Engine]) {
    for (file, case) in cases {
        for engine in engines {
            let asked = case.engines.is_none_or(|asked| asked.contains(&engine.name.as_str()));
            assert_eq!(engine.answers.contains_key(file), asked, "{} {}", engine.name, case.what);
        }
    }
}

fn compare_page(measured: &str) {
    let path = tools::root().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page says where it is measured");
    let (said, after) = rest.split_once(END).expect("the page says where it is measured");
    let said = said.trim_matches('\n');
    let measured = measured.trim_matches('\n');
    if std::env::var_os("COLDPRESS_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{before}{BEGIN}\n{measured}\n\n{END}{after}")).unwrap();
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (said, measured) = (lines(said), lines(measured));
    let only = |these: &[String], those: &[String], mark: &str| -> String {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines.map(|line| format!("{mark} {line}\n")).collect()
    };
    assert!(
        said == measured,
        "{PAGE} is not what the engines do; + is measured, - is what the page says\n{}{}\
         if that is right, run `cargo xtask bless`, look at the page, and commit it",
        only(&said, &measured, "-"),
        only(&measured, &said, "+"),
    );
}

fn ids_are_in_documents(report: &FileReport) -> bool {
    report.metadata.iter().any(|(key, _)| key == "coldpress.id_in_document")
}

/// The schema for the scripts, with the path of the ids where they are a field of the documents.
fn schema_of(parquet: &ParquetFile) -> Value {
    let mut schema: Value = serde_json::from_str(&parquet.schema().to_json()).unwrap();
    if let Some(path) = parquet.footer().id_field() {
        schema["id_field"] = json!(path);
    }
    schema
}

/// One file for `check.py`, with what it came from and what our own inspector says of it.
fn write_footer_case(folder: &Path, name: &str, case: &Case) -> Value {
    let (file, rows) = (format!("{name}.parquet"), format!("{name}.ndjson"));
    let bytes = encode(case);
    fs::write(folder.join(&file), &bytes).unwrap();
    let parquet = ParquetFile::open(bytes.into()).unwrap();
    let text = case.source.with_ids(ids_are_in_documents(&parquet.report()));
    fs::write(folder.join(&rows), text).unwrap();
    let schema = schema_of(&parquet);
    json!({
        "file": file,
        "rows": rows,
        "codec": parquet_name(case.codec),
        "types": case.source.types,
        "encodings": encodings(case),
        "schema": schema,
        "bloom_filters": case.source.bloom_filters,
        "metadata": {
            "coldpress.tenant": "7",
            "coldpress.collection": case.source.name,
            "coldpress.min_lsn": "100",
            "coldpress.max_lsn": "18446744073709551615",
        },
        "report": report(&parquet.report()),
    })
}

fn encode(case: &Case) -> Vec<u8> {
    let settings = case.settings();
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(case.source.ndjson.as_bytes()).unwrap();
    let target = Target {
        prefix: KeyPrefix::default(),
        tenant_id: 7,
        collection: case.source.name.clone(),
        lsns: Some(LsnRange::new(100, u64::MAX).unwrap()),
        lsn_width: LsnWidth::Unpadded,
    };
    encoder.finish(&target).unwrap().bytes.to_vec()
}

/// The encodings to expect. Splitting the bytes of doubles makes nothing smaller without a codec.
fn encodings(case: &Case) -> Value {
    let mut encodings = case.source.encodings.clone();
    if let Some(columns) = encodings.as_object_mut() {
        columns.retain(|_, encoding| match encoding.as_str().unwrap() {
            "RLE_DICTIONARY" => true,
            "BYTE_STREAM_SPLIT" => {
                case.encodings == Encodings::Compact && case.codec != Codec::None
            }
            _ => case.encodings != Encodings::Legacy,
        });
    }
    encodings
}

/// The codec as pyarrow names it; its LZ4 is LZ4_RAW, the older framing being LZ4_HADOOP there.
fn parquet_name(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "UNCOMPRESSED",
        Codec::Snappy => "SNAPPY",
        Codec::Lz4 => "LZ4",
        Codec::Zstd(_) => "ZSTD",
        Codec::Gzip(_) => "GZIP",
        Codec::Brotli(_) => "BROTLI",
        other => panic!("name {other} for the interop scripts"),
    }
}

fn report(report: &FileReport) -> Value {
    let groups: Vec<Value> = report
        .row_groups
        .iter()
        .map(|group| {
            let chunks: Vec<Value> = group
                .chunks
                .iter()
                .map(|chunk| {
                    json!({
                        "column": chunk.column,
                        "field_id": chunk.field_id,
                        "physical_type": chunk.physical_type,
                        "codec": chunk.codec,
                        "encodings": chunk.encodings,
                        "values": chunk.values,
                        "nulls": chunk.nulls,
                        "compressed_bytes": chunk.compressed_bytes,
                        "uncompressed_bytes": chunk.uncompressed_bytes,
                        "bloom_filter": chunk.bloom_filter,
                        "column_index": chunk.column_index,
                        "offset_index": chunk.offset_index,
                    })
                })
                .collect();
            json!({ "rows": group.rows, "chunks": chunks })
        })
        .collect();
    json!({
        "created_by": report.created_by,
        "metadata": report.metadata,
        "row_groups": groups,
    })
}
