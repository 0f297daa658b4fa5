//! The results of a listing.

use std::time::SystemTime;

use coldpress_core::ObjectKey;

use crate::storage::list::names::Name;

/// At most this many foreign names are kept. All are counted.
pub const FOREIGN_NAMES_KEPT: usize = 1_000;

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredObject {
    /// Its key, which says which rows it holds.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// When it was stored, by the store's clock.
    pub modified: SystemTime,
}

/// The contents of a store, or of a part of it:
/// [`ColdStorage::contents`](crate::ColdStorage::contents).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// Our objects: data in the order of tenant, collection and LSN, then segments of logs.
    pub objects: Vec<StoredObject>,
    /// The foreign names beside them.
    pub foreign: ForeignNames,
}

/// Names in a store that are not ours. They are never read, so nothing about them can make a
/// listing fail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignNames {
    /// How many there are. A folder that cannot hold a key of ours counts once, with everything in
    /// it.
    pub count: u64,
    /// The first of them, at most [`FOREIGN_NAMES_KEPT`].
    pub names: Vec<ForeignName>,
}

/// A name that is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForeignName {
    /// The whole name with the prefix, its parts joined by `/`. A folder's name ends with `/`.
    /// Bytes that are not UTF-8 show as U+FFFD.
    pub name: String,
    /// What it is, if it is neither a file nor a folder: for example `"a symbolic link"`.
    pub what: Option<&'static str>,
}

/// A staged file: a crashed put left it behind, or a put is writing it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its path in the store's folder, its parts joined by `/` as in a key.
    pub path: String,
    /// Its size so far.
    pub bytes: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

impl ForeignName {
    pub(super) fn new(name: String) -> Self {
        ForeignName { name, what: None }
    }
}

impl ForeignNames {
    /// Counts a foreign name, unless it is the `last` one again: a bucket lists everything in a
    /// foreign folder in a row, and the folder counts once.
    pub(super) fn see(&mut self, name: Name, last: &mut String) {
        let Name::Foreign(name) = name else { return };
        if *last != name {
            last.clone_from(&name);
            self.push(ForeignName::new(name));
        }
    }

    pub(super) fn push(&mut self, name: ForeignName) {
        self.count += 1;
        if self.names.len() < FOREIGN_NAMES_KEPT {
            self.names.push(name);
        }
    }
}
