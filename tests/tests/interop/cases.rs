//! The files that every engine is asked to read, in the sections of `docs/engines.md`.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use coldpress_core::{Codec, Encodings, IdSource, Names, Schema, Settings};
use coldpress_tests::tools;

use super::names::{NAMES, named};
use super::source::{self, Source};
use super::types;

/// A section of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Section {
    Rows,
    Types,
    Names,
    Codecs,
    Encodings,
    Iceberg,
}

impl Section {
    pub const ALL: [Section; 6] = [
        Section::Rows,
        Section::Types,
        Section::Names,
        Section::Codecs,
        Section::Encodings,
        Section::Iceberg,
    ];
}

/// One file, and the line of the page that it counts for.
pub struct Case {
    pub section: Section,
    /// The line: one of several files shares it with others.
    pub what: String,
    pub source: Source,
    pub codec: Codec,
    pub encodings: Encodings,
    pub names: Names,
    /// An encoding that some column must have, where the line is about it.
    pub has: Option<&'static str>,
    /// The engines that are asked, where not all are.
    pub engines: Option<&'static [&'static str]>,
    /// Rows that lie in a second file of the same table.
    pub more: Option<Source>,
}

impl Case {
    fn new(section: Section, what: impl Into<String>, source: Source) -> Case {
        Case {
            section,
            what: what.into(),
            source,
            codec: Codec::default(),
            encodings: Encodings::Portable,
            names: Names::Portable,
            has: None,
            engines: None,
            more: None,
        }
    }

    /// A file that no line of the page is about.
    pub fn of(source: Source, codec: Codec, encodings: Encodings) -> Case {
        Case { codec, encodings, ..Case::new(Section::Rows, "", source) }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            codec: self.codec,
            encodings: self.encodings,
            names: self.names,
            schema: self.source.schema.clone(),
            row_group_rows_max: self.source.row_group_rows_max,
            id: self.source.id.clone(),
            ..Settings::default()
        }
    }
}

/// The sets of encodings in the order of the page.
pub const SETS: [Encodings; 3] = [Encodings::Portable, Encodings::Compact, Encodings::Legacy];

/// Every file.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for encodings in SETS {
        let sets = rows().into_iter();
        cases.extend(
            sets.map(|(what, source)| Case { encodings, ..Case::new(Section::Rows, what, source) }),
        );
    }
    for each in types::all() {
        cases.extend(for_all(Section::Types, each.what, &each.source));
    }
    for (what, name) in NAMES {
        let [portable, mut legacy] = for_all(Section::Names, what, &named(what, name, true));
        // A list of structs is beyond fastparquet, whatever its names.
        legacy.source = named(what, name, false);
        cases.extend([portable, legacy]);
    }
    let path = "{\"a.b\":1,\"a\":{\"b\":2}}\n".to_owned();
    cases.extend(for_all(
        Section::Names,
        "`a.b` beside a `b` in `a`",
        &Source::new("name path", path),
    ));
    let apart = "{\"userId\":1,\"s\":{\"x\":1,\"X\":2}}\n{\"userid\":\"two\"}\n";
    cases.push(Case {
        names: Names::Exact,
        ..Case::new(
            Section::Names,
            "apart in case (`exact`)",
            Source::new("name case", apart.to_owned()),
        )
    });
    for codec in Codec::ALL {
        // Rows without nesting, so that the codec alone tells; and the oldest encodings too.
        for encodings in [Encodings::Portable, Encodings::Legacy] {
            let what = format!("`{}`", codec.name());
            cases.push(Case {
                codec,
                encodings,
                ..Case::new(Section::Codecs, what, source::movies())
            });
        }
    }
    cases.extend(encodings());
    cases.extend(encodings().into_iter().filter_map(without_codec));
    cases.extend(iceberg());
    cases
}

/// A file for everybody; fastparquet reads one of the older encodings, and knows no others.
fn for_all(section: Section, what: &str, source: &Source) -> [Case; 2] {
    let legacy = Case {
        encodings: Encodings::Legacy,
        engines: Some(&["fastparquet"]),
        ..Case::new(section, what, source.clone())
    };
    let portable =
        Case { engines: Some(ALL_BUT_FASTPARQUET), ..Case::new(section, what, source.clone()) };
    [portable, legacy]
}

const ALL_BUT_FASTPARQUET: &[&str] =
    &["pyarrow", "DuckDB", "Polars", "ClickHouse", "PyIceberg", "Spark 3", "Spark 4", "hyparquet"];

/// Sets of rows with inferred columns, and one with every type of a given schema.
fn rows() -> Vec<(String, Source)> {
    let mut sets: Vec<(String, Source)> = Vec::new();
    for name in ["flat", "mixed", "names", "nested", "numbers"] {
        let path = tools::root().join(format!("tests/golden/{name}.ndjson"));
        let source = Source::new(format!("golden {name}"), fs::read_to_string(path).unwrap());
        sets.push((format!("golden: {name}"), source));
    }
    for (name, label) in CASES {
        let path = format!("tests/cases/{name}");
        let source =
            Source { id: id_of(name), ..Source::new(name.replace('/', " "), unpack(&path)) };
        sets.push((label.to_owned(), source));
    }
    sets.push(("films".to_owned(), source::movies()));
    sets.push(("telemetry".to_owned(), source::telemetry()));
    sets.push(("many pages".to_owned(), pages()));
    sets.push(("documents".to_owned(), source::documents()));
    sets.push(("all given types".to_owned(), source::typed()));
    sets
}

/// Small inputs that once failed somewhere, below `tests/cases/`.
const CASES: [(&str, &str); 12] = [
    ("clickhouse-json/empty-list.ndjson", "case: an empty list"),
    ("clickhouse-json/empty-name-in-struct.ndjson", "case: an empty name"),
    ("clickhouse-json/mixed-list.ndjson", "case: a mixed list"),
    ("clickhouse-json/rescued-1e400.ndjson", "case: 1e400"),
    ("spark-case/nested.ndjson", "case: apart in a struct"),
    ("spark-case/own-id.ndjson", "case: `_ID`"),
    ("spark-case/own-rescued.ndjson", "case: `_Rescued_Data`"),
    ("spark-case/top.ndjson", "case: apart at the top"),
    ("mongo/export.ndjson", "case: mongoexport"),
    ("gz/skippable.ndjson.zst", "case: packed by zstd"),
    ("gz/zeropad.gz", "case: packed by gzip"),
    ("bom/bom-members.gz", "case: byte order marks"),
];

fn id_of(name: &str) -> IdSource {
    match name {
        "mongo/export.ndjson" => IdSource::Field("_id.$oid".to_owned()),
        _ => IdSource::Auto,
    }
}

/// The rows of an input that may be packed: hosts unpack, and this test has only the core.
fn unpack(path: &str) -> String {
    let path = tools::root().join(path);
    if path.extension().is_some_and(|extension| extension == "ndjson") {
        return fs::read_to_string(path).unwrap();
    }
    let mut python = Command::new(tools::python().unwrap());
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python.arg(tools::root().join("tests/interop/unpack.py")).arg(path);
    String::from_utf8(tools::run(&mut python).unwrap().stdout).unwrap()
}

/// One file an encoding; each has every physical type that we write in it.
fn encodings() -> Vec<Case> {
    let of = |what: &str, has, allowed, source| Case {
        encodings: allowed,
        has: Some(has),
        ..Case::new(Section::Encodings, what, source)
    };
    vec![
        of("PLAIN", "PLAIN", Encodings::Legacy, noise("plain", NUMBERS)),
        of("dictionary", "RLE_DICTIONARY", Encodings::Legacy, few()),
        of("DELTA_BINARY_PACKED", "DELTA_BINARY_PACKED", Encodings::Portable, climbing()),
        of(
            "DELTA_LENGTH_BYTE_ARRAY",
            "DELTA_LENGTH_BYTE_ARRAY",
            Encodings::Compact,
            words("lengths", |noise| format!("{noise:x} words")),
        ),
        of(
            "DELTA_BYTE_ARRAY",
            "DELTA_BYTE_ARRAY",
            Encodings::Portable,
            words("prefixes", |noise| {
                format!("https://example.org/things/{:06}", noise % 1_000_000)
            }),
        ),
        of("BYTE_STREAM_SPLIT", "BYTE_STREAM_SPLIT", Encodings::Compact, noise("split", FLOATS)),
    ]
}

/// The same without a codec, which changes where an engine finds the bytes of a page.
fn without_codec(case: Case) -> Option<Case> {
    let case = Case { codec: Codec::None, ..case };
    match case.has? {
        // Without a codec, splitting bytes makes nothing smaller, and is not done.
        "BYTE_STREAM_SPLIT" => None,
        // Left out of `portable`, because Spark misreads it.
        "DELTA_BYTE_ARRAY" => Some(Case {
            what: "DELTA_BYTE_ARRAY, `none`".to_owned(),
            encodings: Encodings::Compact,
            ..case
        }),
        _ => Some(case),
    }
}

/// Knuth's MMIX generator: noise that is the same everywhere.
fn noise_after(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

/// Rows enough for several of Spark's batches of 4,096, whose borders it once forgot.
const BATCHES: u64 = 5_000;

/// Rows enough for several pages, which hold 20,000 at most.
fn pages() -> Source {
    let (mut ndjson, mut state) = (String::new(), 7);
    for row in 0..25_000 {
        state = noise_after(state);
        writeln!(ndjson, r#"{{"_id":"row-{row:05}","text":"{state:x} {row}","n":{row}}}"#).unwrap();
    }
    Source::new("many pages", ndjson)
}

fn schema(columns: &str) -> Option<Schema> {
    Some(Schema::from_json(&format!(r#"{{"columns":[{columns}]}}"#)).unwrap())
}

const NUMBERS: &str = r#"{"name":"i32","type":"int32"},{"name":"i64","type":"int64"},
    {"name":"f32","type":"float32"},{"name":"f64","type":"float64"},
    {"name":"fixed","type":"decimal","precision":38,"scale":0},
    {"name":"text","type":"string"},{"name":"flag","type":"boolean"}"#;

const FLOATS: &str = r#"{"name":"f32","type":"float32"},{"name":"f64","type":"float64"}"#;

/// A row of values made from `noise`, one of each physical type. All ids are one and the same, as
/// those of other files here too: so they have a dictionary, and no other encoding than the line's.
fn numbers(out: &mut String, noise: u64) {
    let (a, b) = ((noise >> 33) as i32, noise.cast_signed() >> 20);
    let f32 = a as f32 / 7.0;
    let f64 = b as f64 / 7.0;
    let more = format!(r#""text":"{b:x}","flag":{}"#, noise >> 63 == 0);
    writeln!(
        out,
        r#"{{"_id":"id","i32":{a},"i64":{b},"f32":{f32},"f64":{f64:?},"fixed":"{b}",{more}}}"#
    )
    .unwrap();
}

fn noise(name: &str, columns: &str) -> Source {
    let (mut ndjson, mut state) = (String::new(), 7);
    for _ in 0..BATCHES {
        state = noise_after(state);
        numbers(&mut ndjson, state);
    }
    Source { schema: schema(columns), ..Source::new(format!("encoding {name}"), ndjson) }
}

fn few() -> Source {
    let mut ndjson = String::new();
    for row in 0..BATCHES {
        numbers(&mut ndjson, noise_after(row * 7 % 5));
    }
    Source { schema: schema(NUMBERS), ..Source::new("encoding dictionary", ndjson) }
}

fn climbing() -> Source {
    let columns = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "date"]
        .map(|kind| format!(r#"{{"name":"{kind}","type":"{kind}"}}"#));
    let more = r#"{"name":"ms","type":"timestamp","unit":"ms"},
        {"name":"us","type":"timestamp","unit":"us"},
        {"name":"decimal 9","type":"decimal","precision":9,"scale":2},
        {"name":"decimal 18","type":"decimal","precision":18,"scale":2},
        {"name":"list","type":"list","element":{"type":"int64"}}"#;
    let mut ndjson = String::new();
    for row in 0..BATCHES.cast_signed() {
        let (small, at) = (row / 40, row * 1_000 + row % 7);
        let month = row / 28 % 12 + 1;
        let date = format!("20{:02}-{month:02}-{:02}", row / 28 / 12 + 20, row % 28 + 1);
        let signed = format!(r#""int8":{},"int16":{row},"int32":{at},"int64":-{at}"#, small - 60);
        let unsigned = format!(r#""uint8":{small},"uint16":{row},"uint32":{at}"#);
        let instants = format!(r#""date":"{date}","ms":{at},"us":{at}"#);
        let decimals = format!(r#""decimal 9":{row}.25,"decimal 18":{at}.25"#);
        let list = format!(r#""list":[{row},null,{at}]"#);
        let numbers = [signed, unsigned, instants, decimals, list].join(",");
        writeln!(ndjson, r#"{{"_id":"id",{numbers}}}"#).unwrap();
    }
    let columns = format!("{},{more}", columns.join(","));
    Source { schema: schema(&columns), ..Source::new("encoding steps", ndjson) }
}

fn words(name: &str, word: fn(u64) -> String) -> Source {
    let (mut ndjson, mut state) = (String::new(), 7);
    for row in 0..BATCHES {
        state = noise_after(state);
        let word = word(state);
        let sometimes = if row % 9 == 0 { "null".to_owned() } else { format!("\"{word}\"") };
        writeln!(
            ndjson,
            r#"{{"_id":"id","text":"{word}","sometimes":{sometimes},"list":["{word}",null]}}"#
        )
        .unwrap();
    }
    Source::new(format!("encoding {name}"), ndjson)
}

/// What tables of files show.
fn iceberg() -> Vec<Case> {
    let first = r#"{"_id":"1","a":"text a","b":"text b","s":{"x":"x 1","y":"y 1"},"n":1}"#;
    let second = r#"{"_id":"2","n":2,"s":{"y":"y 2","x":"x 2"},"b":"text b 2","a":"text a 2"}"#;
    let drift = Case {
        engines: Some(&["PyIceberg"]),
        more: Some(Source::new("drift 2", format!("{second}\n"))),
        ..Case::new(
            Section::Iceberg,
            "fields in another order",
            Source::new("drift 1", format!("{first}\n")),
        )
    };
    let given = |what: &str, first| Case::new(Section::Iceberg, what, source::identified(first));
    vec![drift, given("the table's field ids", 1), given("other field ids", 70)]
}
