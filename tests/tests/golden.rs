//! Acceptance 7: the bytes of known rows, codec by codec, as `golden/sha256.txt` has them.
//!
//! Bytes may change only on purpose: `cargo xtask bless` (or `COLDPRESS_BLESS=1`) renews the file.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use coldpress_core::{
    Codec, EncodedFile, Encodings, IdSource, Nulls, ParquetFile, Projection, ScanQuery,
    ScanSettings, Settings,
};
use coldpress_tests::json::Json;
use coldpress_tests::law::{Rules, difference, mixes_forms};
use coldpress_tests::roundtrip::{encode_text, holds_rows};
use coldpress_tests::scanning::{read, scanned};
use sha2::{Digest, Sha256};

const SHAS: &str = "golden/sha256.txt";

#[test]
fn golden_rows_give_golden_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = shas(folder);
    if std::env::var_os("COLDPRESS_BLESS").is_some_and(|value| value == "1") {
        let lines: String = found.iter().map(|(name, sha)| format!("{sha}  {name}\n")).collect();
        fs::write(folder.join(SHAS), lines).unwrap();
        return;
    }
    let text = fs::read_to_string(folder.join(SHAS))
        .unwrap_or_else(|error| panic!("{SHAS}: {error}; {HOW_TO_BLESS}"));
    let golden: BTreeMap<String, String> = text
        .lines()
        .map(|line| {
            let (sha, name) = line.split_once("  ").expect("a line is `sha256  name`");
            (name.to_owned(), sha.to_owned())
        })
        .collect();
    let mut wrong = Vec::new();
    for name in golden.keys().chain(found.keys()) {
        let (golden, found) = (golden.get(name), found.get(name));
        if golden != found {
            let shown =
                |sha: Option<&String>| sha.map_or("none".to_owned(), |sha| sha[..12].to_owned());
            wrong.push(format!("{name}: golden {}, now {}", shown(golden), shown(found)));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "the bytes changed:\n{}\n{HOW_TO_BLESS}", wrong.join("\n"));
}

#[test]
fn files_of_earlier_versions_hold_their_rows() {
    // Before 1.3.0 a null was an absent field, unless the caller asked for `.nulls`.
    for (version, files) in [("1.1.0", 5), ("1.2.0", 7)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut read = 0;
        for (name, text) in inputs(folder) {
            for (suffix, nulls_kept) in [("", false), (".nulls", true)] {
                let path = format!("golden/files/{version}/{name}{suffix}.parquet");
                let Ok(bytes) = fs::read(folder.join(&path)) else { continue };
                let file = ParquetFile::open(bytes.into()).unwrap();
                let created_by = format!("coldpress version {version}");
                assert_eq!(file.report().created_by, created_by);
                let rules = Rules { nulls_kept, signs_kept: true, ..Rules::default() };
                holds(&file, &text, rules, &path);
                read += 1;
            }
        }
        assert_eq!(read, files, "{version}");
    }
}

#[test]
fn files_of_every_version_are_scanned_as_they_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![folder.join("golden/files/version-1.0.0.parquet")];
    for version in ["1.1.0", "1.2.0"] {
        let entries = fs::read_dir(folder.join("golden/files").join(version)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    assert_eq!(files.len(), 13);
    let stored = files.iter().map(|path| Bytes::from(fs::read(path).unwrap()));
    let now = inputs(folder).into_iter().map(|(_, text)| {
        let settings = Settings { row_group_rows_max: 3, ..Settings::default() };
        encode_text(&settings, text.as_bytes()).unwrap().bytes
    });
    let mut small = ScanSettings::default();
    (small.tail_bytes, small.join_gap_bytes) = (8, 0);
    for file in stored.chain(now) {
        let rows = read(&file).unwrap();
        let scan = |query| scanned(&file, query, small.clone()).unwrap();
        assert_eq!(scan(ScanQuery::default()), rows);
        for row in rows.iter().step_by(rows.len() / 20 + 1) {
            let mut query = ScanQuery::default();
            query.id = Some(row.0.clone());
            assert!(scan(query).contains(row), "{row:?}");
        }
    }
}

/// Sets in which a field of the same objects is sometimes null and sometimes absent: such nulls are
/// rescued, and these files are so small that a column more is much. In all other sets a null costs
/// a word in the schema, or nothing.
const MIXED_NULLS: [&str; 3] = ["mixed", "names", "nested"];
/// Each file whose columns were inferred says so since 1.3.0: 16 bytes, which are 0.8 % of
/// `numbers.parquet` with its 6 rows.
const INFERRED: u64 = r#","inferred":true"#.len() as u64;
/// `mixed` has a column of doubles whose whole values were all written without a fraction, and
/// since 1.3.0 a word says that.
const WHOLE: u64 = r#","whole":"integer""#.len() as u64;

/// Acceptance 4 of issue 12.
#[test]
fn nulls_that_are_kept_cost_half_a_percent_at_most() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compared = 0;
    for (name, text) in inputs(folder) {
        let of = |nulls| {
            encode_text(&Settings { nulls, ..Settings::default() }, text.as_bytes()).unwrap()
        };
        let (kept, without) = (of(Nulls::Explicit), of(Nulls::Absent));
        let is_mixed = MIXED_NULLS.contains(&name.as_str());
        assert_eq!(is_mixed, kept.summary.rescued != without.summary.rescued, "{name}");
        assert!(is_mixed || has_kept_size(size(&kept), size(&without)), "{name}: {}", size(&kept));

        let words = INFERRED + if name == "mixed" { WHOLE } else { 0 };
        for (version, suffix) in [("1.1.0", ""), ("1.2.0", ""), ("1.2.0", ".nulls")] {
            let path = format!("golden/files/{version}/{name}{suffix}.parquet");
            let Ok(earlier) = fs::metadata(folder.join(&path)) else { continue };
            // Before 1.3.0 nulls were kept in files of `.nulls` alone.
            let now = if is_mixed && suffix.is_empty() { &without } else { &kept };
            let now = size(now) - words;
            assert!(has_kept_size(now, earlier.len()), "{path}: {now}, and {}", earlier.len());
            compared += 1;
        }
    }
    assert_eq!(compared, 12);
}

fn size(file: &EncodedFile) -> u64 {
    file.bytes.len() as u64
}

/// Whether it is no more than half a percent larger.
fn has_kept_size(found: u64, before: u64) -> bool {
    found * 1000 <= before * 1005
}

fn holds(file: &ParquetFile, text: &str, rules: Rules, path: &str) {
    assert!(file.verify().unwrap().whole, "{path}");
    let rows = Json::parse_rows(text).unwrap();
    assert_eq!(file.rows_count(), rows.len() as u64, "{path}");
    for (number, (row, found)) in rows.iter().zip(file.rows(&Projection::All).unwrap()).enumerate()
    {
        let found = found.unwrap();
        assert_eq!(found.id(), id_of(row, number), "{path}");
        let mut text = Vec::new();
        found.write_json(&mut text);
        let found = Json::parse(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!(difference(row, &found, rules), None, "{path}, row {number}");
    }
}

const HOW_TO_BLESS: &str = "if that was on purpose, run `cargo xtask bless`, look at what changed \
    in golden/sha256.txt, say why in CHANGELOG.md and commit both";

fn shas(folder: &Path) -> BTreeMap<String, String> {
    let mut shas = BTreeMap::new();
    for (name, text) in inputs(folder) {
        let rows = Json::parse_rows(&text).unwrap().into_iter().enumerate();
        let rows: Vec<_> = rows.map(|(number, row)| (id_of(&row, number), row)).collect();
        let forms_kept = !mixes_forms(rows.iter().map(|(_, row)| row));
        let rules = Rules { nulls_kept: true, forms_kept, signs_kept: true };
        let codecs = Codec::ALL.map(|codec| (codec, Encodings::default()));
        let sets = [Encodings::Compact, Encodings::Legacy].map(|set| (Codec::default(), set));
        for (codec, encodings) in codecs.into_iter().chain(sets) {
            let settings = Settings { codec, encodings, ..Settings::default() };
            let file = encode_text(&settings, text.as_bytes()).unwrap();
            // Golden bytes that lost something must never be blessed.
            holds_rows(&file, &rows, rules)
                .unwrap_or_else(|what| panic!("{name}, {codec}, {encodings}: {what}"));
            let digest = Sha256::digest(&file.bytes);
            let sha: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let set = match encodings {
                Encodings::Portable => String::new(),
                set => format!(".{set}"),
            };
            shas.insert(format!("{name}.{}{set}", codec.name()), sha);
        }
    }
    shas.extend(with_named_ids(folder));
    shas
}

/// Files whose ids are a field of the documents.
fn with_named_ids(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("golden/flat.ndjson")).unwrap();
    let of = |field: &str| {
        let id = IdSource::Field(field.to_owned());
        let file = encode_text(&Settings { id, ..Settings::default() }, text.as_bytes()).unwrap();
        let rows = Json::parse_rows(&text).unwrap().into_iter().map(|row| {
            let Some(Json::String(id) | Json::Number(id)) = row.field(field) else {
                panic!("{field} of flat.ndjson is no id")
            };
            (id.clone(), row)
        });
        holds_rows(&file, &rows.collect::<Vec<_>>(), Rules::default()).unwrap();
        let digest = Sha256::digest(&file.bytes);
        let sha = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        (format!("flat.zstd.id-{field}"), sha)
    };
    vec![of("device"), of("ts")]
}

/// Names and rows. `tests/web/conformance/suite.mjs` has the same ones.
fn inputs(folder: &Path) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder.join("golden"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ndjson"))
        .collect();
    assert!(paths.len() >= 5, "golden inputs are missing: {paths:?}");
    paths.push(folder.join("../examples/movies.ndjson"));
    let mut inputs: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    // Pages of more than 64 KiB, where a compressor may do other things than on small ones.
    let movies = inputs.last().unwrap().1.repeat(3);
    inputs.push(("movies-large".to_owned(), movies));
    inputs.push(("telemetry-large".to_owned(), telemetry()));
    inputs
}

/// Readings of devices, by whole numbers alone, so that any language makes the same text.
fn telemetry() -> String {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut text = String::new();
    for row in 0..20_000_u64 {
        let (a, b, c) = (next(), next(), next());
        let ts = 1_700_000_000_000 + row * 250 + u64::from(a % 97);
        writeln!(
            text,
            r#"{{"_id":"r{row:06}","ts":{ts},"device":"device-{}","temp":{}.{:02},"ok":{},"msg":"reading {c} of {b}"}}"#,
            b % 1000, c % 60, b % 100, a % 3 == 0,
        )
        .unwrap();
    }
    text
}

fn id_of(row: &Json, number: usize) -> String {
    match row.field("_id") {
        Some(Json::String(id) | Json::Number(id)) => id.clone(),
        _ => number.to_string(),
    }
}
