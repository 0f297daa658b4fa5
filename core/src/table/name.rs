//! The names in the folder of a log.

/// The name of the object that says which checkpoint is the newest.
pub const LAST_CHECKPOINT: &str = "_last_checkpoint";

/// Digits of a version in a name.
const VERSION_DIGITS: usize = 20;
/// The highest version: Delta's are signed numbers of 64 bits.
const VERSION_MAX: u64 = i64::MAX as u64;

/// What the name of an object in the folder of a log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogName {
    /// The entry of this version.
    Entry(u64),
    /// A checkpoint of this version, in one file of the classic form.
    Checkpoint(u64),
    /// One part of a checkpoint of this version.
    CheckpointPart {
        /// The version.
        version: u64,
        /// Which part, from 1.
        part: u32,
        /// How many parts there are.
        parts: u32,
    },
    /// A checkpoint of this version whose name has a UUID (Delta's "v2"), which we do not read.
    CheckpointV2(u64),
    /// Which checkpoint is the newest.
    LastCheckpoint,
    /// Anything else, such as a checksum file of another writer.
    Other,
}

impl LogName {
    /// Reads a name, without the folder.
    pub fn parse(name: &str) -> Self {
        if name == LAST_CHECKPOINT {
            return LogName::LastCheckpoint;
        }
        let Some((digits, rest)) = name.split_once('.') else { return LogName::Other };
        let Some(version) = fixed(digits, VERSION_DIGITS).filter(|n| *n <= VERSION_MAX) else {
            return LogName::Other;
        };
        match rest {
            "json" => return LogName::Entry(version),
            "checkpoint.parquet" => return LogName::Checkpoint(version),
            _ => {}
        }
        let Some(rest) = rest.strip_prefix("checkpoint.") else { return LogName::Other };
        let parts: Vec<&str> = rest.split('.').collect();
        match parts.as_slice() {
            [part, parts, "parquet"] => {
                let number = |digits| fixed(digits, 10).and_then(|n| u32::try_from(n).ok());
                match (number(part), number(parts)) {
                    (Some(part), Some(parts)) if (1..=parts).contains(&part) => {
                        LogName::CheckpointPart { version, part, parts }
                    }
                    _ => LogName::Other,
                }
            }
            [_, "parquet" | "json"] => LogName::CheckpointV2(version),
            _ => LogName::Other,
        }
    }
}

/// The name of the entry of a version.
pub fn entry_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// The name of our checkpoint of a version.
pub fn checkpoint_name(version: u64) -> String {
    format!("{version:020}.checkpoint.parquet")
}

/// A number of exactly so many digits.
fn fixed(digits: &str, width: usize) -> Option<u64> {
    let is_number = digits.len() == width && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        let read = |name: &str| LogName::parse(name);
        assert_eq!(read("_last_checkpoint"), LogName::LastCheckpoint);
        assert_eq!(read("00000000000000000007.json"), LogName::Entry(7));
        assert_eq!(read(&entry_name(7)), LogName::Entry(7));
        assert_eq!(read(&checkpoint_name(10)), LogName::Checkpoint(10));
        let part = "00000000000000000010.checkpoint.0000000002.0000000003.parquet";
        assert_eq!(read(part), LogName::CheckpointPart { version: 10, part: 2, parts: 3 });
        let uuid = "00000000000000000010.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json";
        assert_eq!(read(uuid), LogName::CheckpointV2(10));
        for other in [
            "7.json",
            "00000000000000000007.crc",
            "00000000000000000007.compacted.json",
            "99999999999999999999.json",
            "0000000000000000000٣.json",
            "00000000000000000010.checkpoint.0000000004.0000000003.parquet",
            "00000000000000000010.checkpoint.0000000000.0000000003.parquet",
            "_commits",
            "",
        ] {
            assert_eq!(read(other), LogName::Other, "{other}");
        }
    }
}
