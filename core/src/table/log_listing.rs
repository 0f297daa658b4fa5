//! What the reader of a log asks for, and what a listing of its folder shows.

use std::collections::{BTreeMap, BTreeSet};

use super::name::{LogName, checkpoint_name, entry_name};

/// What a reader of a table is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogStep {
    /// Get this object of the log. Then call [`TableReader::got`](super::TableReader::got).
    Get {
        /// Its name, without the folder.
        name: String,
        /// The most bytes that it may have. A larger one is an error of kind `Limit`.
        bytes_max: u64,
    },
    /// List the names in the folder of the log that sort after this one, all of them. Then call
    /// [`TableReader::listed`](super::TableReader::listed).
    List {
        /// The name; empty for all names.
        after: String,
    },
    /// All is read: [`TableReader::table`](super::TableReader::table) has the table.
    Done,
}

/// An object in the folder of a log, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogObject {
    /// Its name, without the folder.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// The entries and checkpoints of a listing.
#[derive(Debug, Default)]
pub(super) struct LogListing {
    /// The versions that have an entry, and when it was made.
    entries: BTreeMap<u64, i64>,
    /// The checkpoints, whole or not.
    checkpoints: BTreeMap<u64, Found>,
    /// The versions with a checkpoint in a form that we do not read.
    unread: BTreeSet<u64>,
}

/// The objects of the checkpoints of one version.
#[derive(Debug, Default)]
struct Found {
    is_whole: bool,
    /// The parts that there are, by the number of parts.
    parts: BTreeMap<u32, BTreeMap<u32, String>>,
}

impl LogListing {
    pub(super) fn new(objects: &[LogObject]) -> Self {
        let mut listing = LogListing::default();
        for object in objects {
            match LogName::parse(&object.name) {
                LogName::Entry(version) => {
                    listing.entries.insert(version, object.modified_ms);
                }
                LogName::Checkpoint(version) => {
                    listing.checkpoints.entry(version).or_default().is_whole = true;
                }
                LogName::CheckpointPart { version, part, parts } => {
                    let found = listing.checkpoints.entry(version).or_default();
                    found.parts.entry(parts).or_default().insert(part, object.name.clone());
                }
                LogName::CheckpointV2(version) => {
                    listing.unread.insert(version);
                }
                LogName::LastCheckpoint | LogName::Other => {}
            }
        }
        listing
    }

    /// The newest version, up to this one, of which there is an entry or any object of a
    /// checkpoint: a checkpoint follows its entry, so the table had this version.
    pub(super) fn newest(&self, most: u64) -> Option<u64> {
        let entry = self.entries.range(..=most).next_back().map(|(version, _)| *version);
        let checkpoint = self.checkpoints.range(..=most).next_back().map(|(version, _)| *version);
        entry.max(checkpoint).max(self.unread_checkpoint(most))
    }

    /// The oldest entry.
    pub(super) fn oldest_entry(&self) -> Option<u64> {
        self.entries.first_key_value().map(|(version, _)| *version)
    }

    /// When the entry of this version was made, in milliseconds since 1970.
    pub(super) fn entry_ms(&self, version: u64) -> Option<i64> {
        self.entries.get(&version).copied()
    }

    /// The first of these versions without an entry.
    pub(super) fn missing(&self, first: u64, last: u64) -> Option<u64> {
        if first > last {
            return None;
        }
        let mut there = self.entries.range(first..=last).map(|(version, _)| *version);
        (first..=last).find(|version| there.next() != Some(*version))
    }

    /// The newest complete checkpoint up to this version that `is_usable`, and the names of its
    /// objects.
    pub(super) fn checkpoint(
        &self,
        most: u64,
        is_usable: impl Fn(u64) -> bool,
    ) -> Option<(u64, Vec<String>)> {
        let usable =
            self.checkpoints.range(..=most).rev().filter(|(version, _)| is_usable(**version));
        let mut complete = usable.filter_map(|(version, found)| {
            let names = match found.is_whole {
                true => vec![checkpoint_name(*version)],
                false => found.complete_parts()?,
            };
            Some((*version, names))
        });
        complete.next()
    }

    /// The newest checkpoint up to this version in a form that we do not read.
    pub(super) fn unread_checkpoint(&self, most: u64) -> Option<u64> {
        self.unread.range(..=most).next_back().copied()
    }

    /// Whether it shows no version at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.checkpoints.is_empty() && self.unread.is_empty()
    }
}

impl Found {
    /// A checkpoint counts only if none of its parts is missing.
    fn complete_parts(&self) -> Option<Vec<String>> {
        let is_complete = |(parts, there): &(&u32, &BTreeMap<u32, String>)| {
            there.len() as u64 == u64::from(**parts)
        };
        let (_, there) = self.parts.iter().find(is_complete)?;
        Some(there.values().cloned().collect())
    }
}

/// The name after which a listing shows all objects of this version and of later ones.
pub(super) fn name_before(version: u64) -> String {
    let mut name = entry_name(version);
    name.truncate(name.find('.').unwrap_or_default());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> LogListing {
        let object = |name: &&str| LogObject { name: (*name).to_owned(), bytes: 1, modified_ms: 7 };
        LogListing::new(&names.iter().map(object).collect::<Vec<_>>())
    }

    #[test]
    fn a_checkpoint_counts_only_with_all_its_parts() {
        let part = |part| format!("{:020}.checkpoint.{part:010}.0000000002.parquet", 4);
        let other = format!("{:020}.checkpoint.{:010}.0000000003.parquet", 4, 2);
        let one = listing(&[&part(1), &other, &checkpoint_name(2)]);
        assert_eq!(one.checkpoint(9, |_| true), Some((2, vec![checkpoint_name(2)])));
        let both = listing(&[&part(2), &other, &part(1), &checkpoint_name(2)]);
        assert_eq!(both.checkpoint(9, |_| true), Some((4, vec![part(1), part(2)])));
        assert_eq!(both.checkpoint(9, |version| version != 4).unwrap().0, 2);
        assert_eq!(both.checkpoint(3, |_| true).unwrap().0, 2);
        assert_eq!(both.checkpoint(1, |_| true), None);
    }

    #[test]
    fn the_first_missing_entry_is_found() {
        let names: Vec<String> = [3, 4, 6].map(entry_name).into();
        let listing = listing(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(listing.missing(3, 4), None);
        assert_eq!(listing.missing(5, 4), None);
        assert_eq!(listing.missing(3, 6), Some(5));
        assert_eq!(listing.missing(0, 6), Some(0));
        assert_eq!(listing.missing(6, u64::MAX), Some(7));
        assert_eq!((listing.newest(5), listing.oldest_entry()), (Some(4), Some(3)));
    }

    #[test]
    fn a_listing_begins_before_all_objects_of_a_version() {
        let before = name_before(10);
        assert!(before < checkpoint_name(10) && before < entry_name(10));
        assert!(before > entry_name(9));
    }
}
