//! The names of segments: their order, and the gaps between them.

use std::fmt;
use std::str::FromStr;

use super::parts::{
    POSTGRES_LOG_BYTES, POSTGRES_SEGMENT_BYTES, is_postgres_extra, is_postgres_segment_bytes,
    numbered, postgres_parts, postgres_segment_bytes,
};
use crate::{Error, Result};

/// How the segments of a log are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentNames {
    /// As PostgreSQL names them: 24 hexadecimal digits for timeline, log and segment. Its
    /// `.history`, `.backup` and `.partial` files are outside the sequence.
    Postgres,
    /// A number at the end, or before an extension: `wal-17`, `000017.log`.
    Number,
    /// Names in the order of their bytes. They cannot show that a segment is missing.
    Any,
}

impl FromStr for SegmentNames {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "postgres" => Ok(SegmentNames::Postgres),
            "number" => Ok(SegmentNames::Number),
            "any" => Ok(SegmentNames::Any),
            _ => Err(Error::settings(format!(
                "{text:?} is not a way to name segments; choose postgres, number or any"
            ))),
        }
    }
}

impl fmt::Display for SegmentNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SegmentNames::Postgres => "postgres",
            SegmentNames::Number => "number",
            SegmentNames::Any => "any",
        })
    }
}

/// The order of the segments of one log, by their names.
///
/// ```
/// use coldpress_core::SegmentOrder;
///
/// let order = SegmentOrder::detect([("wal-9", 100), ("wal-10", 100)].into_iter())?;
/// assert!(order.place("wal-9") < order.place("wal-10"));
/// let gap = order.gap("wal-9", "wal-12").ok_or("no gap")?;
/// assert_eq!((gap.first.as_str(), gap.segments), ("wal-10", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentOrder {
    names: SegmentNames,
    /// Only for PostgreSQL: how many segments make one log.
    per_log: u64,
}

/// Segments that are missing between two others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The last segment before them.
    pub after: String,
    /// The first segment that is missing.
    pub first: String,
    /// How many are missing.
    pub segments: u64,
    /// The first segment after them.
    pub before: String,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.segments {
            1 => write!(f, "segment {} is missing", self.first)?,
            n => write!(f, "{n} segments are missing, the first is {}", self.first)?,
        }
        write!(f, " (after {}, before {})", self.after, self.before)
    }
}

/// The place of a segment in the log. Places are compared to find the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentPlace {
    /// False for files outside the sequence. They come first, because a reader needs a `.history`
    /// file before the segments that follow it.
    is_segment: bool,
    /// The part of the name before the number: a timeline, or any text.
    group: String,
    number: u64,
    name: String,
}

impl SegmentPlace {
    /// The name of the segment.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is in the sequence. PostgreSQL's `.history` files, for example, are not.
    pub fn is_segment(&self) -> bool {
        self.is_segment
    }

    /// Its timeline, or the text before its number.
    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// Its number in that group.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The place before all others of this timeline.
    pub(super) fn start_of(group: &str) -> Self {
        let group = group.to_owned();
        SegmentPlace { is_segment: true, group, number: 0, name: String::new() }
    }
}

impl SegmentOrder {
    /// The order of names of this kind. `segment_bytes` is the size of PostgreSQL's segments;
    /// `None` means 16 MiB.
    pub fn new(names: SegmentNames, segment_bytes: Option<u64>) -> Self {
        let bytes = segment_bytes.filter(|bytes| is_postgres_segment_bytes(*bytes));
        SegmentOrder {
            names,
            per_log: POSTGRES_LOG_BYTES / bytes.unwrap_or(POSTGRES_SEGMENT_BYTES),
        }
    }

    /// PostgreSQL's order, for segments of the length that these have.
    pub(super) fn sized<'n>(segments: impl Iterator<Item = (&'n str, u64)> + Clone) -> Self {
        Self::new(SegmentNames::Postgres, postgres_segment_bytes(segments))
    }

    /// The order of these names and lengths. An error of kind `Settings` if most names, but not
    /// all, are of one kind: then it would be a guess which segment is the newest.
    pub fn detect<'n>(segments: impl Iterator<Item = (&'n str, u64)> + Clone) -> Result<Self> {
        let main = segments.clone().filter(|(name, _)| !is_postgres_extra(name));
        let Some((first, _)) = main.clone().next() else {
            let names = match segments.clone().next() {
                Some(_) => SegmentNames::Postgres,
                None => SegmentNames::Any,
            };
            return Ok(Self::new(names, None));
        };
        let count = main.clone().count();
        let postgres = main.clone().filter(|(name, _)| postgres_parts(name).is_some()).count();
        if postgres == count {
            return Ok(Self::new(SegmentNames::Postgres, postgres_segment_bytes(main)));
        }
        // Count all files, also those that look like PostgreSQL's extra files: for numbered names
        // they are names like any other.
        let all = segments.clone().count();
        let pattern = numbered(first).map(|parts| (parts.before, parts.after));
        let alike = |name: &str| {
            numbered(name).map(|parts| (parts.before, parts.after)) == pattern && pattern.is_some()
        };
        let numbers = segments.clone().filter(|(name, _)| alike(name)).count();
        if numbers == all {
            return Ok(Self::new(SegmentNames::Number, None));
        }
        let odd = if postgres * 2 > count {
            main.clone().map(|(name, _)| name).find(|name| postgres_parts(name).is_none())
        } else if numbers * 2 > all {
            segments.clone().map(|(name, _)| name).find(|name| !alike(name))
        } else {
            None
        };
        match odd {
            Some(odd) => Err(Error::settings(format!(
                "{odd:?} is not named like the other segments ({first:?}), so their order is not \
                 known; move it away (out of the archive: coldpress wal rm), or say how they are \
                 named (for the command: --names postgres, number or any)"
            ))),
            None => Ok(Self::new(SegmentNames::Any, None)),
        }
    }

    /// How the names are read.
    pub fn names(&self) -> SegmentNames {
        self.names
    }

    /// The place of the segment with this name. Every name has a place.
    pub fn place(&self, name: &str) -> SegmentPlace {
        let place = |is_segment, group: &str, number| SegmentPlace {
            is_segment,
            group: group.to_owned(),
            number,
            name: name.to_owned(),
        };
        match self.names {
            SegmentNames::Postgres => match postgres_parts(name) {
                Some((timeline, log, segment)) => {
                    place(true, timeline, log * self.per_log + segment)
                }
                None => place(false, "", 0),
            },
            SegmentNames::Number => match numbered(name) {
                Some(parts) => place(true, parts.before, parts.number),
                None => place(false, "", 0),
            },
            SegmentNames::Any => place(true, "", 0),
        }
    }

    /// The gap between two segments. `None` if nothing is missing, or if names cannot show it.
    pub fn gap(&self, earlier: &str, later: &str) -> Option<Gap> {
        self.gap_between(&self.place(earlier), &self.place(later))
    }

    /// Whether the numbers of one group continue those of another, as with PostgreSQL's timelines.
    pub(super) fn joins_groups(&self) -> bool {
        self.names == SegmentNames::Postgres
    }

    /// Whether the earlier segment can be part of the log that leads to the later one. A new
    /// timeline begins inside a segment of an old one, and the later segments of the old one do not
    /// lead to it.
    pub(super) fn leads_to(&self, earlier: &SegmentPlace, later: &SegmentPlace) -> bool {
        !self.joins_groups() || earlier.group == later.group || earlier.number <= later.number
    }

    /// As [`gap`](Self::gap), for two places.
    pub fn gap_between(&self, earlier: &SegmentPlace, later: &SegmentPlace) -> Option<Gap> {
        // A new timeline begins inside the last segment of the old one, or after it. Other names
        // with different groups are different sequences.
        let joined = earlier.group == later.group || self.joins_groups();
        if !(earlier.is_segment && later.is_segment && joined) || self.names == SegmentNames::Any {
            return None;
        }
        let first = earlier.number.checked_add(1)?;
        let segments = later.number.checked_sub(first).filter(|missing| *missing > 0)?;
        Some(Gap {
            after: earlier.name.clone(),
            first: self.name_of(earlier, first),
            segments,
            before: later.name.clone(),
        })
    }

    /// The name of the segment with this number, in the form of its neighbour's name.
    fn name_of(&self, neighbour: &SegmentPlace, number: u64) -> String {
        match (self.names, numbered(&neighbour.name)) {
            (SegmentNames::Postgres, _) => {
                let (log, segment) = (number / self.per_log, number % self.per_log);
                format!("{}{log:08X}{segment:08X}", neighbour.group)
            }
            (_, Some(parts)) => {
                let width = parts.digits;
                format!("{}{number:0width$}{}", parts.before, parts.after)
            }
            (_, None) => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(names: &[&str]) -> Result<SegmentOrder> {
        SegmentOrder::detect(names.iter().map(|name| (*name, 16 << 20)))
    }

    #[test]
    fn kinds_of_names_are_told_apart() {
        let pg = "000000010000000A000000FF";
        for (names, kind) in [
            (&[][..], SegmentNames::Any),
            (&[pg], SegmentNames::Postgres),
            (&[pg, "00000002.history"], SegmentNames::Postgres),
            (&["00000002.history"], SegmentNames::Postgres),
            (&[pg, "000000010000000A000000FF.00000028.backup"], SegmentNames::Postgres),
            (&["000000010000000A000000FF.partial", pg], SegmentNames::Postgres),
            (&["000000010000000a000000ff"], SegmentNames::Any),
            (&["1", "10", "9"], SegmentNames::Number),
            (&["wal-0009", "wal-0010"], SegmentNames::Number),
            (&["000001.log", "000002.log"], SegmentNames::Number),
            (&["b", "a"], SegmentNames::Any),
            (&["a1", "b1"], SegmentNames::Any),
            (&["99999999999999999999999"], SegmentNames::Any),
        ] {
            assert_eq!(detect(names).unwrap().names(), kind, "{names:?}");
        }
    }

    #[test]
    fn one_that_is_unlike_the_rest_is_named_and_not_guessed_about() {
        let pg = ["000000010000000000000001", "000000010000000000000002", "README"];
        let numbers = ["wal-1", "wal-2", "notes.txt", "wal-3"];
        for (names, odd) in [(&pg[..], "README"), (&numbers[..], "notes.txt")] {
            let error = detect(names).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Settings);
            assert!(error.to_string().contains(odd), "{error}");
        }
    }

    #[test]
    fn numbers_are_in_order_and_gaps_are_named_as_their_neighbours_are() {
        let order = detect(&["wal-9", "wal-10"]).unwrap();
        assert!(order.place("wal-9") < order.place("wal-10"));
        assert_eq!(order.gap("wal-9", "wal-10"), None);
        assert_eq!(order.gap("wal-9", "wal-9"), None);
        assert_eq!(order.gap("wal-10", "wal-9"), None);
        assert_eq!(order.gap("wal-009", "wal-011").unwrap().first, "wal-010");
        let gap = detect(&["0.log"]).unwrap().gap("00098.log", "00102.log").unwrap();
        assert_eq!((gap.first.as_str(), gap.segments), ("00099.log", 3));
        assert_eq!(
            gap.to_string(),
            "3 segments are missing, the first is 00099.log (after 00098.log, before 00102.log)"
        );
        assert_eq!(order.gap("a-1", "b-9"), None, "another count");
        let top = format!("wal-{}", u64::MAX);
        assert_eq!(order.gap(&top, "wal-1"), None);
        assert_eq!(order.gap("wal-0", &top).unwrap().segments, u64::MAX - 1);
    }

    #[test]
    fn postgres_counts_by_the_size_of_its_segments() {
        let default = detect(&["000000010000000000000001"]).unwrap();
        assert_eq!(default.gap("0000000100000000000000FF", "000000010000000100000000"), None);
        let gap = default.gap("0000000100000000000000FE", "000000010000000100000000").unwrap();
        assert_eq!(gap.first, "0000000100000000000000FF");
        let gap = default.gap("0000000100000000000000FF", "000000010000000100000001").unwrap();
        assert_eq!(gap.first, "000000010000000100000000");

        let of = |bytes: u64, name| SegmentOrder::detect([(name, bytes)].into_iter()).unwrap();
        let small = of(1 << 20, "000000010000000000000001");
        assert_eq!(small.gap("000000010000000000000FFF", "000000010000000100000000"), None);
        let large = of(1 << 30, "000000010000000000000003");
        assert_eq!(large.gap("000000010000000000000003", "000000010000000100000000"), None);
        // No gibibyte long: there are but four of them in a log.
        assert_eq!(of(1 << 30, "000000010000000000000004"), default);
        assert_eq!(of(12_345, "000000010000000000000004"), default);
    }

    #[test]
    fn a_new_timeline_goes_on_where_the_old_one_ended() {
        let order = detect(&["000000010000000000000001"]).unwrap();
        let (old, same) = ("000000010000000000000005", "000000020000000000000005");
        assert!(order.place(old) < order.place(same));
        assert_eq!(order.gap(old, same), None);
        assert_eq!(order.gap(old, "000000020000000000000006"), None);
        assert_eq!(order.gap(old, "000000020000000000000002"), None, "to a point in time");
        assert_eq!(
            order.gap(old, "000000020000000000000007").unwrap().first,
            "000000010000000000000006"
        );
        let history = order.place("00000002.history");
        assert!(!history.is_segment() && history < order.place(old));
        assert_eq!(order.gap("00000002.history", old), None);
    }
}
