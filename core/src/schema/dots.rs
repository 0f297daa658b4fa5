//! Names with dots that read as the path of another column.
//!
//! ClickHouse and PyIceberg know a field of a struct by its path, its names joined by dots. They
//! refuse a whole file in which `a.b` stands beside a struct `a` that has a field `b`.

use std::collections::BTreeSet;

use super::names::folded;
use super::{Column, ColumnType, ID_COLUMN, RESCUED_COLUMN};

/// The fields, each by its names from the top, whose name has a dot and whose path is that of
/// another field too. Lists are passed over. Of two such fields, the later one is among them.
pub(crate) fn twins(columns: &[Column]) -> Vec<Vec<String>> {
    let mut walk = Walk::default();
    if has_dots(columns) {
        walk.taken.extend([ID_COLUMN, RESCUED_COLUMN].map(str::to_owned));
        walk.note_plain(columns, &Path::default());
        walk.look(columns, &Path::default());
    }
    walk.twins
}

fn has_dots(fields: &[Column]) -> bool {
    fields.iter().any(|field| field.name.contains('.') || has_dots(fields_of(&field.column_type).0))
}

/// The fields of a struct, or of the structs in lists; and in how many lists they are.
fn fields_of(column_type: &ColumnType) -> (&[Column], usize) {
    match column_type {
        ColumnType::Struct(fields) => (fields, 0),
        ColumnType::List(element) => {
            let (fields, lists) = fields_of(&element.column_type);
            (fields, lists + 1)
        }
        _ => (&[], 0),
    }
}

/// A path in the forms that engines have for it.
#[derive(Clone, Default)]
struct Path {
    names: Vec<String>,
    /// Without the elements of lists.
    short: String,
    /// With them: `tags.element`.
    long: String,
}

impl Path {
    fn field(&self, name: &str) -> Path {
        let mut path = self.clone();
        path.names.push(name.to_owned());
        let name = folded(name);
        for text in [&mut path.short, &mut path.long] {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&name);
        }
        path
    }

    fn elements(mut self, lists: usize) -> Path {
        (0..lists).for_each(|_| self.long.push_str(".element"));
        self
    }
}

#[derive(Default)]
struct Walk {
    /// The paths of the fields that become columns.
    taken: BTreeSet<String>,
    twins: Vec<Vec<String>>,
}

impl Walk {
    /// Notes every field that has no dot in its path: these become columns in any case.
    fn note_plain(&mut self, fields: &[Column], above: &Path) {
        for field in fields.iter().filter(|field| !field.name.contains('.')) {
            for path in paths(field, above) {
                self.taken.insert(path);
            }
            let (below, lists) = fields_of(&field.column_type);
            self.note_plain(below, &above.field(&field.name).elements(lists));
        }
    }

    /// Looks at the fields with a dot in their names.
    fn look(&mut self, fields: &[Column], above: &Path) {
        for field in fields {
            let path = above.field(&field.name);
            let (below, lists) = fields_of(&field.column_type);
            let inside = path.clone().elements(lists);
            if field.name.contains('.') {
                let mut own = Walk::default();
                own.taken.extend(paths(field, above));
                own.note_plain(below, &inside);
                if !own.taken.is_disjoint(&self.taken) {
                    self.twins.push(path.names);
                    continue;
                }
                self.taken.append(&mut own.taken);
            }
            self.look(below, &inside);
        }
    }
}

/// The paths that a field has, and those of its elements where it is a list.
fn paths(field: &Column, above: &Path) -> Vec<String> {
    // A column of nulls is in no file.
    if field.column_type == ColumnType::Null {
        return Vec::new();
    }
    let path = above.field(&field.name);
    let mut paths = vec![path.short, path.long.clone()];
    let (mut column_type, mut long) = (&field.column_type, path.long);
    while let ColumnType::List(element) = column_type {
        long.push_str(".element");
        paths.push(long.clone());
        column_type = &element.column_type;
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schema;

    #[test]
    fn dotted_names_are_found_where_they_read_as_another_path() {
        let list = |fields| ColumnType::list_of(ColumnType::Struct(fields));
        let text = |name: &str| Column::new(name, ColumnType::String);
        let object = |name: &str, fields| Column::new(name, ColumnType::Struct(fields));
        for (columns, wanted) in [
            (vec![text("a.b"), text("a")], &[][..]),
            (vec![text("a.b"), object("a", vec![text("c")])], &[]),
            (vec![text("a.b"), object("a", vec![text("b")])], &[&["a.b"][..]]),
            (vec![object("A", vec![text("B")]), text("a.b")], &[&["a.b"]]),
            (
                vec![object("a.b", vec![text("c")]), object("a", vec![text("b.c")])],
                &[&["a", "b.c"]],
            ),
            (vec![object("a", vec![object("b", vec![text("c")])]), text("a.b.c")], &[&["a.b.c"]]),
            (vec![Column::new("a", list(vec![text("b")])), text("a.b")], &[&["a.b"]]),
            (
                vec![Column::new("a", list(vec![text("b")])), text("a.element.b")],
                &[&["a.element.b"]],
            ),
            (
                vec![Column::new("a", list(vec![text("b.c"), object("b", vec![text("c")])]))],
                &[&["a", "b.c"]],
            ),
            (vec![text("x.y"), Column::new("x", ColumnType::Null)], &[]),
        ] {
            let schema = Schema::new(columns).unwrap();
            assert_eq!(twins(schema.columns()), wanted, "{}", schema.to_json());
        }
    }
}
