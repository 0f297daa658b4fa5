//! The walk over a footer (`FileMetaData` of `parquet.thrift`), before parquet decodes it.
//!
//! Parquet's decoder reserves memory by what the footer claims, and builds the schema by recursion.
//! So a few bytes could make it use any amount of memory or stack. The walk compares these claims
//! with the bytes that exist: the counts of all lists, the tree that `num_children` describes, and
//! the number of chunks in each row group.

use super::shape::{COLUMN_ORDERS, KEY_VALUES, Kind, ROW_GROUP, SCHEMA_ELEMENT};
use super::walk::Found;
use crate::format::thrift::{LIST, Reader};

/// The deepest schema that parquet may decode, because it recurses. Our schemas nest up to 64
/// structs and lists. At most 16 of these are lists, and each list takes two more levels.
const DEPTH_MAX: usize = 192;
/// The most pairs of key and value in a footer; our files have eight.
const PAIRS_MAX: usize = 1_024;

/// Checks that parquet can safely decode this footer. The error is the byte at which the walk
/// stopped.
pub(in super::super) fn check_footer(thrift: &[u8]) -> Result<(), usize> {
    let mut reader = Reader::for_parquet(thrift);
    match walk(&mut reader) {
        Some(()) => Ok(()),
        None => Err(reader.at()),
    }
}

fn walk(reader: &mut Reader<'_>) -> Option<()> {
    let mut leaves = None;
    let (mut version, mut rows, mut groups) = (false, false, false);
    let mut last = 0;
    while let Some((id, wire)) = reader.next_field(last)? {
        match id {
            1 => version = reader.i32(wire).map(|_| true)?,
            2 => leaves = Some(schema(reader, wire)?),
            3 => rows = reader.known(&Kind::I64, wire).map(|_| true)?,
            4 => {
                row_groups(reader, wire, leaves?)?;
                groups = true;
            }
            5 => {
                let Found::List(pairs, _) = reader.known(&KEY_VALUES, wire)? else { return None };
                (pairs <= PAIRS_MAX).then_some(())?;
            }
            6 => drop(reader.known(&Kind::Binary, wire)?),
            7 => {
                let Found::List(orders, _) = reader.known(&COLUMN_ORDERS, wire)? else {
                    return None;
                };
                (Some(orders) == leaves).then_some(())?;
            }
            _ => reader.skip(wire)?,
        }
        last = id;
    }
    (version && rows && groups).then_some(())
}

/// A group of the schema whose children are not all read.
struct Group {
    children_left: usize,
    /// Bytes of the names from the top down to it.
    path_bytes: usize,
}

/// One node of the schema.
#[derive(Default)]
struct Node {
    has_type: bool,
    repetition: Option<i64>,
    name_bytes: usize,
    children: i64,
}

/// Walks the tree of the schema; gives the number of its leaves.
fn schema(reader: &mut Reader<'_>, wire: u8) -> Option<usize> {
    let count = list(reader, wire, &Kind::Struct(&SCHEMA_ELEMENT))?;
    let mut open: Vec<Group> = Vec::new();
    let (mut leaves, mut path_bytes) = (0, 0_usize);
    for number in 0..count {
        let node = node(reader)?;
        let children = usize::try_from(node.children).ok()?;
        let above = match open.last_mut() {
            // The root: a group, and no other node is at its level.
            None if number == 0 && children > 0 && !node.has_type => 0,
            None => return None,
            Some(parent) => {
                matches!(node.repetition, Some(0..=2)).then_some(())?;
                parent.children_left -= 1;
                parent.path_bytes
            }
        };
        // A byte for a length, and a name: so each column chunk writes its path.
        let path = if number == 0 { 0 } else { above.checked_add(node.name_bytes + 1)? };
        if children > 0 {
            (children < count - number && open.len() < DEPTH_MAX).then_some(())?;
            open.push(Group { children_left: children, path_bytes: path });
        } else if node.has_type {
            leaves += 1;
            path_bytes = path_bytes.checked_add(path)?;
        }
        while open.last().is_some_and(|group| group.children_left == 0) {
            open.pop();
        }
    }
    // Parquet builds the path of every leaf in memory. Each row group also writes all these paths,
    // in the bytes that follow, so a true footer has at least as many bytes left.
    (open.is_empty() && path_bytes <= reader.rest()).then_some(leaves)
}

fn node(reader: &mut Reader<'_>) -> Option<Node> {
    let mut node = Node::default();
    reader.structure(&SCHEMA_ELEMENT, &mut |id, found| {
        match (id, found) {
            (1, _) => node.has_type = true,
            (3, Found::Int(repetition)) => node.repetition = Some(repetition),
            (4, Found::Bytes(name)) => node.name_bytes = name.len(),
            (5, Found::Int(children)) => node.children = children,
            _ => {}
        }
        Some(())
    })?;
    // A node is either a leaf with a type, or a group with children.
    (!(node.has_type && node.children > 0)).then_some(node)
}

/// Walks all row groups. Each must have a chunk for every leaf.
fn row_groups(reader: &mut Reader<'_>, wire: u8, leaves: usize) -> Option<()> {
    for _ in 0..list(reader, wire, &Kind::Struct(&ROW_GROUP))? {
        reader.structure(&ROW_GROUP, &mut |id, found| match (id, found) {
            (1, Found::List(chunks, _)) if chunks != leaves => None,
            _ => Some(()),
        })?;
    }
    Some(())
}

fn list(reader: &mut Reader<'_>, wire: u8, element: &Kind) -> Option<usize> {
    if wire == LIST { reader.list(element) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, Settings, Target};

    /// The footer of a file with lists, structs and two row groups.
    fn footer() -> Vec<u8> {
        let settings = Settings { row_group_rows_max: 1, ..Settings::default() };
        let mut encoder = Encoder::new(settings).unwrap();
        encoder.push_json(br#"{"a":1,"l":[{"t":"x"},{}]} {"a":"stray","d":1.5}"#).unwrap();
        let bytes = encoder.finish(&Target::new(1, "c")).unwrap().bytes;
        let end = bytes.len() - 8;
        let length = u32::from_le_bytes(*bytes[end..].first_chunk().unwrap()) as usize;
        bytes[end - length..end].to_vec()
    }

    fn replaced(footer: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
        [&footer[..at], with, &footer[at + 1..]].concat()
    }

    #[test]
    fn a_whole_footer_passes_and_no_part_of_it() {
        let footer = footer();
        assert_eq!(check_footer(&footer), Ok(()));
        for end in 0..footer.len() {
            assert!(check_footer(&footer[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn no_head_of_a_list_can_claim_more_than_there_is() {
        let footer = footer();
        let mut claims = 0;
        for (at, head) in footer.iter().copied().enumerate() {
            // The head of a list stands behind the head of a field that is one.
            let is_list = at > 0 && footer[at - 1] & 15 == LIST && footer[at - 1] >> 4 > 0;
            if is_list && matches!(head & 15, 5 | 6 | 8 | 12) && head >> 4 < 15 {
                let long = [0xF0 | (head & 15), 0xFF, 0xFF, 0xFF, 0xFF, 7];
                assert!(check_footer(&replaced(&footer, at, &long)).is_err(), "{at}");
                claims += 1;
            }
        }
        assert!(claims > 20, "{claims}");
    }

    #[test]
    fn fields_that_parquet_skips_without_a_byte_are_refused() {
        let footer = footer();
        let with = |field: &[u8]| {
            let body = &footer[..footer.len() - 1];
            check_footer(&[body, field, &[0]].concat())
        };
        // Field 22: a string, a list of integers; lists and maps of booleans.
        assert_eq!(with(&[0xF8, 1, b'x']), Ok(()));
        assert_eq!(with(&[0xF9, 0x25, 2, 4]), Ok(()));
        assert!(with(&[0xF9, 0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 7]).is_err());
        assert!(with(&[0xF9, 0x21, 1, 1]).is_err());
        assert!(with(&[0xFB, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0x11]).is_err());
        assert!(with(&[0xF9, 0x19, 0xF2, 0xFF, 0xFF, 0xFF, 0xFF, 7]).is_err());
    }

    #[test]
    fn a_schema_is_one_tree_of_bounded_depth() {
        let leaf = [0x15, 2, 0x25, 0, 0x18, 1, b'a', 0];
        let group = [0x35, 0, 0x18, 1, b'g', 0x15, 2, 0];
        let root = |children: u8| [0x48, 1, b'r', 0x15, children << 1, 0];
        let check = |root: [u8; 6], elements: &[&[u8]]| {
            let count = elements.len() + 1;
            let mut bytes = vec![0xFC, (count & 0x7F) as u8 | 0x80, (count >> 7) as u8];
            bytes.extend(root);
            bytes.extend(elements.concat());
            // Where paths could be spelled.
            bytes.extend([0; 4_000]);
            schema(&mut Reader::for_parquet(&bytes), LIST)
        };
        assert_eq!(check(root(2), &[&leaf, &leaf]), Some(2));
        assert_eq!(check(root(1), &[&group, &leaf]), Some(1));
        for (children, elements) in
            [(1, &[&leaf[..], &leaf][..]), (3, &[&leaf, &leaf]), (0, &[]), (1, &[&group])]
        {
            assert_eq!(check(root(children), elements), None, "{children}");
        }
        let nested = |depth| [vec![&group[..]; depth], vec![&leaf[..]]].concat();
        assert_eq!(check(root(1), &nested(190)), Some(1));
        assert_eq!(check(root(1), &nested(500)), None);
    }
}
