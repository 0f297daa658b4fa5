//! The history of a table: what each entry of its log did.

use super::action::{CommitInfo, LogAction};

/// What one version of a table did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableVersion {
    /// The version.
    pub version: u64,
    /// When it was committed by the writer's clock, in milliseconds since 1970, if it says so.
    pub committed_ms: Option<i64>,
    /// What kind of commit it was, such as `WRITE`.
    pub operation: Option<String>,
    /// The program that committed it, such as `coldpress/0.1.0`.
    pub engine: Option<String>,
    /// How many files it added.
    pub files_added: u64,
    /// How many files it removed.
    pub files_removed: u64,
    /// How many rows the added files have; `None` if one of them does not say.
    pub rows_added: Option<u64>,
    /// How many bytes the added files have.
    pub bytes_added: u64,
    /// How many bytes the removed files had; `None` if one of them does not say.
    pub bytes_removed: Option<u64>,
    /// Whether it set the columns or the properties of the table.
    pub sets_metadata: bool,
    /// Whether it brought or took away rows, and did not only arrange them.
    pub changes_rows: bool,
}

impl TableVersion {
    /// What the entry of this version did, by its actions.
    pub fn new(version: u64, actions: &[LogAction]) -> Self {
        let mut done = TableVersion {
            version,
            rows_added: Some(0),
            bytes_removed: Some(0),
            ..TableVersion::default()
        };
        for action in actions {
            match action {
                LogAction::CommitInfo(info) => done.info(info),
                LogAction::Metadata(_) => done.sets_metadata = true,
                LogAction::Add(add) => {
                    done.files_added += 1;
                    done.bytes_added = done.bytes_added.saturating_add(add.bytes);
                    done.rows_added = sum(done.rows_added, add.stats.as_deref().and_then(rows));
                    done.changes_rows |= add.data_change;
                }
                LogAction::Remove(remove) => {
                    done.files_removed += 1;
                    done.bytes_removed = sum(done.bytes_removed, remove.bytes);
                    done.changes_rows |= remove.data_change;
                }
                LogAction::Protocol(_) | LogAction::Transaction(_) | LogAction::Other(_) => {}
            }
        }
        done
    }

    fn info(&mut self, info: &CommitInfo) {
        self.committed_ms = info.timestamp_ms();
        self.operation = info.operation().map(str::to_owned);
        let engine = info.0.get("engineInfo").and_then(serde_json::Value::as_str);
        self.engine = engine.map(str::to_owned);
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one?.checked_add(other?)
}

/// The number of rows in the statistics of a file.
fn rows(stats: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stats {
        num_records: u64,
    }
    serde_json::from_str::<Stats>(stats).ok().map(|stats| stats.num_records)
}

#[cfg(test)]
mod tests {
    use super::super::entry::read_entry;
    use super::*;

    #[test]
    fn an_entry_says_what_it_did() {
        let entry = concat!(
            r#"{"commitInfo":{"timestamp":17,"operation":"WRITE","engineInfo":"x/1"}}"#,
            "\n",
            r#"{"metaData":{"id":"","format":{"provider":"parquet"},"schemaString":""}}"#,
            "\n",
            r#"{"add":{"path":"a","size":5,"modificationTime":1,"dataChange":true,"#,
            r#""stats":"{\"numRecords\":3,\"minValues\":{}}"}}"#,
            "\n",
            r#"{"remove":{"path":"b","dataChange":false,"size":4}}"#,
        );
        let mut actions = read_entry(9, entry.as_bytes()).unwrap();
        let expected = TableVersion {
            version: 9,
            committed_ms: Some(17),
            operation: Some("WRITE".to_owned()),
            engine: Some("x/1".to_owned()),
            files_added: 1,
            files_removed: 1,
            rows_added: Some(3),
            bytes_added: 5,
            bytes_removed: Some(4),
            sets_metadata: true,
            changes_rows: true,
        };
        assert_eq!(TableVersion::new(9, &actions), expected);
        for action in &mut actions {
            match action {
                LogAction::Add(add) => add.stats = None,
                LogAction::Remove(remove) => remove.bytes = None,
                _ => {}
            }
        }
        let unknown = TableVersion::new(9, &actions);
        assert_eq!((unknown.rows_added, unknown.bytes_removed), (None, None));
    }
}
