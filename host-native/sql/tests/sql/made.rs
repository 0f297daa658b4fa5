//! Collections for the tests, and answers as JSON.

use std::sync::Arc;

use coldpress::{ColdStorage, ColdStorageConfig, Settings};
use coldpress_sql::datafusion::arrow::array::RecordBatch;
use coldpress_sql::datafusion::error::Result;
use coldpress_sql::datafusion::prelude::{SessionConfig, SessionContext};
use coldpress_sql::{JsonColumn, RegisterColdpress};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const TENANT: u64 = 7;
/// Rows in each file of [`Made::generations`].
pub const ROWS: u64 = 100;

/// A store in a temporary folder.
pub struct Made {
    pub folder: TempDir,
    pub storage: Arc<ColdStorage>,
}

impl Made {
    pub fn new() -> Self {
        Made::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ColdStorageConfig {
            local_dir: Some(folder.path().to_owned()),
            settings,
            ..ColdStorageConfig::default()
        };
        let storage = Arc::new(ColdStorage::new(config).unwrap());
        Made { folder, storage }
    }

    /// Stores rows with these ids and documents; the first one has the LSN `first`.
    pub async fn put(&self, collection: &str, first: u64, rows: &[Value]) -> String {
        let rows: Vec<(String, Value)> = rows
            .iter()
            .zip(first..)
            .map(|(row, lsn)| (format!("id-{lsn:04}"), row.clone()))
            .collect();
        let last = first + rows.len() as u64 - 1;
        self.storage
            .encode_and_upload(collection, TENANT, &rows, first, last)
            .await
            .unwrap()
            .to_string()
    }

    /// `events`: four files, each with another schema.
    pub async fn generations() -> Self {
        let made = Made::with(Settings { row_group_rows_max: 25, ..Settings::default() });
        for generation in 0..4 {
            let first = generation * ROWS;
            let rows: Vec<Value> = (first..first + ROWS).map(|n| row(generation, n)).collect();
            made.put("events", first, &rows).await;
        }
        made
    }

    pub fn session(&self) -> SessionContext {
        // Names are as the rows have them.
        let mut config = SessionConfig::new().with_target_partitions(2);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let context = SessionContext::new_with_config(config);
        context.register_coldpress(Arc::clone(&self.storage), TENANT).unwrap();
        context
    }

    /// The rows of a statement, each an array.
    pub async fn ask(&self, sql: &str) -> Result<Vec<Value>> {
        Ok(rows(&self.session().sql(sql).await?.collect().await?))
    }

    /// The text of a statement's only column: a plan.
    pub async fn text(&self, sql: &str) -> String {
        let rows = self.ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let line =
            |row: &Value| row.as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

pub fn rows(batches: &[RecordBatch]) -> Vec<Value> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<JsonColumn> =
            batch.columns().iter().map(|column| JsonColumn::new(column).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let mut text = "[".to_owned();
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                column.write(row, &mut text);
            }
            text.push(']');
            rows.push(serde_json::from_str(&text).unwrap());
        }
    }
    rows
}

fn row(generation: u64, n: u64) -> Value {
    let name = ["Ada", "Grace", "Edsger", "Barbara"][n as usize % 4];
    let at = format!("2026-01-{:02}T{:02}:00:00.{:03}Z", 1 + n % 28, n % 24, n);
    let third = n.is_multiple_of(3);
    // One value does not fit, and is rescued.
    let new = if n == 150 { json!("odd") } else { json!(n % 7) };
    let mut row = json!({"n": n, "Name": name, "s": {"a": n, "b": name}});
    let more = match generation {
        0 => json!({"value": n % 10, "mixed": n, "at": at, "ok": third, "tags": [n, 1],
            "gone": "early"}),
        1 => json!({"value": n as f64 / 4.0 + 0.125, "mixed": n, "at": at, "tags": [n, 2],
            "new": new}),
        2 => json!({"value": n % 10, "mixed": format!("text {n}"), "tags": [n as f64 + 0.5],
            "new": new, "day": "2026-02-28"}),
        _ => json!({"mixed": n.is_multiple_of(2), "at": at, "ok": true, "new": new,
            "s": {"c": {"d": n as f64 + 0.25}, "a": n as f64 + 0.5}}),
    };
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}
