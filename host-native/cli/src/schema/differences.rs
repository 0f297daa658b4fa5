//! Where the schemas of a collection's files differ.

use std::collections::{BTreeMap, BTreeSet};

use coldpress_core::{Column, ColumnType, Schema};

/// The files that have a schema, by their places among the keys.
pub struct SameSchema {
    pub schema: Schema,
    pub files: Vec<usize>,
}

/// A column that is not the same in all files.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its path: `a.b` is a field of `a`, `a[]` an element.
    pub path: String,
    /// Its types with the files that have each; `None`: no such column.
    pub types: BTreeMap<Option<String>, Vec<usize>>,
}

/// The columns that differ, by their paths. A column is not named if all that differs is that the
/// column above it is absent or of another type.
pub fn differences(schemas: &[SameSchema]) -> Vec<Difference> {
    let flat: Vec<BTreeMap<String, Node>> =
        schemas.iter().map(|same| flatten(&same.schema)).collect();
    let paths: BTreeSet<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    let difference = |path: &String| {
        let mut types: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
        let above = flat.iter().find_map(|of| of.get(path)).and_then(|node| node.above.clone());
        for (same, flat) in schemas.iter().zip(&flat) {
            let found = flat.get(path).map(|node| node.type_name.clone());
            let has_above = above.as_ref().is_none_or(|above| flat.contains_key(above));
            if found.is_some() || has_above {
                types.entry(found).or_default().extend(&same.files);
            }
        }
        types.values_mut().for_each(|files| files.sort_unstable());
        (types.len() > 1).then(|| Difference { path: path.clone(), types })
    };
    paths.into_iter().filter_map(difference).collect()
}

struct Node {
    type_name: String,
    /// The path of the struct or the list that it is in.
    above: Option<String>,
}

fn flatten(schema: &Schema) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    fields(schema.columns(), None, &mut nodes);
    nodes
}

fn fields(columns: &[Column], above: Option<&str>, nodes: &mut BTreeMap<String, Node>) {
    for column in columns {
        let path = match above {
            Some(above) => format!("{above}.{}", column.name),
            None => column.name.clone(),
        };
        node(&column.column_type, path, above, nodes);
    }
}

fn node(
    column_type: &ColumnType,
    path: String,
    above: Option<&str>,
    nodes: &mut BTreeMap<String, Node>,
) {
    let type_name = match column_type {
        // There is no such column in the file.
        ColumnType::Null => return,
        ColumnType::Struct(columns) => {
            fields(columns, Some(&path), nodes);
            "struct".to_owned()
        }
        ColumnType::List(element) => {
            node(&element.column_type, format!("{path}[]"), Some(&path), nodes);
            "list".to_owned()
        }
        simple => simple.to_string(),
    };
    nodes.insert(path, Node { type_name, above: above.map(str::to_owned) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(columns: &str, files: &[usize]) -> SameSchema {
        let schema = Schema::from_json(&format!(r#"{{"columns":[{columns}]}}"#)).unwrap();
        SameSchema { schema, files: files.to_vec() }
    }

    #[test]
    fn types_and_absent_columns_are_told_once() {
        let one = r#"{"name":"v","type":"int64"},{"name":"n","type":"null"},
            {"name":"s","type":"struct","fields":[{"name":"a","type":"int64"}]}"#;
        let two = r#"{"name":"v","type":"float64"},
            {"name":"l","type":"list","element":{"type":"json"}}"#;
        let three = r#"{"name":"v","type":"int64"},
            {"name":"s","type":"struct","fields":[{"name":"a","type":"string"}]}"#;
        let schemas = [same(one, &[0, 3]), same(two, &[1]), same(three, &[2])];
        let found: Vec<String> = differences(&schemas)
            .iter()
            .map(|difference| {
                let types = difference
                    .types
                    .iter()
                    .map(|(name, files)| format!("{} {files:?}", name.as_deref().unwrap_or("-")));
                format!("{}: {}", difference.path, types.collect::<Vec<_>>().join(", "))
            })
            .collect();
        assert_eq!(
            found,
            [
                "l: - [0, 2, 3], list [1]",
                "s: - [1], struct [0, 2, 3]",
                "s.a: int64 [0, 3], string [2]",
                "v: float64 [1], int64 [0, 2, 3]",
            ]
        );
        assert_eq!(differences(&schemas[..1]), []);
    }
}
