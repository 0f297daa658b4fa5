//! Whether a contestant's file holds what it was given: who loses rows is fast for nothing.

use std::fs::File;
use std::path::Path;

use parquet::basic::{Compression, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};

use crate::Result;
use crate::telemetry::{Event, SEED, Telemetry};

/// What all rows come to, whichever way they are stored.
#[derive(Debug, Clone, PartialEq, Default)]
struct Totals {
    rows: usize,
    ts: i64,
    temp: f64,
    humidity: f64,
    ok: usize,
    text: u64,
}

impl Totals {
    fn add_event(&mut self, event: &Event) {
        self.rows += 1;
        self.ts = self.ts.wrapping_add(event.ts);
        self.temp += event.temp;
        self.humidity += event.humidity;
        self.ok += usize::from(event.ok);
        for text in [&event.id, &event.device, &event.msg] {
            self.add_text(text);
        }
    }

    fn add_row(&mut self, row: &Row) -> Result<()> {
        self.rows += 1;
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("ts", Field::Long(ts)) => self.ts = self.ts.wrapping_add(*ts),
                ("temp", Field::Double(temp)) => self.temp += temp,
                ("humidity", Field::Double(humidity)) => self.humidity += humidity,
                ("ok", Field::Bool(ok)) => self.ok += usize::from(*ok),
                // The baseline keeps booleans as text.
                ("ok", Field::Str(ok)) => self.ok += usize::from(ok == "true"),
                ("_id" | "device" | "msg", Field::Str(text)) => self.add_text(text),
                (_, Field::Null) => {}
                (name, other) => return Err(format!("{name} holds {other:?}").into()),
            }
        }
        Ok(())
    }

    /// Adds up a hash of each text (FNV-1a), so that the order of columns does not matter.
    fn add_text(&mut self, text: &str) {
        let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        self.text = self.text.wrapping_add(hash);
    }
}

/// Reads all values of `file` and holds them against the first `rows` events of the default series.
///
/// # Errors
///
/// Where the file is no zstd Parquet file of those rows; the message says what differs.
pub fn every_value(file: &Path, rows: usize) -> Result<()> {
    let reader = SerializedFileReader::new(File::open(file)?)?;
    let metadata = reader.metadata();
    for chunk in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let path = chunk.column_path().string();
        if !matches!(chunk.compression(), Compression::ZSTD(_)) {
            return Err(format!("column {path} is compressed by {}", chunk.compression()).into());
        }
        let wanted = match path.as_str() {
            "ts" => Type::INT64,
            "temp" | "humidity" => Type::DOUBLE,
            _ => continue,
        };
        if chunk.column_type() != wanted {
            return Err(format!("column {path} is {}, not {wanted}", chunk.column_type()).into());
        }
    }
    let mut expected = Totals::default();
    Telemetry::new(SEED).take(rows).for_each(|event| expected.add_event(&event));
    let mut found = Totals::default();
    for row in reader.get_row_iter(None)? {
        found.add_row(&row?)?;
    }
    if found != expected {
        return Err(format!("its rows come to {found:?}, not {expected:?}").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seed, telemetry};

    #[test]
    fn what_is_whole_passes_and_what_is_not_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rows.parquet");
        let mut rows = telemetry::rows(300);
        std::fs::write(&file, seed::encode(&rows).unwrap()).unwrap();
        every_value(&file, 300).unwrap();
        assert!(every_value(&file, 299).unwrap_err().to_string().contains("rows: 300"));

        rows[7].1["msg"] = "changed".into();
        std::fs::write(&file, seed::encode(&rows).unwrap()).unwrap();
        assert!(every_value(&file, 300).unwrap_err().to_string().contains("text"));

        rows[0].1["ts"] = "5".into();
        std::fs::write(&file, seed::encode(&rows).unwrap()).unwrap();
        assert!(every_value(&file, 300).unwrap_err().to_string().contains("column ts"));
    }
}
