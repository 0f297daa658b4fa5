//! Finds columns in the schema of a file.

use std::collections::BTreeSet;
use std::ops::Range;

use coldpress_core::filter::ColumnPath;
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::Type;

use crate::error::{Error, Result};
use crate::record_batches::file::File;

/// The leaves below a column; `None` if there is no such column. A path leads through structs only.
pub(super) fn find(root: &Type, path: &ColumnPath) -> Option<Range<usize>> {
    let (mut group, mut first) = (root, 0);
    for (depth, name) in path.names().iter().enumerate() {
        let mut found = None;
        for field in group.get_fields() {
            let leaves = count(field);
            if field.name() == name {
                found = Some((field, leaves));
                break;
            }
            first += leaves;
        }
        let (field, leaves) = found?;
        if depth + 1 == path.names().len() {
            return Some(first..first + leaves);
        }
        if !is_struct(field) {
            return None;
        }
        group = field;
    }
    None
}

/// The leaves of a projection, in order; all, if it is `None`. An error of kind `Settings` if the
/// file does not have one of the columns, or if there is none.
pub(crate) fn leaves(file: &File, projection: Option<&[ColumnPath]>) -> Result<Vec<usize>> {
    let schema = file.metadata.file_metadata().schema_descr();
    let Some(paths) = projection else { return Ok((0..schema.num_columns()).collect()) };
    let mut leaves = BTreeSet::new();
    for path in paths {
        let found = find(schema.root_schema(), path);
        leaves.extend(found.filter(|found| !found.is_empty()).ok_or_else(|| missing(file, path))?);
    }
    match leaves.is_empty() {
        true => Err(Error::settings("the projection is empty; name at least one column")),
        false => Ok(leaves.into_iter().collect()),
    }
}

/// The error for a column that the file does not have.
pub(super) fn missing(file: &File, path: &ColumnPath) -> Error {
    /// So many names are shown.
    const SHOWN: usize = 20;
    let fields = file.metadata.file_metadata().schema_descr().root_schema().get_fields();
    let mut names: Vec<&str> = fields.iter().take(SHOWN).map(|field| field.name()).collect();
    if fields.len() > SHOWN {
        names.push("…");
    }
    Error::settings(format!(
        "the file has no column {path}; its columns are {}; a path leads through structs only",
        names.join(", ")
    ))
}

fn count(node: &Type) -> usize {
    match node.is_group() {
        true => node.get_fields().iter().map(|field| count(field)).sum(),
        false => 1,
    }
}

/// Whether fields below the node are fields of one value.
fn is_struct(node: &Type) -> bool {
    let info = node.get_basic_info();
    let repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    let is_many = matches!(info.logical_type_ref(), Some(LogicalType::List | LogicalType::Map))
        || matches!(
            info.converted_type(),
            ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE
        );
    node.is_group() && !repeated && !is_many
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn a_path_leads_through_structs_only() {
        let schema = parse_message_type(
            "message m {
                required int64 a;
                optional group s { optional int64 x; optional group t { optional int64 y; } }
                optional group l (LIST) { repeated group list { optional int64 element; } }
                repeated group r { optional int64 z; }
                optional group m (MAP) {
                    repeated group key_value { required int64 key; optional int64 value; }
                }
                optional int64 last;
            }",
        )
        .unwrap();
        for (path, leaves) in [
            ("a", Some(0..1)),
            ("s", Some(1..3)),
            ("s.x", Some(1..2)),
            ("s.t", Some(2..3)),
            ("s.t.y", Some(2..3)),
            ("l", Some(3..4)),
            ("l.list", None),
            ("r", Some(4..5)),
            ("r.z", None),
            ("m", Some(5..7)),
            ("m.key_value", None),
            ("last", Some(7..8)),
            ("a.b", None),
            ("A", None),
        ] {
            assert_eq!(find(&schema, &path.parse().unwrap()), leaves, "{path}");
        }
    }
}
