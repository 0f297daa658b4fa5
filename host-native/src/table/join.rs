//! One type for the types that a column has in several files.

use std::collections::BTreeMap;

use coldpress_core::{Column, ColumnType, IntegerBounds, TimeUnit};

use super::clash::Clash;
use super::numbers::joined_numbers;

/// A column of one file, with what is known of its numbers.
pub(super) enum Node<'s> {
    Leaf(&'s ColumnType, IntegerBounds),
    List(Box<Node<'s>>),
    Struct(Vec<(&'s str, Node<'s>)>),
}

impl<'s> Node<'s> {
    /// The nodes of these columns; `bounds` has one item for each leaf below them.
    pub(super) fn fields(
        columns: &'s [Column],
        bounds: &mut dyn Iterator<Item = IntegerBounds>,
    ) -> Vec<(&'s str, Node<'s>)> {
        let there = columns.iter().filter(|column| column.column_type != ColumnType::Null);
        there.map(|column| (column.name.as_str(), Node::new(&column.column_type, bounds))).collect()
    }

    fn new(
        column_type: &'s ColumnType,
        bounds: &mut dyn Iterator<Item = IntegerBounds>,
    ) -> Node<'s> {
        match column_type {
            ColumnType::Struct(fields) => Node::Struct(Node::fields(fields, bounds)),
            ColumnType::List(element) => {
                Node::List(Box::new(Node::new(&element.column_type, bounds)))
            }
            leaf => Node::Leaf(leaf, bounds.next().unwrap_or_default()),
        }
    }

    fn type_name(&self) -> String {
        match self {
            Node::Leaf(column_type, _) => column_type.to_string(),
            Node::List(_) => "list".to_owned(),
            Node::Struct(_) => "struct".to_owned(),
        }
    }
}

/// The fields of structs as those of one struct, in order of first appearance.
pub(super) fn joined_fields(
    structs: &[&[(&str, Node<'_>)]],
    path: &str,
    clashes: &mut Vec<Clash>,
) -> Vec<Column> {
    let mut order = Vec::new();
    let mut by_name: BTreeMap<&str, Vec<&Node<'_>>> = BTreeMap::new();
    for (name, node) in structs.iter().copied().flatten() {
        let nodes = by_name.entry(name).or_default();
        if nodes.is_empty() {
            order.push(*name);
        }
        nodes.push(node);
    }
    let column = |name: &str| {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        Column::new(name, joined(&by_name[name], &path, clashes))
    };
    order.into_iter().map(column).collect()
}

/// The type that holds each value of all nodes; JSON if there is none.
fn joined(nodes: &[&Node<'_>], path: &str, clashes: &mut Vec<Clash>) -> ColumnType {
    let lists: Option<Vec<&Node<'_>>> = nodes
        .iter()
        .map(|node| match node {
            Node::List(element) => Some(&**element),
            _ => None,
        })
        .collect();
    if let Some(elements) = lists {
        return ColumnType::list_of(joined(&elements, &format!("{path}[]"), clashes));
    }
    let structs: Option<Vec<&[(&str, Node<'_>)]>> = nodes
        .iter()
        .map(|node| match node {
            Node::Struct(fields) => Some(fields.as_slice()),
            _ => None,
        })
        .collect();
    if let Some(structs) = structs {
        return ColumnType::Struct(joined_fields(&structs, path, clashes));
    }
    let leaves: Option<Vec<(&ColumnType, IntegerBounds)>> = nodes
        .iter()
        .map(|node| match node {
            Node::Leaf(column_type, bounds) => Some((*column_type, *bounds)),
            _ => None,
        })
        .collect();
    if let Some(one) = leaves.as_deref().and_then(joined_leaves) {
        return one;
    }
    let mut types: Vec<String> = nodes.iter().map(|node| node.type_name()).collect();
    types.sort_unstable();
    types.dedup();
    clashes.push(Clash { path: path.to_owned(), types });
    ColumnType::Json
}

fn joined_leaves(leaves: &[(&ColumnType, IntegerBounds)]) -> Option<ColumnType> {
    let first = plain(leaves.first()?.0);
    if leaves.iter().all(|(column_type, _)| plain(column_type) == first) {
        return Some(first);
    }
    joined_numbers(leaves).or_else(|| joined_instants(leaves))
}

/// The type without the form of its texts, which says nothing about its values.
fn plain(column_type: &ColumnType) -> ColumnType {
    match column_type {
        ColumnType::Decimal { precision, scale, .. } => {
            ColumnType::Decimal { precision: *precision, scale: *scale, form: None }
        }
        ColumnType::Timestamp { unit, .. } => ColumnType::Timestamp { unit: *unit, form: None },
        other => other.clone(),
    }
}

/// Timestamps of the finest unit, if it holds all of them.
fn joined_instants(leaves: &[(&ColumnType, IntegerBounds)]) -> Option<ColumnType> {
    let units: Option<Vec<(TimeUnit, IntegerBounds)>> = leaves
        .iter()
        .map(|(column_type, bounds)| match column_type {
            ColumnType::Timestamp { unit, .. } => Some((*unit, *bounds)),
            _ => None,
        })
        .collect();
    let units = units?;
    let (finest, _) = *units.iter().max_by_key(|(unit, _)| per_second(*unit))?;
    let fits = |(unit, bounds): &(TimeUnit, IntegerBounds)| {
        let factor = per_second(finest) / per_second(*unit);
        factor == 1 || bounds.is_within(i64::MAX as u64 / factor)
    };
    units.iter().all(fits).then_some(ColumnType::Timestamp { unit: finest, form: None })
}

fn per_second(unit: TimeUnit) -> u64 {
    match unit {
        TimeUnit::Millis => 1_000,
        TimeUnit::Micros => 1_000_000,
        TimeUnit::Nanos => 1_000_000_000,
    }
}
