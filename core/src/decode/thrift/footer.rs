//! The walk over a footer, `FileMetaData`, before parquet decodes it.
//!
//! What parquet reserves by a claim, or builds by recursion, is held against the bytes that are there:
//! counts of all lists, the tree that `num_children` spells, the chunks of each row group.

use super::shape::{COLUMN_ORDERS, KEY_VALUES, Kind, ROW_GROUP, SCHEMA_ELEMENT};
use super::walk::Found;
use super::{LIST, Reader};

/// The deepest schema that is decoded, by recursion. Ours nest to 64 structs and lists, at most 16 of them
/// lists, which take two levels more each.
const DEPTH_MAX: usize = 192;
/// Pairs of key and value in a footer at most; ours have eight.
const PAIRS_MAX: usize = 1_024;

/// Whether parquet's decoder can be given this footer; else the byte at which it stops to make sense.
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
                let Found::List(pairs) = reader.known(&KEY_VALUES, wire)? else { return None };
                (pairs <= PAIRS_MAX).then_some(())?;
            }
            6 => drop(reader.known(&Kind::Binary, wire)?),
            7 => {
                let Found::List(orders) = reader.known(&COLUMN_ORDERS, wire)? else {
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
    /// Bytes of the names down to it.
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

/// The schema's tree; how many leaves it has.
fn schema(reader: &mut Reader<'_>, wire: u8) -> Option<usize> {
    let count = list(reader, wire, &Kind::Struct(&SCHEMA_ELEMENT))?;
    let mut open: Vec<Group> = Vec::new();
    let (mut leaves, mut path_bytes) = (0, 0_usize);
    for number in 0..count {
        let node = node(reader)?;
        let children = usize::try_from(node.children).ok()?;
        let above = match open.last_mut() {
            // The root: a group, with nothing beside it.
            None if number == 0 && children > 0 && !node.has_type => 0,
            None => return None,
            Some(parent) => {
                matches!(node.repetition, Some(0..=2)).then_some(())?;
                parent.children_left -= 1;
                parent.path_bytes
            }
        };
        // A length and a name, as each chunk spells its path.
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
    // Parquet spells the path of every leaf; so does each row group of the file, in the bytes to come.
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
    // Either a leaf or a group.
    (!(node.has_type && node.children > 0)).then_some(node)
}

/// All row groups, each with a chunk for every leaf.
fn row_groups(reader: &mut Reader<'_>, wire: u8, leaves: usize) -> Option<()> {
    for _ in 0..list(reader, wire, &Kind::Struct(&ROW_GROUP))? {
        reader.structure(&ROW_GROUP, &mut |id, found| match (id, found) {
            (1, Found::List(chunks)) if chunks != leaves => None,
            _ => Some(()),
        })?;
    }
    Some(())
}

fn list(reader: &mut Reader<'_>, wire: u8, element: &Kind) -> Option<usize> {
    if wire == LIST { reader.list(element) } else { None }
}
