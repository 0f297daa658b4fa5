//! What is known of a segment: here on this machine, and there in the archive.

use std::collections::BTreeMap;

use super::record::{SegmentChecksum, SegmentRecord};
use crate::{KeyPrefix, KeyTarget, ObjectKey};

/// Which segments of a folder are finished, and so may be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SealedRule {
    /// All but the newest.
    #[default]
    Last,
    /// Those that PostgreSQL says are: `archive_status/NAME.ready` lies beside them. It becomes `.done` once they
    /// are archived and read back.
    Ready,
    /// Those not modified for so long, and never the newest.
    Age {
        /// The time since the last modification.
        ms: u64,
    },
}

/// What PostgreSQL's `archive_status` says of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ArchiveMark {
    /// Nothing.
    #[default]
    None,
    /// It waits to be archived.
    Ready,
    /// It has been archived.
    Done,
}

/// A segment in the folder that is archived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSegment {
    /// Its file name, and its name in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last modified, in milliseconds since 1970.
    pub modified_ms: u64,
    /// How long ago that was when the folder was looked at, by the clock that the file system goes by.
    pub age_ms: u64,
    /// What lies in `archive_status`; matters under [`SealedRule::Ready`] alone.
    pub mark: ArchiveMark,
}

/// What the archive holds under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedSegment {
    /// The segment's name.
    pub name: String,
    /// The size of the object; `None` where only a record is there: a put that was broken off.
    pub bytes: Option<u64>,
    /// When it was stored, in milliseconds since 1970 by the store's clock.
    pub modified_ms: u64,
    /// What its bytes must be, by the records beside it: one, unless it was once put with other content too.
    pub records: Vec<SegmentChecksum>,
}

impl ArchivedSegment {
    /// Whether its object and a record of that length are there.
    pub fn is_recorded(&self) -> bool {
        self.records.iter().any(|record| Some(record.bytes) == self.bytes)
    }
}

/// Puts together what a listing of an archive's folder shows: (path, size, milliseconds since 1970) of each
/// object. In the order of names' bytes; what belongs to another node, or is none of ours, is passed over.
pub fn archived_segments<'p>(
    prefix: &KeyPrefix,
    node: Option<&str>,
    objects: impl Iterator<Item = (&'p str, u64, u64)>,
) -> Vec<ArchivedSegment> {
    let mut found: BTreeMap<String, ArchivedSegment> = BTreeMap::new();
    for (path, bytes, modified_ms) in objects {
        let record = SegmentRecord::parse(prefix, path).ok();
        let key = match &record {
            Some(record) => record.key().clone(),
            None => match ObjectKey::parse(prefix, path) {
                Ok(key) => key,
                Err(_) => continue,
            },
        };
        let KeyTarget::Wal { node: of, segment } = key.target() else { continue };
        if of.as_deref() != node {
            continue;
        }
        let entry = found.entry(segment.clone()).or_insert_with(|| ArchivedSegment {
            name: segment.clone(),
            bytes: None,
            modified_ms,
            records: Vec::new(),
        });
        match record {
            Some(record) => entry.records.push(record.checksum()),
            None => (entry.bytes, entry.modified_ms) = (Some(bytes), modified_ms),
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_records_are_put_together_by_name() {
        let prefix = KeyPrefix::new("p").unwrap();
        let listed = [
            ("p/wal/a", 3, 10),
            ("p/wal/a~crc32c-00000001-3", 0, 9),
            ("p/wal/a~crc32c-00000002-4", 0, 8),
            ("p/wal/b%2F", 5, 11),
            ("p/wal/c~crc32c-00000003-7", 0, 12),
            ("p/wal/node/d", 1, 1),
            ("p/wal/x~y", 1, 1),
            ("p/7/c/lsn-0-1.parquet", 1, 1),
        ];
        let all = archived_segments(&prefix, None, listed.into_iter());
        let names: Vec<&str> = all.iter().map(|segment| segment.name.as_str()).collect();
        assert_eq!(names, ["a", "b/", "c"]);
        assert_eq!((all[0].bytes, all[0].modified_ms, all[0].records.len()), (Some(3), 10, 2));
        assert_eq!((all[1].bytes, all[1].records.len()), (Some(5), 0));
        assert_eq!((all[2].bytes, all[2].modified_ms), (None, 12));
        let recorded: Vec<bool> = all.iter().map(ArchivedSegment::is_recorded).collect();
        assert_eq!(recorded, [true, false, false]);
        let node = archived_segments(&prefix, Some("node"), listed.into_iter());
        assert_eq!((node.len(), node[0].name.as_str()), (1, "d"));
    }
}
