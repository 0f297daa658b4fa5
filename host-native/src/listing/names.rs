//! Which names in a store are ours, which of them are keys, and which are strangers'.

use coldpress_core::{KeyPrefix, KeyTarget, ObjectKey, SegmentRecord};

use crate::local_store::{STAGED_END, STAGED_START};

/// The folder of our probes, just below the prefix.
const PROBES: &str = "_coldpress";
/// The folder of a table's log, in that of its collection.
const TABLE_LOG: &str = "_delta_log";

/// What a folder below the prefix is for. Keys lie at most two folders deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
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
    /// Ours, and without keys.
    Own,
}

/// What a name is that lies in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// The key of an object of ours.
    Key(ObjectKey),
    /// Ours, and no key: a probe, a claim, the record of a segment, a staged file, a folder's
    /// marker.
    Own,
    /// A stranger's: the shortest path, with its prefix, that can lead to no key of ours.
    Foreign(String),
}

impl Place {
    /// What the folder `path` is for, which lies in a folder for `self`; none where it is a
    /// stranger's.
    /// `path` has the prefix, and no `/` at its end.
    pub(crate) fn below(self, prefix: &KeyPrefix, path: &str) -> Option<Place> {
        let own = path.rsplit('/').next().unwrap_or(path);
        // The key grammar has one home: a folder is one of ours where a key can lie in it.
        let holds = |key: &str| ObjectKey::parse(prefix, &format!("{path}/{key}")).ok();
        match self {
            Place::Top if own == PROBES => Some(Place::Own),
            Place::Top if own == "wal" => Some(Place::Wal),
            Place::Top => holds("x/lsn-0-0.parquet").map(|_| Place::Tenant),
            Place::Tenant => holds("lsn-0-0.parquet").map(|_| Place::Collection),
            Place::Collection
                if own == TABLE_LOG || ObjectKey::is_note(prefix, &format!("{path}/x")) =>
            {
                Some(Place::Own)
            }
            Place::Wal => holds("x").map(|_| Place::Node),
            Place::Own => Some(Place::Own),
            Place::Collection | Place::Node => None,
        }
    }

    /// What the file or object `path` is, which lies in a folder for `self`.
    pub(crate) fn file(self, prefix: &KeyPrefix, path: &str) -> Name {
        if let Ok(key) = ObjectKey::parse(prefix, path) {
            // A folder that cannot hold this kind of key cannot have led here.
            let fits = match key.target() {
                KeyTarget::Data { .. } => self == Place::Collection,
                KeyTarget::Wal { .. } => matches!(self, Place::Wal | Place::Node),
            };
            if fits {
                return Name::Key(key);
            }
        }
        let own = path.rsplit('/').next().unwrap_or(path);
        if self == Place::Own || is_staged(own) || SegmentRecord::parse(prefix, path).is_ok() {
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
        let mut place = Place::Top;
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
        // It ends with `/`: what tools store in a bucket to show a folder of ours.
        Name::Own
    }
}

/// Whether a file of this name is one that is being written, or was.
pub(crate) fn is_staged(name: &str) -> bool {
    name.starts_with(STAGED_START) && name.ends_with(STAGED_END)
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
