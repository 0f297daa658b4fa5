//! Acceptance 3 of issue 12: in a collection whose rows change their types from file to file, each
//! engine that reads the folder as one table gives the value that was put, or null with the value
//! in `_rescued_data`. The files are encoded as an append and an outbox do it: each with the schema of
//! the one before, and new fields as columns. `tests/web/drift.test.mjs` has files of the real
//! command and of a real outbox, and Spark as a reader.
//!
//! `COLDPRESS_DRIFT_SEED=N` tries other rows.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::path::Path;
use std::process::Command;

use coldpress_core::{Encoder, LsnRange, NewFields, Schema, Settings, Target};
use coldpress_tests::dice::Dice;
use coldpress_tests::tools;
use serde_json::{Map, Value, json};

const COLLECTIONS: usize = 100;
const FIELDS: [&str; 6] = ["t", "u", "s", "l", "when", "flag"];

#[test]
fn engines_read_a_folder_of_drifting_rows_as_they_were_put() {
    let folder = tempfile::tempdir().unwrap();
    write_collections(folder.path());
    let mut command = Command::new(tools::python().unwrap());
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder.path());
    command.arg(tools::root().join("tests/interop/folders.py")).arg(folder.path()).arg("engines");
    let output = tools::run(&mut command).unwrap_or_else(|problem| panic!("{problem}"));
    let printed = String::from_utf8(output.stdout).unwrap();
    let last = printed.lines().last().unwrap_or_default();
    assert!(
        last.starts_with(&format!("{COLLECTIONS} collections")) && last.ends_with(" 0 wrong"),
        "{printed}"
    );
}

fn write_collections(folder: &Path) {
    let seed = std::env::var("COLDPRESS_DRIFT_SEED").map_or(12, |text| text.parse().unwrap());
    let mut dice = Dice::new(seed);
    let names: Vec<String> = (0..COLLECTIONS).map(|at| format!("collection-{at}")).collect();
    let mut rescued = 0;
    for name in &names {
        let folder = folder.join(name);
        fs::create_dir(&folder).unwrap();
        rescued += write_collection(&folder, &mut dice);
    }
    assert!(rescued > 100, "only {rescued} values do not fit their columns: nothing drifts");
    fs::write(folder.join("manifest.json"), json!(names).to_string()).unwrap();
}

/// Writes two to five files of one collection; how many values are rescued.
fn write_collection(folder: &Path, dice: &mut Dice) -> u64 {
    let mut kinds: Vec<Kind> = FIELDS.iter().map(|_| Kind::any(dice, 2)).collect();
    let mut schema: Option<Schema> = None;
    let (mut rows, mut rescued) = (Vec::new(), 0);
    for file in 0..2 + dice.below(4) {
        for kind in &mut kinds {
            if dice.below(5) < 2 {
                *kind = Kind::any(dice, 2);
            }
        }
        let settings = Settings {
            new_fields: if schema.is_some() { NewFields::Column } else { NewFields::Rescue },
            schema,
            ..Settings::default()
        };
        let mut encoder = Encoder::new(settings).unwrap();
        let first = rows.len() as u64;
        for _ in 0..3 + dice.below(6) {
            let (id, document) = (format!("r{}", rows.len()), document(&kinds, dice));
            encoder.push_row(&id, &document).unwrap();
            rows.push(json!([id, document]));
        }
        let lsns = LsnRange::new(first, rows.len() as u64 - 1).unwrap();
        let target = Target { lsns: Some(lsns), ..Target::new(0, "c") };
        let encoded = encoder.finish(&target).unwrap();
        rescued += encoded.summary.rescued.iter().map(|of| of.count).sum::<u64>();
        fs::write(folder.join(format!("{file}.parquet")), &encoded.bytes).unwrap();
        schema = Some(encoded.summary.schema);
    }
    fs::write(folder.join("rows.json"), Value::from(rows).to_string()).unwrap();
    fs::write(folder.join("schema.json"), schema.unwrap().to_json()).unwrap();
    rescued
}

fn document(kinds: &[Kind], dice: &mut Dice) -> Value {
    let mut fields = Map::new();
    for (name, kind) in FIELDS.iter().zip(kinds) {
        if dice.below(6) > 0 {
            fields.insert((*name).to_owned(), kind.value(dice));
        }
    }
    Value::Object(fields)
}

/// What the values of a field are in one file.
#[derive(Debug, Clone)]
enum Kind {
    Int,
    Double,
    Big,
    Boolean,
    Text,
    Instant,
    Day,
    Null,
    Object(Vec<(&'static str, Kind)>),
    Array(Box<Kind>),
}

impl Kind {
    fn any(dice: &mut Dice, depth: usize) -> Kind {
        match dice.below(if depth == 0 { 9 } else { 13 }) {
            0 | 1 => Kind::Int,
            2 | 3 => Kind::Double,
            4 => Kind::Big,
            5 => Kind::Boolean,
            6 => Kind::Text,
            7 => Kind::Instant,
            8 if dice.below(3) == 0 => Kind::Null,
            8 => Kind::Day,
            9..11 => {
                let names = ["x", "y", "z"];
                let count = 1 + dice.below(3);
                let names = names.iter().cycle().skip(dice.below(3)).take(count);
                Kind::Object(names.map(|name| (*name, Kind::any(dice, depth - 1))).collect())
            }
            _ => Kind::Array(Box::new(Kind::any(dice, depth - 1))),
        }
    }

    fn value(&self, dice: &mut Dice) -> Value {
        let n = dice.below(50);
        match self {
            Kind::Int => json!(n),
            Kind::Double => json!(n as f64 + 0.5),
            Kind::Big => json!(u64::MAX - n as u64),
            Kind::Boolean => json!(n.is_multiple_of(2)),
            Kind::Text => json!(format!("text {n}")),
            Kind::Instant => json!(format!("2026-01-02T03:04:{n:02}.678Z")),
            Kind::Day => json!(format!("2026-01-{:02}", 1 + n % 28)),
            Kind::Null => Value::Null,
            Kind::Object(fields) => {
                let field = |(name, kind): &(&str, Kind)| ((*name).to_owned(), kind.value(dice));
                Value::Object(fields.iter().map(field).collect())
            }
            Kind::Array(element) => (0..n % 4).map(|_| element.value(dice)).collect(),
        }
    }
}
