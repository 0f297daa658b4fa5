//! Acceptance 4 of issue 13: our answers over four generations of schema are DuckDB's.

use std::process::Command;

use coldpress_tests::tools;
use serde_json::{Value, json};

use crate::made::{Made, ROWS, TENANT};

/// Each orders its rows, or has one.
const QUERIES: [&str; 24] = [
    "select count(*), count(value), count(gone), count(new), count(_rescued_data) from events",
    "select _id, n, value, mixed, \"Name\", gone, new, ok from events order by n",
    "select min(n), max(n), min(value), max(value), sum(n), avg(value) from events",
    "select mixed from events where mixed = 'text 250' or mixed = '7' or mixed = 'true' order by n",
    "select count(*) from events where mixed is not null and mixed like 'text%'",
    "select n from events where value = 3 order by n",
    "select n from events where value > 40.1 order by n",
    "select n from events where value in (1, 33.125) and n > 100 order by n",
    "select _id from events where _id in ('id-0005', 'id-0399', 'id-9999') order by _id",
    "select \"Name\", count(*), sum(value) from events group by \"Name\" order by \"Name\"",
    "select s['a'], s['b'] from events order by n",
    "select n from events where s['a'] >= 198 and s['a'] < 301 order by n",
    "select n from events where s['b'] = 'Ada' and n < 50 order by n",
    "select s['c']['d'] from events where s['c']['d'] is not null order by n limit 5",
    "select n, tags from events where n between 98 and 302 order by n",
    "select unnest(tags) as tag from events where n in (3, 150, 250) order by tag",
    "select e.at from events e where e.at >= timestamp '2026-01-27 00:00:00' order by n",
    "select n from events e where e.at is null order by n desc limit 10",
    "select count(*), min(n) from events where _lsn_min >= 200",
    "select _lsn_min, _lsn_max, count(*) from events where _lsn_max < 300 and n % 10 = 1 \
     group by _lsn_min, _lsn_max order by _lsn_min",
    "select a.n, b.value from events a join events b on a.n = b.n + 100 where b.value < 2 \
     order by a.n, b.value",
    "select n, day, new from events where new = 3 and (ok is null or ok) order by n",
    "select n, gone from events where gone = 'early' order by n limit 3 offset 5",
    "select ok, count(distinct \"Name\") from events where n % 2 = 0 group by ok \
     order by ok nulls last",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_over_four_generations_of_schema_are_those_of_duckdb() {
    let made = Made::generations().await;
    let folder = made.folder.path().join(format!("data/{TENANT}/events"));
    let mut command = Command::new(tools::python().unwrap());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.arg(tools::root().join("tests/interop/sql.py")).arg(&folder);
    command.arg(json!(QUERIES).to_string());
    let output = tools::run(&mut command).unwrap_or_else(|problem| panic!("{problem}"));
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers.len(), QUERIES.len());
    let mut wrong = Vec::new();
    for (query, theirs) in QUERIES.iter().zip(&answers) {
        match made.ask(query).await {
            Ok(ours) if same(&json!(ours), theirs) => {}
            Ok(ours) => wrong.push(format!("{query}\n  ours   {ours:?}\n  DuckDB {theirs}")),
            Err(error) => wrong.push(format!("{query}\n  {error}")),
        }
    }
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
    // Empty answers would be equal too.
    let empty = answers.iter().filter(|answer| answer.as_array().unwrap().is_empty()).count();
    assert_eq!(empty, 0);
    assert_eq!(answers[1].as_array().unwrap().len() as u64, 4 * ROWS);
}

/// Numbers are the same if their doubles are, up to the last digit of a sum.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= 1e-12 * ours.abs()
        }
        _ => ours == theirs,
    }
}
