//! Acceptance 1 and 7 of issue 12 for record batches: their rows come back, and equal rows give
//! equal bytes, however the arrays lie in memory and wherever batches are cut.
//!
//! `COLDPRESS_BATCHES_SEED=N` tries other cases; a failure prints the seed of its case, and
//! `COLDPRESS_BATCHES_CASE=SEED` runs that one alone.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

#[path = "batches/arrays.rs"]
mod arrays;
#[path = "batches/cells.rs"]
mod cells;
#[path = "batches/peer.rs"]
mod peer;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema as ArrowSchema};
use coldpress_core::{EncodedFile, Encoder, NewFields, Projection, Settings};
use coldpress_tests::roundtrip::{decode, encode_text, target};
use serde_json::{Map, Value};

use arrays::array;
use cells::{Cell, Type};
use coldpress_tests::dice::Dice;

const CASES: u64 = 10_000;

#[test]
fn batches_come_back_and_equal_rows_give_equal_bytes() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let mut tally = Tally::default();
    if let Some(seed) = number("COLDPRESS_BATCHES_CASE") {
        return check(&Case::new(seed), seed, &mut tally);
    }
    let first = number("COLDPRESS_BATCHES_SEED").unwrap_or(12) << 32;
    for seed in first..first + CASES {
        check(&Case::new(seed), seed, &mut tally);
    }
    let Tally { same_as_inferred, rescued, absent } = tally;
    // What the cases are to try.
    assert!(same_as_inferred > CASES / 50, "{same_as_inferred} cases are like inferred ones");
    assert!(rescued > CASES / 50, "{rescued} cases rescue values");
    assert!(absent > CASES / 10, "{absent} cases have absent fields");
}

#[derive(Default)]
struct Tally {
    /// Cases whose JSON alone gives the same file.
    same_as_inferred: u64,
    rescued: u64,
    absent: u64,
}

/// Rows of some batches. A batch may lack columns that others have.
struct Case {
    columns: Vec<(String, Type)>,
    /// For each batch: its columns, and its rows with a cell for each of these.
    parts: Vec<(Vec<usize>, Vec<Vec<Cell>>)>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let columns: Vec<(String, Type)> =
            (0..1 + dice.below(5)).map(|at| (format!("c{at}"), Type::any(&mut dice, 2))).collect();
        let parts = (0..1 + dice.below(3)).map(|_| {
            let has = |dice: &mut Dice| dice.below(8) > 0;
            let held: Vec<usize> = (0..columns.len()).filter(|_| has(&mut dice)).collect();
            let rows = (0..1 + dice.below(6))
                .map(|_| held.iter().map(|at| columns[*at].1.cell(&mut dice)).collect())
                .collect();
            (held, rows)
        });
        let parts = parts.collect();
        Case { columns, parts }
    }

    /// The rows as JSON.
    fn rows(&self) -> Vec<Value> {
        let parts = self.parts.iter().flat_map(|(held, rows)| {
            rows.iter().map(|row| {
                let field = |(at, cell): (&usize, &Cell)| {
                    let (name, column_type) = &self.columns[*at];
                    (name.clone(), column_type.json(cell))
                };
                Value::Object(held.iter().zip(row).map(field).collect::<Map<_, _>>())
            })
        });
        parts.collect()
    }

    /// The batches, with arrays of forms that `dice` chooses, cut where it says.
    fn batches(&self, dice: &mut Dice, cut: bool) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        for (held, rows) in &self.parts {
            let columns = held.iter().enumerate().map(|(at, of)| {
                let (name, column_type) = &self.columns[*of];
                let cells: Vec<&Cell> = rows.iter().map(|row| &row[at]).collect();
                let array = array(column_type, &cells, dice);
                (Field::new(name, array.data_type().clone(), true), array)
            });
            let (fields, arrays): (Vec<_>, Vec<_>) = columns.unzip();
            let fields: Vec<Field> = fields
                .into_iter()
                .zip(held)
                .map(|(field, of)| self.columns[*of].1.mark(field))
                .collect();
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
            let schema = Arc::new(ArrowSchema::new(fields));
            let batch = RecordBatch::try_new_with_options(schema, arrays, &options).unwrap();
            let middle = if cut { dice.below(rows.len() + 1) } else { 0 };
            batches.push(batch.slice(0, middle));
            batches.push(batch.slice(middle, rows.len() - middle));
        }
        batches
    }
}

fn encode(batches: &[RecordBatch]) -> EncodedFile {
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    batches.iter().for_each(|batch| encoder.push_batch(batch).unwrap());
    encoder.finish(&target()).unwrap()
}

fn check(case: &Case, seed: u64, tally: &mut Tally) {
    let rows = case.rows();
    let mut dice = Dice::new(seed ^ 0x5eed);
    let file = encode(&case.batches(&mut dice, false));
    let back: Vec<Value> = decode(&file, &Projection::All)
        .unwrap()
        .into_iter()
        .map(|row| row.value.unwrap())
        .collect();
    assert_eq!(back, rows, "case {seed}");

    let other = encode(&case.batches(&mut dice, true));
    assert!(other.bytes == file.bytes, "case {seed}: other arrays of the same rows, other bytes");

    let text: String = rows.iter().map(Value::to_string).collect();
    let schema = file.summary.schema.clone();
    let given = Settings {
        schema: Some(schema.clone()),
        new_fields: NewFields::Column,
        ..Settings::default()
    };
    let from_json = encode_text(&given, text.as_bytes()).unwrap();
    assert!(from_json.bytes == file.bytes, "case {seed}: JSON of the same types, other bytes");

    let inferred = encode_text(&Settings::default(), text.as_bytes()).unwrap();
    if inferred.summary.schema == schema {
        assert!(inferred.bytes == file.bytes, "case {seed}: inferred JSON, other bytes");
        tally.same_as_inferred += 1;
    }
    tally.rescued += u64::from(!file.summary.rescued.is_empty());
    tally.absent += u64::from(case.parts.iter().any(|(held, _)| held.len() < case.columns.len()));
}
