//! Sorts the names in a store: our keys, our other names, and foreign names.

use coldpress_core::{KeyPrefix, KeyTarget, ObjectKey, SegmentRecord};

use crate::store::local::list::is_staged;

/// The folder of our probes, directly below the prefix.
const PROBES: &str = "_coldpress";
/// The folder of a table's log, in the folder of its collection.
const TABLE_LOG: &str = "_delta_log";

/// What a folder below the prefix is for. Keys are at most two folders deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FolderKind {
    /// The folder of the prefix itself.
    Top,
    /// `7/`
    Tenant,
    /// `7/events/`: data files.
    Collection,
    /// `wal/`: segments.
    Wal,
    /// `wal/node/`: segments.
    Node,
    /// One of our folders without keys.
    Own,
}

/// What a name in a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// The key of an object of ours.
    Key(ObjectKey),
    /// Ours, but not a key: a probe, a claim, the record of a segment, a staged file, the marker of
    /// a folder.
    Own,
    /// Foreign: the shortest path, with the prefix, that cannot lead to a key of ours.
    Foreign(String),
}

impl FolderKind {
    /// What the folder `path`, inside a folder of kind `self`, is for; `None` if it is foreign.
    /// `path` has the prefix, and no `/` at its end.
    pub(crate) fn below(self, prefix: &KeyPrefix, path: &str) -> Option<FolderKind> {
        let own = path.rsplit('/').next().unwrap_or(path);
        // Only `ObjectKey` knows the grammar of keys: a folder is ours if it can hold a key.
        let holds = |key: &str| ObjectKey::parse(prefix, &format!("{path}/{key}")).ok();
        match self {
            FolderKind::Top if own == PROBES => Some(FolderKind::Own),
            FolderKind::Top if own == "wal" => Some(FolderKind::Wal),
            FolderKind::Top => holds("x/lsn-0-0.parquet").map(|_| FolderKind::Tenant),
            FolderKind::Tenant => holds("lsn-0-0.parquet").map(|_| FolderKind::Collection),
            FolderKind::Collection
                if own == TABLE_LOG || ObjectKey::is_note(prefix, &format!("{path}/x")) =>
            {
                Some(FolderKind::Own)
            }
            FolderKind::Wal => holds("x").map(|_| FolderKind::Node),
            FolderKind::Own => Some(FolderKind::Own),
            FolderKind::Collection | FolderKind::Node => None,
        }
    }

    /// What the file or object `path`, inside a folder of kind `self`, is.
    pub(crate) fn file(self, prefix: &KeyPrefix, path: &str) -> Name {
        if let Ok(key) = ObjectKey::parse(prefix, path) {
            // A folder of another kind cannot hold this key.
            let fits = match key.target() {
                KeyTarget::Data { .. } => self == FolderKind::Collection,
                KeyTarget::Wal { .. } => matches!(self, FolderKind::Wal | FolderKind::Node),
            };
            if fits {
                return Name::Key(key);
            }
        }
        let own = path.rsplit('/').next().unwrap_or(path);
        if self == FolderKind::Own || is_staged(own) || SegmentRecord::parse(prefix, path).is_ok() {
            return Name::Own;
        }
        Name::Foreign(path.to_owned())
    }
}

impl Name {
    /// What an object of this name in a bucket is.
    pub(crate) fn of(prefix: &KeyPrefix, name: &str) -> Name {
        let Some(rest) = name.strip_prefix(prefix.as_str()) else {
            return Name::Foreign(name.to_owned());
        };
        let mut place = FolderKind::Top;
        let mut end = prefix.as_str().len();
        for part in rest.split_inclusive('/') {
            end += part.len();
            if !part.ends_with('/') {
                return place.file(prefix, name);
            }
            match place.below(prefix, &name[..end - 1]) {
                Some(below) => place = below,
                None => return Name::Foreign(name[..end].to_owned()),
            }
        }
        // It ends with `/`: some tools store such objects in a bucket to show a folder.
        Name::Own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_is_told() {
        let prefix = KeyPrefix::new("p").unwrap();
        let key = |name: &str| Name::Key(ObjectKey::parse(&prefix, name).unwrap());
        for name in
            ["p/7/c/lsn-0-9.parquet", "p/7/a%2Fb/lsn-1-2.parquet", "p/wal/0001", "p/wal/n/0001"]
        {
            assert_eq!(Name::of(&prefix, name), key(name));
        }
        for name in [
            "p/",
            "p/7/",
            "p/7/c/",
            "p/wal/n/",
            "p/_coldpress/probe-1/0/probe/lsn-0-0.parquet",
            "p/_coldpress/a//b",
            "p/7/c/_claims/0",
            "p/7/c/_appends/x",
            "p/7/c/_delta_log/0.json",
            "p/7/c/.coldpress-0123#0",
            "p/wal/0001~crc32c-e3069283-9",
            "p/wal/n/0001~crc32c-e3069283-9",
        ] {
            assert_eq!(Name::of(&prefix, name), Name::Own, "{name}");
        }
        for (name, foreign) in [
            ("p//x", "p//"),
            ("p/7//lsn-0-0.parquet", "p/7//"),
            ("p/7/../c/lsn-0-0.parquet", "p/7/../"),
            ("p/7/c/./x", "p/7/c/./"),
            ("p/photos/2020/a.jpg", "p/photos/"),
            ("p/07/c/lsn-0-0.parquet", "p/07/"),
            ("p/7/c/notes.txt", "p/7/c/notes.txt"),
            ("p/7/c/lsn-9-0.parquet", "p/7/c/lsn-9-0.parquet"),
            ("p/7/c/lsn-0-0.parquet/x", "p/7/c/lsn-0-0.parquet/"),
            ("p/7/c/lsn-0-0.parquet\n", "p/7/c/lsn-0-0.parquet\n"),
            ("p/7/lsn-0-0.parquet", "p/7/lsn-0-0.parquet"),
            ("p/7", "p/7"),
            ("p/wal/a/b/c", "p/wal/a/b/"),
            ("p/wal/a~b", "p/wal/a~b"),
            ("p/_claims/0", "p/_claims/"),
            ("p/7/_claims", "p/7/_claims"),
            ("q/7/c/lsn-0-0.parquet", "q/7/c/lsn-0-0.parquet"),
            ("p", "p"),
        ] {
            assert_eq!(Name::of(&prefix, name), Name::Foreign(foreign.to_owned()), "{name:?}");
        }
    }

    #[test]
    fn an_empty_prefix_is_one() {
        let prefix = KeyPrefix::default();
        let name = "7/c/lsn-0-9.parquet";
        assert_eq!(Name::of(&prefix, name), Name::Key(ObjectKey::parse(&prefix, name).unwrap()));
        assert_eq!(Name::of(&prefix, "/7/c/x"), Name::Foreign("/".to_owned()));
        assert_eq!(Name::of(&prefix, ""), Name::Own);
    }
}
