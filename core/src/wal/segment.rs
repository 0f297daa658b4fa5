//! The facts of a segment: in the folder of this machine, and in the archive.

use std::collections::BTreeMap;
use std::time::Duration;

use super::record::{SegmentChecksum, SegmentRecord};
use crate::{KeyPrefix, KeyTarget, ObjectKey};

/// Which segments of a folder are finished, and so may be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SealedRule {
    /// All but the newest.
    #[default]
    Last,
    /// Those that PostgreSQL marks with a file `archive_status/NAME.ready`. The file becomes
    /// `.done` once the segment is archived and read back.
    Ready,
    /// Those that were not modified for this long, but never the newest.
    Age {
        /// The time since the last modification.
        age: Duration,
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

/// A segment in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSegment {
    /// Its file name, and its name in the archive.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was last modified, in milliseconds since 1970.
    pub modified_ms: u64,
    /// The time since then, at the look at the folder, by the clock of the file system.
    pub age_ms: u64,
    /// Its mark in `archive_status`; only [`SealedRule::Ready`] uses it.
    pub mark: ArchiveMark,
}

/// What the archive holds under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedSegment {
    /// The segment's name.
    pub name: String,
    /// The size of the object. `None` if only a record exists, because a put did not finish.
    pub bytes: Option<u64>,
    /// When it was stored, in milliseconds since 1970 by the store's clock.
    pub modified_ms: u64,
    /// What its bytes must be, by the records beside it. There is one record, unless the segment
    /// was also put with other content.
    pub records: Vec<SegmentChecksum>,
    /// When the last of them was stored, by the same clock as `modified_ms`.
    pub recorded_ms: u64,
}

impl ArchivedSegment {
    /// Whether the records alone prove that the object has this content, so that it need not be
    /// read.
    ///
    /// A record is put before its object. A record that is younger than the object may come from a
    /// later put that found other content there, perhaps of the same length. So it proves nothing,
    /// and one of several records proves nothing either.
    pub fn vouches_for(&self, checksum: SegmentChecksum) -> bool {
        self.bytes == Some(checksum.bytes)
            && self.records == [checksum]
            && self.recorded_ms <= self.modified_ms
    }
}

/// Makes segments of a listing of an archive's folder: (path, size, milliseconds since 1970) of
/// each object. The result is in the byte order of names. Objects of another node and foreign
/// objects are ignored.
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
            recorded_ms: 0,
        });
        match record {
            Some(record) => {
                entry.records.push(record.checksum());
                entry.recorded_ms = entry.recorded_ms.max(modified_ms);
            }
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
        assert_eq!((all[0].recorded_ms, all[1].recorded_ms, all[2].recorded_ms), (9, 0, 12));
        let node = archived_segments(&prefix, Some("node"), listed.into_iter());
        assert_eq!((node.len(), node[0].name.as_str()), (1, "d"));
    }

    #[test]
    fn records_vouch_only_where_no_other_put_can_have_left_them() {
        let own = SegmentChecksum { crc32c: 1, bytes: 3 };
        let archived = |records: Vec<SegmentChecksum>, recorded_ms| ArchivedSegment {
            name: "a".to_owned(),
            bytes: Some(3),
            modified_ms: 10,
            records,
            recorded_ms,
        };
        assert!(archived(vec![own], 9).vouches_for(own));
        assert!(archived(vec![own], 10).vouches_for(own));
        assert!(!archived(vec![own], 11).vouches_for(own), "put after the object");
        let other = SegmentChecksum { crc32c: 2, bytes: 3 };
        assert!(!archived(vec![own, other], 9).vouches_for(own), "which of the two?");
        assert!(!archived(vec![other], 9).vouches_for(own));
        assert!(!archived(vec![], 0).vouches_for(own));
        let long = ArchivedSegment { bytes: Some(4), ..archived(vec![own], 9) };
        assert!(!long.vouches_for(own));
        let none = ArchivedSegment { bytes: None, ..archived(vec![own], 9) };
        assert!(!none.vouches_for(own));
    }
}
