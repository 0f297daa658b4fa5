//! The object `_last_checkpoint`, which says which checkpoint is the newest.

use serde::{Deserialize, Serialize};

/// The most bytes of the object that are read. Some writers put the schema of the checkpoint into
/// it.
const HINT_BYTES_MAX: usize = 16 << 20;

/// Which checkpoint is the newest. It is only a hint: a newer checkpoint may exist, and this one
/// may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheckpoint {
    /// The version of the table.
    pub version: u64,
    /// How many actions the checkpoint has.
    #[serde(rename = "size")]
    pub actions: u64,
    /// How many parts it has; `None` if it is one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
    /// Its size in bytes, over all parts.
    #[serde(rename = "sizeInBytes", default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many files it adds.
    #[serde(rename = "numOfAddFiles", default, skip_serializing_if = "Option::is_none")]
    pub adds: Option<u64>,
}

/// The bytes of the object `_last_checkpoint`, without the optional checksum. Source: the [Delta
/// protocol](https://github.com/delta-io/delta/blob/master/PROTOCOL.md), "Last Checkpoint File
/// Schema".
pub fn write_last_checkpoint(last: &LastCheckpoint) -> Vec<u8> {
    // A struct of numbers always has a JSON form.
    serde_json::to_vec(last).unwrap_or_default()
}

/// Reads the object `_last_checkpoint`. `None` if it is damaged, or if it makes no sense: then a
/// listing of the log finds the newest checkpoint.
pub fn read_last_checkpoint(bytes: &[u8]) -> Option<LastCheckpoint> {
    if bytes.len() > HINT_BYTES_MAX {
        return None;
    }
    let last: LastCheckpoint = serde_json::from_slice(bytes).ok()?;
    let makes_sense = i64::try_from(last.version).is_ok() && last.parts != Some(0);
    makes_sense.then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_comes_back_as_it_was_written() {
        let whole =
            LastCheckpoint { version: 20, actions: 9, parts: None, bytes: Some(4_096), adds: None };
        let bytes = write_last_checkpoint(&whole);
        assert_eq!(bytes, br#"{"version":20,"size":9,"sizeInBytes":4096}"#);
        assert_eq!(read_last_checkpoint(&bytes), Some(whole));
        let parts = LastCheckpoint { parts: Some(3), adds: Some(7), ..whole };
        assert_eq!(read_last_checkpoint(&write_last_checkpoint(&parts)), Some(parts));
    }

    #[test]
    fn what_other_writers_add_is_passed_over() {
        let bytes = br#"{"version":10,"size":13,"sizeInBytes":14361,"numOfAddFiles":11,
            "checkpointSchema":{"type":"struct","fields":[]},"checksum":"5ade","tags":null}"#;
        let last = read_last_checkpoint(bytes).unwrap();
        assert_eq!((last.version, last.actions, last.adds), (10, 13, Some(11)));
    }

    #[test]
    fn a_damaged_hint_is_no_hint() {
        for bad in [
            "",
            "{}",
            "[]",
            "7",
            r#"{"version":1}"#,
            r#"{"version":-1,"size":1}"#,
            r#"{"version":9223372036854775808,"size":1}"#,
            r#"{"version":1,"size":1,"parts":0}"#,
            r#"{"version":1,"size":1,"parts":4294967296}"#,
            r#"{"version":1,"size":1}}"#,
        ] {
            assert_eq!(read_last_checkpoint(bad.as_bytes()), None, "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read_last_checkpoint(deep.as_bytes()), None);
    }
}
